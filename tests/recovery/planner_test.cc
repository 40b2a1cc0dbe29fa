#include "recovery/planner.hh"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/recovery/fixture.hh"

namespace recovery::test {
namespace {

std::string number_of(member_id const& id) { return "m" + std::to_string(id.incarnation); }

std::string short_text(gtid_set const& what) {
  std::string answer;
  for (auto const& [from, intervals] : what.intervals())
    for (auto const& each : intervals)
      answer += (answer.empty() ? "" : ",") + base::to_string(from).substr(0, 1) + ":" + std::to_string(each.first) +
                "-" + std::to_string(each.last);
  return answer;
}

struct printer {
  std::string operator()(start_log_transfer const& what) const {
    return "log " + number_of(what.donor) + " " + short_text(what.missing);
  }
  std::string operator()(stop_log_transfer const& what) const { return "stop log " + number_of(what.donor); }
  std::string operator()(start_clone const& what) const { return "clone " + number_of(what.donor); }
  std::string operator()(stop_clone const& what) const { return "stop clone " + number_of(what.donor); }
  std::string operator()(report_decision const& what) const { return "decided " + std::string(to_string(what.what)); }
  std::string operator()(declare_online const&) const { return "online"; }
  std::string operator()(leave const& what) const { return "leave: " + what.why; }
};

planner_config config() {
  planner_config answer;
  answer.self = member(99);
  answer.policy = donor_policy::balanced;  // by id, so that the story is readable
  answer.retry_count = 3;
  answer.reconnect_interval_ticks = 100;
  answer.progress_deadline_ticks = 50;
  return answer;
}

// A planner and its story: each call answers what the planner ordered, without the decisions unless asked.
class story {
 public:
  explicit story(planner_config with = config()) : planner_(std::move(with), base::prng(7)) {}

  std::string tell(event const& in) {
    std::vector<action> actions;
    planner_.step(in, actions);
    std::ostringstream answer;
    for (auto const& each : actions) {
      if (std::holds_alternative<report_decision>(each)) continue;
      answer << (answer.tellp() > 0 ? "; " : "") << std::visit(printer{}, each);
    }
    return answer.str();
  }
  std::string begin(std::vector<candidate> members, std::string_view executed = "", std::string_view received = "") {
    return tell(recovery_began{tick_count(0), set(executed), set(received), std::move(members)});
  }
  std::string tick(std::uint64_t now) { return tell(ticked{tick_count(now)}); }
  std::string got(std::string_view executed, std::string_view received = "") {
    return tell(own_progress{set(executed), set(received)});
  }
  std::string ended(std::uint64_t donor, std::string error = "") {
    return tell(transfer_ended{member(donor), std::move(error)});
  }
  std::string view(std::vector<candidate> members) { return tell(view_installed{std::move(members)}); }
  std::string heard(std::vector<candidate> members) { return tell(positions_heard{std::move(members)}); }

