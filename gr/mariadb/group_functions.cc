// What each of the group's functions does. Each ends by itself: it has a deadline, and KILL QUERY ends it sooner. What it had
// ordered goes on all the same; REPLICATION_GROUP_MEMBERS and Gr_primary_change show how far it is.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <thread>

#include "gr/mariadb/functions.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/shared.hh"
#include "gr/roles.hh"

namespace gr::mariadb {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using kind = role_request::kind;
using answer = base::result<answer_text>;

constexpr auto look_every = milliseconds(5);
constexpr auto mode_patience = seconds(60);  // for members to apply what was before the change
constexpr auto rules_patience = seconds(10);
constexpr auto behind_open_ones = seconds(60);  // a switch may take so much longer than open transactions were given
constexpr std::int64_t open_ones_default_s = 60;
constexpr std::int64_t open_ones_most_s = 3600;  // as in MySQL
constexpr char const* concurrency_option = "group_replication_write_concurrency";

// "argument 2 is '5x', a whole number from 0 to 3600 seconds is wanted"
base::result<std::int64_t> number_of(std::string const& text, std::size_t place, std::int64_t low, std::int64_t high,
                                     char const* unit) {
  std::int64_t value = 0;
  auto const* const end = text.data() + text.size();
  auto const read = std::from_chars(text.data(), end, value);
  if (read.ec == std::errc{} && read.ptr == end && value >= low && value <= high) return value;
  return base::fail(fmt::format("argument {} is '{}'; a whole number from {} to {}{}{} is wanted", place, text, low,
                                high, *unit == '\0' ? "" : " ", unit));
}

base::result<std::shared_ptr<gr::group>> group_of_the_moment() {
  auto group = current_group();
  if (!group) return base::fail("this server is in no group (wsrep_cluster_address)");
  return group;
}

template <class Holds>
base::result<void> wait_until(Holds const& holds, clock::time_point until, caller const& who, std::string const& what) {
  for (;;) {
    auto const done = holds();
    if (!done) return done.error();
    if (*done) return {};
    if (who.is_killed()) return base::fail("it was killed while it waited: " + what + " goes on by itself");
    if (clock::now() >= until)
      return base::fail(
          "its time is over: " + what +
          " is not done yet, and goes on by itself. Gr_primary_change in SHOW STATUS tells how far it is");
    std::this_thread::sleep_for(look_every);
  }
}

std::string took(clock::time_point since) {
  return fmt::format("{:.3f} s", std::chrono::duration<double>(clock::now() - since).count());
}

std::string name_of(group_status const& now, base::uuid const& id) {
  for (auto const& each : now.members)
    if (each.id == id) return fmt::format("{} ({}:{})", base::to_string(id), each.host, each.port);
  return base::to_string(id);
}

// Those who may write now have applied what was ordered before, as far as their heartbeats say.
bool writers_are_level(group_status const& now, seqno_t since) {
  for (auto const& each : now.members) {
    bool const writes = each.role == "PRIMARY" && each.state == "ONLINE";
    if (writes && (each.is_self ? !now.roles.own.writes : each.applied < since)) return false;
  }
  return true;
}

answer set_as_primary(arguments const& given, caller const& who) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  std::int64_t open_ones_s = open_ones_default_s;
  if (given.size() > 1 && given[1]) {
    auto const asked = number_of(*given[1], 2, 0, open_ones_most_s, "seconds");
    if (!asked) return asked.error();
    open_ones_s = *asked;
  }
  auto const target = given[0] ? base::parse_uuid(*given[0]) : base::result<base::uuid>(base::fail("NULL"));
  if (!target) return base::fail("argument 1 has to be the MEMBER_ID of a member: " + target.error().text);
  auto const begun = clock::now();
  auto const before = (*group)->status();
  if (before.roles.single && before.roles.primary == *target)
    return answer_text{fmt::format("The primary is {} already", name_of(before, *target))};
  who.show("group_replication: the primary lets open transactions end");
  auto const ordered = (*group)->change_roles({kind::set_primary, *given[0], seconds(open_ones_s)});
  if (!ordered) return ordered.error();
  auto const ordered_at = clock::now();  // and shown with the group's next tick
  auto const handed_over = [&]() -> base::result<bool> {
    auto const now = (*group)->status();
    if (now.roles.epoch != before.roles.epoch && now.roles.primary == *target) return true;
    if (now.roles.epoch != before.roles.epoch) return base::fail("another change came first: " + now.roles.news);
    bool const gone = now.roles.switching_to.is_nil() && clock::now() - ordered_at > look_every * 100;
    if (gone) return base::fail("nothing was changed: " + now.roles.news);
    return false;
  };
  auto const until = begun + 2 * seconds(open_ones_s) + behind_open_ones;
  if (auto done = wait_until(handed_over, until, who, "the change of the primary"); !done) return done.error();
  who.show("group_replication: the new primary applies what was before it");
  auto const since = (*group)->status().last_ordered;
  auto const level = [&]() -> base::result<bool> { return writers_are_level((*group)->status(), since); };
  if (auto done = wait_until(level, until, who, "applying what was before"); !done) return done.error();
  return answer_text{fmt::format("Primary switched to {} in {}", name_of((*group)->status(), *target), took(begun))};
}

