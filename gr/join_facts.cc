#include "gr/join_facts.hh"

#include <charconv>

#include "base/ensure.hh"

namespace gr {
namespace {

std::vector<recovery::candidate> candidates_of(join_facts const& known) {
  std::vector<recovery::candidate> all;
  all.reserve(known.members.size());
  for (auto const& each : known.members) all.push_back(each.as);
  return all;
}

joiner_plan plan_for(join_facts const& known, std::string name, certifier::gtid_set own,
                     recovery::candidate const& as) {
  recovery::join_question question;
  question.self = as.id;
  question.own = std::move(own);
  question.zone = as.zone;
  question.clone_threshold = known.clone_threshold;
  question.donor_threshold = known.donor_threshold;
  question.policy = known.policy;
  question.named = known.named;
  if (known.ordered > 0) question.group.add(known.history, {1, known.ordered});
  auto plan = recovery::plan_join(candidates_of(known), question);
  return {std::move(name), question.own.text(), std::move(plan)};
}

}  // namespace

base::result<certifier::gtid_set> parse_join_position(std::string const& text, base::uuid const& history) {
  std::int64_t position = -1;
  auto const* const end = text.data() + text.size();
  auto const number = std::from_chars(text.data(), end, position);
  if (text.empty() || number.ec != std::errc{} || number.ptr != end) return certifier::gtid_set::parse(text);
  if (position < 0) return base::fail("a position is 0 or more");
  certifier::gtid_set up_to;
  if (position > 0) up_to.add(history, {1, position});
  return up_to;
}

std::vector<joiner_plan> plan_joins(join_facts const& known, std::string const& asked) {
  std::vector<joiner_plan> plans;
  plans.push_back(plan_for(known, "new member", {}, {}));
  for (auto const& each : known.members)
    if (!each.as.arbiter) plans.push_back(plan_for(known, each.name, each.as.executed, each.as));
  if (asked.empty()) return plans;
  auto own = parse_join_position(asked, known.history);
  ensure(own.has_value());
  plans.push_back(plan_for(known, "new member at join_plan_position", std::move(*own), {}));
  return plans;
}

}  // namespace gr
