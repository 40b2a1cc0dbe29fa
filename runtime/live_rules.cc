// What all members do alike (xcom/node_rules.cc), as this member's options and commands ask for it.
#include <charconv>
#include <chrono>
#include <utility>

#include "runtime/live_group.hh"
#include "runtime/node_settings.hh"

namespace runtime {
namespace {

constexpr auto patience = std::chrono::seconds(10);

}  // namespace

// What is set here holds in the whole group. What was set before this member came is its wish for a group it founds only.
void live_group::ask_for_rules_in_options() {
  auto const wanted = node_settings(*options_.options, self_, boot_).rules;
  auto const before = std::exchange(rules_in_options_, wanted);
  bool const first_look = before.since == 0;
  rules_in_options_.since = 1;
  if (first_look || wanted.same_but_since(before)) return;
  auto rules = node_->current_site().rules;
  if (wanted.horizon != before.horizon) rules.horizon = wanted.horizon;
  if (wanted.each_zone != before.each_zone) rules.each_zone = wanted.each_zone;
  if (auto const why = node_->why_not_rules(rules); !why.empty())
    return say(gr::server::level::warning, "the group's rules stay as they are: " + why);
  steps_->push(xcom::change_rules{rules});
}

base::result<void> live_group::change_protocol(std::string const& number) {
  std::uint16_t protocol = 0;
  auto const* const end = number.data() + number.size();
  auto const read = std::from_chars(number.data(), end, protocol);
  if (read.ec != std::errc{} || read.ptr != end || !xcom::protocol_range{}.holds(protocol))
    return base::fail("'" + number + "' is not a protocol of this version of the library, which speaks " +
                      xcom::to_string(xcom::protocol_range{}));
  auto const answer = std::make_shared<ticket<base::result<void>>>();
  post([this, protocol, answer] {
    if (changing_protocol_) return answer->answer(base::fail("an earlier change is under way"));
    changing_protocol_ = answer;
    begin_to_change_protocol(protocol);
  });
  if (!is_open()) return base::fail("this server is not connected to a group");
  auto const done = answer->wait_for(patience);
  return done ? *done : base::fail("no answer within " + std::to_string(patience.count()) + " s: is there a majority?");
}

void live_group::begin_to_change_protocol(std::uint16_t number) {
  bool const takes_part = node_ && node_->is_member() && !closing_ && !gave_up_;
  auto rules = takes_part ? node_->current_site().rules : xcom::site_rules{};
  rules.protocol = number;
  auto why = takes_part ? node_->why_not_rules(rules) : "this member is not in the group";
  if (takes_part && why.empty() && number < xcom::protocol_with_roles && member_->roles() != gr::group_roles{})
    why = "members that speak no more than protocol " + std::to_string(number) + " know nothing of a primary";
  if (!why.empty()) return std::exchange(changing_protocol_, nullptr)->answer(base::fail(why));
  protocol_wanted_ = number;
  step_node(xcom::change_rules{rules});
  steps_->when_free([this] { check_protocol_change(); });
}

void live_group::check_protocol_change() {
  if (!changing_protocol_ || !node_ || node_->is_asking_for_rules()) return;
  publish_status();  // whoever asked looks at once
  bool const done = node_->current_site().rules.protocol == protocol_wanted_;
  std::exchange(changing_protocol_, nullptr)
      ->answer(done ? base::result<void>{} : base::fail("another change of the group's rules came first; try again"));
}

}  // namespace runtime