answer change_mode_to(kind what, std::string const& name, char const* done_text, caller const& who) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  auto const begun = clock::now();
  auto const before = (*group)->status();
  who.show("group_replication: the mode is being changed");
  auto const ordered = (*group)->change_roles({what, name, {}});
  if (!ordered) return ordered.error();
  auto const changed = [&]() -> base::result<bool> {
    auto const now = (*group)->status();
    return now.roles.epoch != before.roles.epoch && writers_are_level(now, before.last_ordered);
  };
  if (auto done = wait_until(changed, begun + mode_patience, who, "the change of the mode"); !done) return done.error();
  auto const now = (*group)->status();
  auto const primary = now.roles.single ? ", the primary is " + name_of(now, now.roles.primary) : std::string{};
  return answer_text{fmt::format("{}{}; it took {}", done_text, primary, took(begun))};
}

answer to_single_primary(arguments const& given, caller const& who) {
  if (!given.empty() && !given[0]) return base::fail("argument 1 is NULL; it has to be the MEMBER_ID of a member");
  return change_mode_to(kind::single_primary, given.empty() ? std::string{} : *given[0],
                        "Mode switched to single-primary successfully", who);
}

answer to_multi_primary(arguments const&, caller const& who) {
  return change_mode_to(kind::multi_primary, {}, "Mode switched to multi-primary successfully", who);
}

answer get_write_concurrency(arguments const&, caller const&) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  return answer_text{std::to_string((*group)->status().write_concurrency)};
}

answer set_write_concurrency(arguments const& given, caller const& who) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  if (!given[0]) return base::fail("argument 1 is NULL; a whole number from 10 to 200 is wanted");
  auto const wanted = number_of(*given[0], 1, 10, 200, "");
  if (!wanted) return wanted.error();
  if (!(*group)->status().have_quorum) return base::fail("this member has no majority of the group");
  auto const set =
      shared_state::instance().options()->set(concurrency_option, *given[0], option_store::moment::running);
  if (!set) return set.error();
  auto const done = [&]() -> base::result<bool> { return (*group)->status().write_concurrency == *wanted; };
  if (auto waited = wait_until(done, clock::now() + rules_patience, who, "the change"); !waited) return waited.error();
  return answer_text{fmt::format("The write concurrency of the group is {}", *wanted)};
}

answer get_communication_protocol(arguments const&, caller const&) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  return answer_text{std::to_string((*group)->status().protocol)};
}

answer set_communication_protocol(arguments const& given, caller const&) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  auto const changed = (*group)->change_protocol(given[0].value_or(""));
  if (!changed) return changed.error();
  return answer_text{"The group speaks protocol " + *given[0]};
}

answer change_action(kind what, arguments const& given, char const* done_text) {
  auto const group = group_of_the_moment();
  if (!group) return group.error();
  if (!given.empty() && given[1].value_or("") != after_primary_election)
    return base::fail("argument 2 is '" + given[1].value_or("NULL") + "'; the event of member actions is " +
                      std::string(after_primary_election));
  auto const done = (*group)->change_roles({what, given.empty() ? std::string{} : given[0].value_or(""), {}});
  if (!done) return done.error();
  return answer_text{done_text};
}

answer enable_member_action(arguments const& given, caller const&) {
  return change_action(kind::enable, given, "The member action is enabled");
}
answer disable_member_action(arguments const& given, caller const&) {
  return change_action(kind::disable, given, "The member action is disabled");
}
answer reset_member_actions(arguments const&, caller const&) {
  return change_action(kind::reset, {}, "The member actions are what they were at first");
}

answer begin_wish(role_keeper::wish what, char const* begun_text) {
  if (auto const begun = role_keeper::instance().begin(what); !begun) return begun.error();
  return answer_text{begun_text};
}

answer start_group(arguments const&, caller const&) {
  return begin_wish(role_keeper::wish::join,
                    "Joining the group: the server ends its clients' connections, this one too. "
                    "information_schema.REPLICATION_GROUP_MEMBERS shows how it goes, the error log why it does not");
}
answer stop_group(arguments const&, caller const&) {
  return begin_wish(
      role_keeper::wish::leave,
      "Leaving the group: the server ends its clients' connections, this one too, and takes no statements "
      "on tables until SET @done = group_replication_start()");
}

constexpr auto specs = std::to_array<function_spec>({
    {"group_replication_set_as_primary", false, 1, 2,
     "the MEMBER_ID of an ONLINE member, and seconds (0 to 3600, 60 when left out) for open transactions to end",
     set_as_primary},
    {"group_replication_switch_to_single_primary_mode", false, 0, 1, "nothing, or the MEMBER_ID of an ONLINE member",
     to_single_primary},
    {"group_replication_switch_to_multi_primary_mode", false, 0, 0, "no argument", to_multi_primary},
    {"group_replication_get_write_concurrency", true, 0, 0, "no argument", get_write_concurrency},
    {"group_replication_set_write_concurrency", false, 1, 1, "a whole number from 10 to 200", set_write_concurrency},
    {"group_replication_get_communication_protocol", false, 0, 0, "no argument", get_communication_protocol},
    {"group_replication_set_communication_protocol", false, 1, 1, "the number of a protocol",
     set_communication_protocol},
    {"group_replication_enable_member_action", false, 2, 2, "the name of an action and AFTER_PRIMARY_ELECTION",
     enable_member_action},
    {"group_replication_disable_member_action", false, 2, 2, "the name of an action and AFTER_PRIMARY_ELECTION",
     disable_member_action},
    {"group_replication_reset_member_actions", false, 0, 0, "no argument", reset_member_actions},
    {"group_replication_start", false, 0, 0, "no argument", start_group},
    {"group_replication_stop", false, 0, 0, "no argument", stop_group},
});

}  // namespace

std::span<function_spec const> function_specs() { return specs; }

}  // namespace gr::mariadb