  planner planner_;
};

std::vector<candidate> three() { return {online(1, "a:1-100"), online(2, "a:1-100"), online(99, "")}; }

TEST(planner, fetches_what_is_missing_and_goes_online_when_it_is_applied) {
  story now;
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m1 a:41-100");
  EXPECT_EQ(now.got("a:1-40", "a:41-100"), "");
  EXPECT_EQ(now.ended(1), "");
  EXPECT_EQ(now.planner_.describe(), "applies 60 transactions");
  EXPECT_EQ(now.got("a:1-99", "a:41-100"), "");
  EXPECT_EQ(now.got("a:1-100"), "online");
  EXPECT_TRUE(now.planner_.finished());
}

TEST(planner, certified_does_not_wait_for_the_applier) {
  auto with = config();
  with.online_when = complete_at::certified;
  story now(with);
  now.begin(three(), "a:1-40");
  now.got("a:1-40", "a:41-100");
  EXPECT_EQ(now.ended(1), "online");
}

TEST(planner, applies_what_was_received_before_it_goes_online) {
  story now;
  EXPECT_EQ(now.begin(three(), "a:1-40", "a:41-100"), "");
  EXPECT_EQ(now.got("a:1-100"), "online");
}

TEST(planner, alone_at_the_start_is_online) {
  story now;
  EXPECT_EQ(now.begin({online(99, "a:1-5")}, "a:1-5"), "online");
}

TEST(planner, level_with_the_group_is_online_without_a_donor) {
  story now;
  EXPECT_EQ(now.begin(three(), "a:1-100"), "online");
  EXPECT_EQ(now.planner_.attempts(), 0U);
}

// A donor leaves in mid-transfer. The next one continues behind what is there already; nothing is asked for twice.
TEST(planner, next_donor_continues_when_one_leaves) {
  story now;
  now.begin(three(), "a:1-40");
  now.got("a:1-40", "a:41-70");
  EXPECT_EQ(now.view({online(2, "a:1-100"), online(99, "")}), "stop log m1; log m2 a:71-100");
  EXPECT_EQ(now.ended(1, "connection reset"), "");  // it ended while it was being stopped
}

TEST(planner, unreachable_donor_may_go_on_until_it_stalls) {
  story now;
  now.begin(three(), "a:1-40");
  EXPECT_EQ(now.heard({in_state(online(1, "a:1-100"), member_state::unreachable), online(2, "a:1-100")}), "");
  EXPECT_EQ(now.tick(50), "stop log m1; log m2 a:41-100");
}

TEST(planner, donor_in_error_is_replaced) {
  story now;
  now.begin(three(), "a:1-40");
  EXPECT_EQ(now.heard({in_state(online(1, ""), member_state::error), online(2, "a:1-100")}),
            "stop log m1; log m2 a:41-100");
}

// Own sets also grow by what the group orders meanwhile: that must not pass for progress of the donor.
TEST(planner, only_progress_of_the_transfer_moves_the_deadline) {
  story now;
  now.begin(three(), "a:1-40");
  now.tick(40);
  EXPECT_EQ(now.got("a:1-40", "a:41-50"), "");
  EXPECT_EQ(now.tick(89), "");
  EXPECT_EQ(now.got("a:1-40", "a:41-50:101-120"), "");
  EXPECT_EQ(now.tick(90), "stop log m1; log m2 a:51-100");
}

// A large change is applied for minutes while the queue in front of it is full: that is no fault of the donor's.
TEST(planner, a_donor_is_not_waited_for_while_nothing_is_taken_in) {
  story now;
  now.begin(three(), "a:1-40");
  now.tick(49);
  EXPECT_EQ(now.tell(own_progress{set("a:1-40"), set("a:41-60"), true}), "");
  now.tick(98);
  EXPECT_EQ(now.tell(own_progress{set("a:1-40"), set("a:41-60"), true}), "");
  EXPECT_EQ(now.tick(147), "");
  EXPECT_EQ(now.got("a:1-40", "a:41-60"), "");
  EXPECT_EQ(now.tick(148), "stop log m1; log m2 a:61-100");
}

// The certification index is built of what this member has already applied: that is read for minutes over a slow link, and
// the sets stay as they are.
TEST(planner, what_is_read_again_is_progress) {
  story now;
  now.begin(three(), "a:1-40");
  for (std::uint64_t at = 1; at <= 4; ++at) {
    now.tick(at * 40);
    EXPECT_EQ(now.tell(own_progress{set("a:1-40"), set("a:1-40"), false, at}), "");
  }
  EXPECT_EQ(now.tick(200), "");
  EXPECT_EQ(now.tell(own_progress{set("a:1-40"), set("a:1-40"), false, 4}), "");
  EXPECT_EQ(now.tick(210), "stop log m1; log m2 a:41-100");
}

// Whoever has a slot may send it while no donor is asked.
TEST(planner, what_came_during_the_pause_needs_no_donor_any_more) {
  story now;
  now.begin(three(), "a:1-40");
  now.ended(1, "refused");
  now.ended(2, "refused");
  EXPECT_EQ(now.got("a:1-40", "a:41-99"), "");
  EXPECT_EQ(now.got("a:1-50", "a:41-100"), "");
  EXPECT_EQ(now.got("a:1-100"), "online");
}

TEST(planner, another_donor_copies_while_the_first_is_busy) {
  auto with = config();
  with.clone_threshold = 1;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "clone m1");
  EXPECT_EQ(now.tell(clone_donor_busy{member(1)}), "stop clone m1; clone m2");
  EXPECT_EQ(now.tell(clone_donor_busy{member(1)}), "") << "an answer from before";
  auto busy = three();
  busy[0].donations = 1;
  EXPECT_EQ(now.heard(busy), "");
  EXPECT_EQ(now.tell(clone_donor_busy{member(2)}), "") << "both are: it waits for its turn";
  EXPECT_EQ(now.tell(clone_ended{member(2), "refused", false}), "clone m1");
}

// Heartbeats say one thing and the donor, once asked, another: asking it again would bring the same answer.
TEST(planner, a_donors_answer_is_believed_more_than_its_heartbeats) {
  story now;
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m1 a:41-100");
  EXPECT_EQ(now.tell(transfer_ended{member(1), "its log begins later", set("a:1-60")}), "log m2 a:41-100");
  EXPECT_EQ(now.heard(three()), "");
  EXPECT_EQ(now.tell(transfer_ended{member(2), "its log begins later", set("a:1-60")}), "clone m1");
}

TEST(planner, an_answer_that_it_cannot_help_costs_no_attempt) {
  auto with = config();
  with.retry_count = 1;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m1 a:41-100");
  EXPECT_EQ(now.tell(transfer_ended{member(1), "its log begins later", set("a:1-60")}), "log m2 a:41-100");
  EXPECT_EQ(now.tell(transfer_ended{member(2), "its log begins later", set("a:1-60")}), "clone m1")
      << "nobody's log helps, so it is a copy, and not the end";
}

TEST(planner, named_donors_are_asked_first) {
  auto with = config();
  with.named = {member(2)};
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m2 a:41-100");
  EXPECT_EQ(now.ended(2, "refused"), "log m1 a:41-100");
}

TEST(planner, remembers_who_failed_last_and_why) {
  story now;
  now.begin(three(), "a:1-40");
  EXPECT_FALSE(now.planner_.last_failed());
  now.ended(1, "refused");
  ASSERT_TRUE(now.planner_.last_failed());
  EXPECT_EQ(now.planner_.last_failed()->donor, member(1));
  EXPECT_EQ(now.planner_.last_failed()->why, "refused");
  EXPECT_EQ(now.planner_.failures(), 1U);
  EXPECT_EQ(now.planner_.donors_asked(), 2U);
}

TEST(planner, pauses_when_every_donor_failed_and_leaves_after_the_last_attempt) {
  story now;
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m1 a:41-100");
  EXPECT_EQ(now.ended(1, "refused"), "log m2 a:41-100");
  EXPECT_EQ(now.ended(2, "refused"), "");
  EXPECT_NE(now.planner_.describe().find("pauses for 100 ticks, attempt 2 of 3"), std::string::npos);
  EXPECT_EQ(now.tick(99), "");
  EXPECT_EQ(now.tick(100), "log m1 a:41-100");
  auto const last = now.ended(1, "refused");
  EXPECT_TRUE(last.starts_with("leave: every donor failed after 3 of 3 attempts")) << last;
  EXPECT_EQ(now.tick(1'000), "");
}

TEST(planner, no_retries_means_no_donor) {
  auto with = config();
  with.retry_count = 0;
  story now(with);
  EXPECT_TRUE(now.begin(three(), "").starts_with("leave: "));
}

TEST(planner, view_brings_failed_donors_back) {
  story now;
  now.begin(three(), "a:1-40");
  now.ended(1, "refused");
  now.ended(2, "refused");
  EXPECT_EQ(now.view(three()), "log m1 a:41-100");
}

TEST(planner, transfer_that_ends_short_is_a_failure) {
  story now;
  auto busy = online(2, "a:1-100");
  busy.donations = 1;
  EXPECT_EQ(now.begin({online(1, "a:1-50"), busy}, "a:1-40"), "log m1 a:41-100");
  now.got("a:1-40", "a:41-50");
  EXPECT_EQ(now.ended(1), "log m2 a:51-100");
}

TEST(planner, waits_for_recovering_members_without_spending_attempts) {
  story now;
  auto const starting = in_state(online(1, "a:1-100"), member_state::recovering);
  EXPECT_EQ(now.begin({starting}, "a:1-40"), "");
  EXPECT_EQ(now.heard({starting}), "");
  EXPECT_EQ(now.planner_.attempts(), 0U);
  EXPECT_EQ(now.heard({online(1, "a:1-100")}), "log m1 a:41-100");
}

// Each would wait for the other, for ever.
TEST(planner, members_without_data_do_not_wait_for_each_other) {
  auto with = config();
  with.has_data = false;
  story now(with);
  auto const empty = in_state(online(2, ""), member_state::recovering);
  EXPECT_EQ(now.begin({online(1, "a:1-100"), empty}), "clone m1");
  EXPECT_TRUE(now.tell(clone_ended{member(1), "no route", false}).starts_with("leave: this member holds no data"));
}

// It was restarted while the copy was asked for: another process than the one that failed.
TEST(planner, a_clone_donor_that_comes_online_again_is_tried_again) {
  auto with = config();
  with.has_data = false;
  story now(with);
  auto const behind = in_state(online(2, "a:1-50"), member_state::recovering);
  EXPECT_EQ(now.begin({online(1, "a:1-100"), behind}), "clone m1");
  EXPECT_EQ(now.tell(clone_ended{member(1), "it is not ONLINE", false}), "");
  EXPECT_EQ(now.heard({in_state(online(1, "a:1-100"), member_state::recovering), behind}), "");
  EXPECT_EQ(now.heard({online(1, "a:1-100"), behind}), "clone m1");
}

// A link that breaks for a moment when a member has just come is no reason to leave.
TEST(planner, waits_while_those_who_could_help_are_not_heard) {
  story now;
  auto const silent = in_state(online(1, "a:1-100"), member_state::unreachable);
  EXPECT_EQ(now.begin({silent}, "a:1-40"), "");
  EXPECT_EQ(now.planner_.describe(), "waits: nobody who could help is heard now");
  EXPECT_EQ(now.tick(100'000), "");
  EXPECT_EQ(now.heard({silent}), "");
  EXPECT_EQ(now.heard({online(1, "a:1-100")}), "log m1 a:41-100");
  EXPECT_EQ(now.planner_.attempts(), 1U);
}

TEST(planner, leaves_with_the_reason_when_nobody_can_help) {
  auto with = config();
  with.can_clone = false;
  story now(with);
  auto const answer = now.begin({purged(online(1, "a:1-100"), "a:1-50")}, "a:1-40");
  EXPECT_EQ(answer, "leave: no member can send the 60 missing transactions, and no clone is possible");
}

TEST(planner, last_other_member_leaving_ends_recovery) {
  story now;
  now.begin({online(1, "a:1-100")}, "");
  EXPECT_TRUE(now.view({online(99, "")}).starts_with("stop log m1; leave: every other member has left"));
}

TEST(planner, big_gap_clones_and_then_only_the_restart_follows) {
  auto with = config();
  with.clone_threshold = 60;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "clone m1");
  EXPECT_EQ(now.tell(clone_ended{member(1), "", false}), "");
  EXPECT_EQ(now.planner_.describe().substr(0, 10), "clone from");
  EXPECT_EQ(now.tick(100'000), "");
}

// However fast the group writes, a clone is followed by a log transfer.
TEST(planner, after_a_clone_comes_the_log_whatever_the_gap) {
  auto with = config();
  with.clone_threshold = 1;
  with.clones_done = 1;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "log m1 a:41-100");
}

TEST(planner, clone_tries_each_donor_once_and_falls_back_to_the_log) {
  auto with = config();
  with.clone_threshold = 1;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "clone m1");
  EXPECT_EQ(now.tell(clone_ended{member(1), "refused", false}), "clone m2");
  EXPECT_EQ(now.view(three()), "");  // a view does not start the round anew
  EXPECT_EQ(now.tell(clone_ended{member(2), "refused", false}), "log m1 a:41-100");
}

TEST(planner, clone_that_dropped_the_data_is_never_followed_by_the_log) {
  auto with = config();
  with.clone_threshold = 1;
  story now(with);
  now.begin(three(), "a:1-40");
  EXPECT_EQ(now.tell(clone_ended{member(1), "disk full", true}), "clone m2");
  EXPECT_TRUE(now.tell(clone_ended{member(2), "disk full", true}).starts_with("leave: this server waits for a copy"));
}

// Its donor was restarted: known from the view, and not from a transfer that ended.
TEST(planner, a_server_that_waits_for_a_copy_is_given_nothing_else) {
  auto with = config();
  with.clone_threshold = 50;
  story now(with);
  EXPECT_EQ(now.begin(three(), "a:1-40"), "clone m1");
  EXPECT_EQ(now.tell(clone_prepared{}), "");
  auto both = three();
  for (auto& each : both) each.state = member_state::recovering;
  EXPECT_EQ(now.view(both), "stop clone m1");
  with.clone_threshold = 500;
  now.tell(config_changed{with});
  EXPECT_EQ(now.view(three()), "clone m1") << "the log would do, and the server would not take it";
}

TEST(planner, clone_donor_that_leaves_is_replaced) {
  auto with = config();
  with.clone_threshold = 1;
  story now(with);
  now.begin(three(), "a:1-40");
  EXPECT_EQ(now.view({online(2, "a:1-100")}), "stop clone m1; clone m2");
}

TEST(planner, refused_clone_falls_back_to_the_log) {
  auto with = config();
  with.clone_threshold = 1;
  story now(with);
  now.begin(three(), "a:1-40");
  EXPECT_EQ(now.tell(clone_refused{"no mariadb-backup here"}), "log m1 a:41-100");
}

TEST(planner, clones_when_the_log_is_purged_during_recovery) {
  story now;
  now.begin({online(1, "a:1-100")}, "a:1-40");
  now.heard({purged(online(1, "a:1-100"), "a:1-60")});
  EXPECT_EQ(now.ended(1, "purged"), "clone m1");
}

TEST(planner, new_threshold_counts_at_the_next_decision) {
  story now;
  now.begin({online(1, "a:1-100"), online(2, "a:1-100")}, "a:1-40");
  auto with = config();
  with.clone_threshold = 1;
  EXPECT_EQ(now.tell(config_changed{with}), "");
  EXPECT_EQ(now.ended(1, "refused"), "clone m2");
}

// Everything that can happen, in any order and at random: never two transfers at once, nothing after the end, and every
// story ends once time goes on.
TEST(planner, holds_its_promises_under_random_events) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    base::prng chance(seed);
    auto with = config();
    with.clone_threshold = chance.between(1, 100);
    with.policy = donor_policy::random;
    planner tested(with, base::prng(seed));
    std::vector<action> out;
    std::int64_t have = 40;
    auto const members = [&] {
      std::vector<candidate> answer;
      for (std::uint64_t number = 1; number <= 3; ++number) {
        if (chance.chance(1, 4)) continue;
        auto who = online(number, "a:1-" + std::to_string(chance.between(80, 100)));
        if (chance.chance(1, 5)) who.state = static_cast<member_state>(chance.below(5));
        if (chance.chance(1, 5)) who.purged = set("a:1-60");
        answer.push_back(who);
      }
      return answer;
    };
    std::optional<member_id> running;
    bool over = false;
    auto const perform = [&] {
      for (auto const& each : out) {
        ASSERT_FALSE(over) << seed;
        if (auto const* log = std::get_if<start_log_transfer>(&each)) {
          ASSERT_FALSE(running) << seed;
          running = log->donor;
        }
        if (auto const* copy = std::get_if<start_clone>(&each)) {
          ASSERT_FALSE(running) << seed;
          running = copy->donor;
        }
        if (auto const* log = std::get_if<stop_log_transfer>(&each)) {
          ASSERT_EQ(running, log->donor) << seed;
          running.reset();
        }
        if (auto const* copy = std::get_if<stop_clone>(&each)) {
          ASSERT_EQ(running, copy->donor) << seed;
          running.reset();
        }
        over = over || std::holds_alternative<declare_online>(each) || std::holds_alternative<leave>(each);
      }
      out.clear();
    };
    tested.step(recovery_began{tick_count(0), set("a:1-40"), {}, members()}, out);
    perform();
    for (std::uint64_t now = 1; now < 2'000; now += 10) {
      tested.step(ticked{tick_count(now)}, out);
      perform();
      if (chance.chance(1, 3))
        tested.step(view_installed{members()}, out);
      else
        tested.step(positions_heard{members()}, out);
      perform();
      if (chance.chance(1, 4)) have = std::min<std::int64_t>(100, have + static_cast<std::int64_t>(chance.below(20)));
      tested.step(own_progress{set("a:1-" + std::to_string(have)), {}}, out);
      perform();
      if (!running || !chance.chance(1, 4)) continue;
      auto const donor = *running;
      bool const is_clone = tested.describe().starts_with("clone");
      running.reset();
      auto const error = std::string(chance.chance(1, 2) ? "lost" : "");
      if (is_clone)
        tested.step(clone_ended{donor, error.empty() ? "refused" : error, chance.chance(1, 2)}, out);
      else
        tested.step(transfer_ended{donor, error}, out);
      perform();
    }
    EXPECT_LE(tested.attempts(), with.retry_count);
  }
}

}  // namespace
}  // namespace recovery::test
