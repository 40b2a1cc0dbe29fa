#include "recovery/join_plan.hh"

#include <string>

namespace recovery {
namespace {

selection_request request_for(join_question const& question, method_choice const& choice) {
  return {.kind = choice.what == method::clone ? transfer_kind::clone : transfer_kind::log,
          .self = question.self,
          .zone = question.zone,
          .missing = choice.missing,
          .donor_threshold = question.donor_threshold,
          .policy = question.policy,
          .named = question.named};
}

}  // namespace

gtid_set errant_in(gtid_set const& own, gtid_set const& group) { return difference_of(own, group); }

std::string describe_errant(gtid_set const& errant) {
  auto const count = errant.count();
  return std::to_string(count) + (count == 1 ? " transaction" : " transactions") + " the group does not have (" +
         errant.text() + ")";
}

join_plan plan_join(std::span<candidate const> members, join_question const& question) {
  join_plan plan;
  plan.errant = errant_in(question.own, question.group);
  if (!plan.errant.empty()) {
    plan.choice.what = method::leave;
    plan.choice.why = "it is refused: it holds " + describe_errant(plan.errant);
    return plan;
  }
  plan.choice = choose_method(members, {.self = question.self,
                                        .own = question.own,
                                        .clone_threshold = question.clone_threshold,
                                        .has_data = !question.own.empty()});
  base::prng random(1);  // the order among equals means nothing here
  plan.donors = select_donors(members, request_for(question, plan.choice), random);
  return plan;
}

}  // namespace recovery
