// One node by hand: what a single event must and must not do. Whole groups are the simulator's (tests/sim).
#include "xcom/node.hh"

#include <gtest/gtest.h>

#include <algorithm>

namespace xcom {
namespace {

base::uuid const group = base::make_uuid(9, 9);
member_id id(std::uint64_t number) { return {base::make_uuid(number, number), 1}; }
std::string address(std::uint64_t number) { return "h" + std::to_string(number) + ":1"; }

site_member entry(std::uint64_t number, member_role role = member_role::voter) {
  return {id(number), address(number), role, 50, 1, {}, 0, {}};
}

value_ptr words(std::string const& text) {
  batch held;
  held.messages.push_back({id(3), first_of_boot(1), base::blob::copy_of(text)});
  return std::make_shared<value const>(held);
}

// Member 1 of a group, and what it does. The others are played by the test.
class by_hand {
 public:
  explicit by_hand(std::vector<site_member> members) : by_hand(site{5, std::move(members), {}}) {}
  explicit by_hand(site const& at)
      : node_(config(), begin_again{group, *at.find(id(1)), at, {}, slot_no(10), slot_no(1), {}, false},
              base::prng(1)) {
    tick(1);
  }

  void step(event const& happened) { node_.step(happened, done_); }
  void hear(std::uint64_t from, wire_message what) { step(received{id(from), std::move(what)}); }
  void tick(std::uint64_t ticks) {
    for (; ticks > 0; --ticks) step(ticked{now_ = now_.next()});
  }
  void step_all(std::vector<event> const& happened) {
    for (auto const& each : happened)
      if (auto const* tick = std::get_if<ticked>(&each)) now_ = tick->now;
    node_.step(happened, done_);
  }
  void tick_to(std::uint64_t now) { step(ticked{now_ = base::tick_count(now)}); }
  // What its driver calls while it has no time for a step.
  bool keep_alive(std::uint64_t now, heartbeat const& said) {
    return node_.keep_alive(now_ = base::tick_count(now), said, done_);
  }
  void hear_aside(std::uint64_t from, std::uint64_t count, std::uint64_t echo = 0) {
    heartbeat said;
    said.log = group;
    said.count = count;
    said.echo = echo;
    node_.hear(received{id(from), said});
  }
  // A heartbeat that has heard ours.
  void beat(std::uint64_t from, ballot const& leader = {}, slot_no decided = slot_no(10)) {
    hear(from, heartbeat_of(from, leader, decided));
  }
  // Those of members 2 and 3 at once.
  void beat_both(slot_no decided) {
    std::vector<event> both;
    for (std::uint64_t each : {2U, 3U}) both.emplace_back(received{id(each), heartbeat_of(each, {}, decided)});
    node_.step(both, done_);
  }
  heartbeat heartbeat_of(std::uint64_t from, ballot const& leader, slot_no decided) {
    heartbeat said;
    said.log = group;
    said.address = address(from);
    said.site_version = node_.current_site().version;
    said.leader = leader;
    said.decided = decided;
    said.log_begins = slot_no(1);
    said.count = ++count_;
    said.echo = last<heartbeat>() == nullptr ? 0 : last<heartbeat>()->count;
    return said;
  }
  // With the vote of member 2.
  void become_leader() {
    while (last<pre_vote>() == nullptr) tick(1);
    hear(2, pre_vote_reply{group, last<pre_vote>()->round, true, {}, slot_no(10)});
    ASSERT_NE(last<prepare>(), nullptr) << node_.describe();
    hear(2, promise{group, last<prepare>()->by, last<prepare>()->from, slot_no(10), {}});
    ASSERT_TRUE(node_.is_leader());
  }
  void submit(std::string const& text) { step(submitted{node_.next_seq(), base::blob::copy_of(text)}); }

  // The newest of this kind that it sent to this address.
  template <class Message> [[nodiscard]] Message const* last_to(std::string const& to) const {
    for (auto each = done_.rbegin(); each != done_.rend(); ++each)
      if (auto const* sent = std::get_if<send>(&*each); sent != nullptr && sent->address == to)
        if (auto const* what = std::get_if<Message>(&sent->what)) return what;
    return nullptr;
  }
  template <class Action> [[nodiscard]] Action const* last_action() const {
    for (auto each = done_.rbegin(); each != done_.rend(); ++each)
      if (auto const* what = std::get_if<Action>(&*each)) return what;
    return nullptr;
  }
  // The newest of this kind that it sent to anybody.
  template <class Message> [[nodiscard]] Message const* last() const {
    for (auto each = done_.rbegin(); each != done_.rend(); ++each)
      if (auto const* sent = std::get_if<send>(&*each))
        if (auto const* what = std::get_if<Message>(&sent->what)) return what;
    return nullptr;
  }
  template <class Message> [[nodiscard]] std::vector<std::string> addressees() const {
    std::vector<std::string> all;
    for (auto const& each : done_)
      if (auto const* sent = std::get_if<send>(&each); sent != nullptr && std::holds_alternative<Message>(sent->what))
        all.push_back(sent->address);
    return all;
  }
  template <class Action> [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(
        done_.begin(), done_.end(), [](auto const& each) { return std::holds_alternative<Action>(each); }));
  }
  void forget() { done_.clear(); }
  [[nodiscard]] node const& machine() const { return node_; }

 private:
  static node_config config() {
    node_config made;
    made.self = id(1);
    return made;
  }
  node node_;
  std::vector<action> done_;
  base::tick_count now_;
  std::uint64_t count_ = 0;
};

fetched answer(slot_no slot, value_ptr what) {
  return {group, slot, slot_no(1), slot, {decided_slot{slot, std::move(what), {}}}};
}

accept proposal(std::uint64_t slot, std::uint64_t decided) {
  ballot const by{7, id(2)};
  return {group, by, slot_no(11), slot_no(decided), {{slot_no(slot), by, words("from 2")}}};
}

// Member 2 was restarted with a program that speaks 2 alone, while the protocol was on its way back to 1.
TEST(node, rules_and_an_update_that_do_not_go_together_do_not_get_into_one_site) {
  site at{5, {entry(1), entry(2), entry(3)}, {}};
  at.rules.protocol = 2;
  for (auto& each : at.members) each.speaks = {1, 2};
  by_hand one(at);
  one.become_leader();
  auto third = at.members[2];
  third.weight = 7;
  one.hear(3, update_request{group, third});
  ASSERT_NE(one.last<accept>(), nullptr);
  auto second = at.members[1];
  second.speaks = {2, 2};
  one.hear(2, update_request{group, second});
  auto rules = at.rules;
  rules.protocol = 1;
  one.step(change_rules{rules});
  one.tick(40);
  one.hear(2, accepted{group, one.last<accept>()->by, one.last<accept>()->slots.back().slot});
  auto const* change = std::get_if<site_change>(one.last<accept>()->slots.back().what.get());
  ASSERT_NE(change, nullptr);
  for (auto const& each : change->next.members)
    EXPECT_TRUE(each.speaks.holds(change->next.rules.protocol)) << to_string(each.id);
}

// words() are messages of member 3.
TEST(node, an_acknowledgement_goes_to_the_leader_and_to_whose_messages_they_are) {
  by_hand one({entry(1), entry(2), entry(3), entry(4), entry(5)});
  one.forget();
  one.hear(2, proposal(11, 10));
  EXPECT_EQ(one.addressees<accepted>(), (std::vector{address(2), address(3)}));
  EXPECT_EQ(one.machine().decided(), slot_no(10));
  one.hear(4, accepted{group, {7, id(2)}, slot_no(11)});
  EXPECT_EQ(one.machine().decided(), slot_no(11)) << "the leader, member 4 and this one";
}

TEST(node, who_heard_no_acknowledgements_is_told_when_no_more_slots_come) {
  by_hand one({entry(1), entry(2), entry(3), entry(4), entry(5)});
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  for (std::uint64_t each : {2U, 3U})
    one.hear(each, pre_vote_reply{group, one.last<pre_vote>()->round, true, {}, slot_no(10)});
  for (std::uint64_t each : {2U, 3U})
    one.hear(each, promise{group, one.last<prepare>()->by, one.last<prepare>()->from, slot_no(10), {}});
  ASSERT_TRUE(one.machine().is_leader());
  one.submit("x");
  auto const by = one.last<accept>()->by;
  for (std::uint64_t each : {2U, 3U}) one.hear(each, accepted{group, by, slot_no(11)});
  ASSERT_EQ(one.machine().decided(), slot_no(11));
  one.forget();
  one.submit("y");
  ASSERT_NE(one.last<accept>(), nullptr);
  EXPECT_EQ(one.last<accept>()->decided, slot_no(11)) << "told with the next slot";
  for (std::uint64_t each : {2U, 3U}) one.hear(each, accepted{group, by, slot_no(12)});
  one.forget();
  one.tick(1);
  ASSERT_NE(one.last<accept>(), nullptr);
  EXPECT_TRUE(one.last<accept>()->slots.empty());
  EXPECT_EQ(one.last<accept>()->decided, slot_no(12));
  one.forget();
  one.tick(1);
  EXPECT_EQ(one.last<accept>(), nullptr) << "once";
}

// Under load a member that was a little behind asked anew with each slot it learned otherwise, and each answer brought
// megabytes: those who answered had no time left for their heartbeats.
TEST(node, one_question_for_what_is_missing_is_under_way_at_a_time) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2, {7, id(2)}, slot_no(100));
  ASSERT_NE(one.last<fetch>(), nullptr);
  EXPECT_EQ(one.last<fetch>()->from, slot_no(11));
  one.forget();
  for (std::uint64_t slot = 11; slot < 20; ++slot) one.hear(2, proposal(slot, slot));
  ASSERT_EQ(one.machine().decided(), slot_no(19));
  EXPECT_EQ(one.last<fetch>(), nullptr);
  one.hear(2, answer(slot_no(11), words("from 2")));
  ASSERT_NE(one.last<fetch>(), nullptr) << "answered, if too late";
  EXPECT_EQ(one.last<fetch>()->from, slot_no(20));
}

TEST(node, what_a_heartbeat_overtook_is_waited_for_a_little) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  ASSERT_EQ(one.machine().decided(), slot_no(11));
  one.beat(2, {7, id(2)}, slot_no(40));
  EXPECT_EQ(one.last<fetch>(), nullptr) << "the proposals wait in the leader's queue";
  one.hear(2, proposal(12, 12));
  EXPECT_EQ(one.last<fetch>(), nullptr);
  one.hear(2, proposal(20, 12));
  ASSERT_NE(one.last<fetch>(), nullptr) << "what came shows that something before it was lost";
  EXPECT_EQ(one.last<fetch>()->from, slot_no(13));
}

TEST(node, what_does_not_come_after_all_is_fetched) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  one.beat(2, {7, id(2)}, slot_no(40));
  one.tick(31);
  ASSERT_NE(one.last<fetch>(), nullptr);
  EXPECT_EQ(one.last<fetch>()->from, slot_no(12));
}

// It went on as leader, said in its heartbeats how far "it" had decided, and who held its values took them for decided.
TEST(node, a_leader_that_learns_of_another_value_leads_no_more) {
  by_hand one({entry(1), entry(2), entry(3), entry(4, member_role::non_voting)});
  one.become_leader();
  one.submit("mine");
  one.submit("mine as well");
  ballot const mine = one.last<accept>()->by;
  one.forget();
  one.hear(2, answer(slot_no(11), words("theirs")));
  EXPECT_FALSE(one.machine().is_leader());
  EXPECT_EQ(one.machine().decided(), slot_no(11));
  one.tick(20);
  ASSERT_NE(one.last<heartbeat>(), nullptr);
  EXPECT_NE(one.last<heartbeat>()->leader, mine);
}

TEST(node, a_leader_that_hears_that_its_own_value_is_decided_goes_on) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.submit("mine");
  auto const proposed = one.last<accept>()->slots.at(0);
  one.hear(2, answer(proposed.slot, proposed.what));
  EXPECT_TRUE(one.machine().is_leader());
  EXPECT_EQ(one.machine().decided(), proposed.slot);
}

// B hears it and would keep the others from electing one that all of them hear.
TEST(node, a_leader_that_half_the_group_cannot_hear_gives_up) {
  by_hand one({entry(1), entry(2), entry(3), entry(4)});
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  auto const round = one.last<pre_vote>()->round;
  for (std::uint64_t from : {2U, 3U}) one.hear(from, pre_vote_reply{group, round, true, {}, slot_no(10)});
  for (std::uint64_t from : {2U, 3U})
    one.hear(from, promise{group, one.last<prepare>()->by, slot_no(11), slot_no(10), {}});
  ASSERT_TRUE(one.machine().is_leader());
  auto const deaf = [&](std::uint64_t from) {
    heartbeat said;
    said.log = group;
    said.address = address(from);
    said.site_version = 5;
    said.count = 1;
    one.hear(from, said);
  };
  for (int each = 0; each < 30 && one.machine().is_leader(); ++each) {
    one.tick(5);
    one.beat(2);
    deaf(3);
    deaf(4);
  }
  EXPECT_FALSE(one.machine().is_leader());
  EXPECT_TRUE(one.machine().have_quorum());
}

TEST(node, a_leader_that_is_heard_by_a_majority_stays) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  for (int each = 0; each < 100; ++each) {
    one.tick(5);
    one.beat(2);
  }
  EXPECT_TRUE(one.machine().is_leader());
}

// Two vote, and the one of them that is heard no more is not made up for by one that is about to.
TEST(node, who_is_joining_makes_no_majority) {
  by_hand one({entry(1), entry(2), entry(3, member_role::joining)});
  one.tick(1);
  one.beat(3);
  one.tick(1);
  EXPECT_FALSE(one.machine().have_quorum());
  one.beat(2);
  one.tick(1);
  EXPECT_TRUE(one.machine().have_quorum());
}

TEST(node, the_last_voter_does_not_leave_the_group_to_those_without_a_vote) {
  by_hand one({entry(1), entry(2, member_role::non_voting)});
  one.tick(50);
  ASSERT_TRUE(one.machine().is_leader());
  one.step(leave_group{});
  EXPECT_EQ(one.count<left>(), 1U);
  EXPECT_EQ(one.count<site_installed>(), 0U);
}

// An acceptor leaves out what the candidate holds in the same ballot: an election must not wait for bytes it has.
TEST(node, a_promise_reports_only_what_the_candidate_lacks) {
  by_hand one({entry(1), entry(2), entry(3), entry(4), entry(5)});
  ballot const old{4, id(3)};
  one.hear(3, accept{group,
                     old,
                     slot_no(11),
                     slot_no(10),
                     {{slot_no(11), old, words("a")}, {slot_no(12), old, words("b")}, {slot_no(13), old, words("c")}}});
  ballot const older{3, id(3)};
  one.hear(2, prepare{group, {5, id(2)}, slot_no(11), {{slot_no(11), old}, {slot_no(12), older}}});
  ASSERT_NE(one.last<promise>(), nullptr);
  auto const& told = one.last<promise>()->slots;
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].slot, slot_no(12));
  EXPECT_EQ(told[1].slot, slot_no(13));
}

TEST(node, who_promised_gives_that_election_time) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, prepare{group, {5, id(2)}, slot_no(11), {}});
  one.forget();
  one.tick(55);  // resend_ticks is 30
  EXPECT_EQ(one.last<pre_vote>(), nullptr);
  one.tick(60);
  EXPECT_NE(one.last<pre_vote>(), nullptr) << "but not for ever";
}

TEST(node, a_long_answer_is_not_asked_for_again_and_again) {
  by_hand one({entry(1), entry(2), entry(3)});
  std::size_t asked = 0;
  for (int each = 0; each < 100; ++each) {
    one.forget();
    one.tick(10);
    one.beat(2, {}, slot_no(500));
    one.beat(3, {}, slot_no(500));
    asked += one.last<fetch>() == nullptr ? 0 : 1;
  }
  EXPECT_LE(asked, 6U) << "ten seconds: 0, 0.3, 1, 2.3, 5 s";
  EXPECT_GE(asked, 3U);
}

// Five members, of which 3, 4 and 5 are gone, and slot 11 may have been decided by 2 with two of those.
TEST(node, a_human_goes_on_with_those_that_are_left_and_keeps_what_any_of_them_holds) {
  by_hand one({entry(1), entry(2), entry(3), entry(4), entry(5)});
  ballot const gone{3, id(3)};
  one.hear(3, accept{group, gone, slot_no(11), slot_no(10), {}});
  std::vector<member_id> const left{id(1), id(2)};
  EXPECT_NE(one.machine().why_not_forced(left), "") << "a majority seems to be there still";
  for (int each = 0; each < 30; ++each) {
    one.tick(10);
    one.beat(2);
  }
  EXPECT_EQ(one.machine().why_not_forced(left), "");
  EXPECT_NE(one.machine().why_not_forced({id(1)}).find("is alive and is not in the list"), std::string::npos);
  EXPECT_NE(one.machine().why_not_forced({id(1), id(2), id(3)}).find("is not reachable"), std::string::npos);
  EXPECT_NE(one.machine().why_not_forced({id(2)}).find("is not in the list"), std::string::npos);

  one.forget();
  one.step(force_members{left});
  ASSERT_NE(one.last<prepare>(), nullptr);
  ballot const mine = one.last<prepare>()->by;
  EXPECT_FALSE(one.machine().is_leader()) << "its own promise is not enough";
  auto const chosen = words("chosen by some");
  one.hear(2, promise{group, mine, slot_no(11), slot_no(10), {{slot_no(11), gone, chosen}}});
  ASSERT_TRUE(one.machine().is_leader());
  ASSERT_EQ(one.last<accept>()->slots.size(), 2U);
  EXPECT_EQ(*one.last<accept>()->slots[0].what, *chosen);
  auto const* change = std::get_if<site_change>(one.last<accept>()->slots[1].what.get());
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->next.members.size(), 2U);
  EXPECT_EQ(one.machine().decided(), slot_no(10)) << "all of those that are left have to have it";
  one.hear(2, accepted{group, mine, slot_no(12)});
  EXPECT_EQ(one.machine().decided(), slot_no(12));
  EXPECT_EQ(one.machine().current_site().members.size(), 2U);
  EXPECT_FALSE(one.machine().is_forcing());
}

TEST(node, a_forced_majority_is_given_up_when_one_of_the_others_speaks) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.tick(300);
  one.step(force_members{{id(1)}});
  EXPECT_EQ(one.machine().current_site().members.size(), 1U) << "alone, its own word is enough";

  by_hand other({entry(1), entry(2), entry(3), entry(4), entry(5)});
  for (int each = 0; each < 30; ++each) {
    other.tick(10);
    other.beat(2);
  }
  other.step(force_members{{id(1), id(2)}});
  EXPECT_TRUE(other.machine().is_forcing());
  other.beat(4);
  other.tick(1);
  EXPECT_FALSE(other.machine().is_forcing());
  EXPECT_EQ(other.machine().current_site().members.size(), 5U);
}

// Member 2 began again, and this one has not learned of it: what it asks the old member is answered by the new one.
TEST(node, an_answer_of_the_successor_of_who_was_asked_is_no_reason_to_ask_again_at_once) {
  by_hand one({entry(1), entry(2), entry(3)});
  for (int each = 0; each < 10 && one.last<fetch>() == nullptr; ++each) {
    one.tick(10);
    one.beat(2, {}, slot_no(500));
  }
  ASSERT_NE(one.last<fetch>(), nullptr);
  fetched const nothing{group, slot_no(11), slot_no(400), slot_no(500), {}};
  one.forget();
  one.step(received{{base::make_uuid(2, 2), 2}, nothing});
  EXPECT_EQ(one.last<fetch>(), nullptr);
  one.hear(2, nothing);
  one.step(received{{base::make_uuid(2, 2), 2}, nothing});
  EXPECT_EQ(one.last<fetch>(), nullptr) << "nobody has it";
}

fetched range_of(std::uint64_t from, std::uint64_t up_to) {
  std::vector<decided_slot> slots;
  for (auto each = from; each <= up_to; ++each)
    slots.push_back({slot_no(each), std::make_shared<value const>(no_op{}), {}});
  return {group, slot_no(from), slot_no(1), slot_no(5000), {}, base::pack(base::encode(slots), base::packing::lz4)};
}

TEST(node, ranges_are_asked_of_several_members_and_taken_in_order) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat_both(slot_no(5000));
  auto const asked = one.addressees<fetch>();
  EXPECT_GE(asked.size(), 3U) << "several at a time";
  EXPECT_NE(std::ranges::find(asked, address(2)), asked.end());
  EXPECT_NE(std::ranges::find(asked, address(3)), asked.end());
  one.hear(2, range_of(267, 522));
  EXPECT_EQ(one.machine().decided(), slot_no(10)) << "what is before it has not come";
  one.hear(3, range_of(11, 266));
  EXPECT_EQ(one.machine().decided(), slot_no(522));
}

TEST(node, a_range_that_does_not_check_is_asked_of_another_member) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat_both(slot_no(400));
  ASSERT_NE(one.last<fetch>(), nullptr);
  auto const who = one.addressees<fetch>().back() == address(2) ? 2U : 3U;
  auto const from = one.last<fetch>()->from.value();
  auto bad = range_of(from, 100);
  bad.decided = slot_no(400);
  bad.range.hash[0] ^= 1;
  one.forget();
  one.hear(who, bad);
  EXPECT_EQ(one.machine().decided(), slot_no(from - 1));
  EXPECT_EQ(one.addressees<fetch>(), (std::vector{address(who == 2 ? 3 : 2)}));
  EXPECT_EQ(one.last<fetch>()->from, slot_no(from));
}

TEST(node, a_joiner_at_a_live_members_address_is_refused_and_at_a_dead_ones_taken_in) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  site_member stranger = entry(7, member_role::non_voting);
  stranger.address = address(3);
  auto const ask_for = [&](int beats, bool third_lives) {
    for (int each = 0; each < beats; ++each) {
      one.tick(10);
      one.beat(2);
      if (third_lives) one.beat(3);
      one.hear(7, join_request{stranger, {address(1)}});
    }
  };
  one.forget();
  ask_for(25, true);
  ASSERT_NE(one.last<join_refused>(), nullptr);
  EXPECT_NE(one.last<join_refused>()->reason.find(address(3)), std::string::npos);
  EXPECT_EQ(one.last<accept>(), nullptr);
  ask_for(15, false);
  ASSERT_NE(one.last<accept>(), nullptr);
  EXPECT_NE(std::get<site_change>(*one.last<accept>()->slots.at(0).what).next.find(id(7)), nullptr);
}

// It would be expelled again before long, and ask again, time after time.
TEST(node, a_joiner_the_leader_does_not_reach_is_not_taken_in) {
  by_hand one({entry(1), entry(2)});
  one.become_leader();
  one.forget();
  site_member const stranger = entry(7, member_role::non_voting);
  auto const ask = [&](member_id const& from, std::vector<std::string> heard) {
    one.step(received{from, join_request{stranger, std::move(heard)}});
    one.tick(10);
    one.beat(2);
  };
  ask(id(7), {});
  ASSERT_NE(one.last<join_answer>(), nullptr);
  EXPECT_EQ(one.last<join_answer>()->address, address(1));
  EXPECT_EQ(one.last<join_answer>()->leader, address(1));
  ask(id(7), {address(2)});
  ask(id(2), {address(1)});
  EXPECT_EQ(one.last<accept>(), nullptr) << "it hears only the other, or somebody else speaks for it";
  ask(id(7), {address(2), address(1)});
  EXPECT_NE(one.last<accept>(), nullptr);
}

// Elsewhere it would say nothing, for ever.
TEST(node, a_joiner_knows_which_leader_it_does_not_hear) {
  node_config config;
  config.self = id(7);
  node joiner(config, begin_joining{entry(7, member_role::joining), {address(2)}}, base::prng(1));
  std::vector<action> done;
  EXPECT_EQ(joiner.unheard_leader(), "");
  joiner.step(received{id(2), join_answer{address(2), {}}}, done);
  EXPECT_EQ(joiner.unheard_leader(), "") << "there is none";
  joiner.step(received{id(2), join_answer{address(2), address(1)}}, done);
  EXPECT_EQ(joiner.unheard_leader(), address(1));
  joiner.step(received{id(2), join_answer{address(2), {}}}, done);
  EXPECT_EQ(joiner.unheard_leader(), "") << "it is gone, and there is none";
  joiner.step(received{id(2), join_answer{address(2), address(1)}}, done);
  joiner.step(received{id(1), join_answer{address(1), address(1)}}, done);
  EXPECT_EQ(joiner.unheard_leader(), "");
}

TEST(node, an_older_incarnation_that_waits_too_is_forgotten_with_the_newer_one) {
  by_hand one({entry(1), entry(2)});
  one.become_leader();
  auto const joiner = [](std::uint64_t incarnation) {
    site_member made = entry(7, member_role::non_voting);
    made.id.incarnation = incarnation;
    return made;
  };
  one.submit("keeps the leader busy");
  for (std::uint64_t each : {2U, 1U}) one.step(received{joiner(each).id, join_request{joiner(each), {address(1)}}});
  for (int each = 0; each < 20; ++each) {
    if (auto const* all = one.last<accept>(); all != nullptr)
      one.hear(2, accepted{group, all->by, all->slots.back().slot});
    one.tick(5);
    one.beat(2);
  }
  auto const* there = one.machine().current_site().find_uuid(id(7).uuid);
  ASSERT_NE(there, nullptr);
  EXPECT_EQ(there->id.incarnation, 2U);
}

// ---- what an election may not miss ----

ballot const before_us{3, id(3)};

// Slot 11 takes 4 and 5 out. The old leader decided it, and slot 12 with member 2, and is gone; 4 and 5, who know nothing of
// that, elect us.
TEST(node, a_leader_is_no_leader_for_slots_that_a_new_majority_has_decided) {
  by_hand one({entry(1), entry(2), entry(3), entry(4), entry(5)});
  auto const change = std::make_shared<value const>(site_change{site{6, {entry(1), entry(2), entry(3)}, {}}});
  one.hear(3, accept{group, before_us, slot_no(11), slot_no(10), {{slot_no(11), before_us, change}}});
  one.forget();
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  auto const round = one.last<pre_vote>()->round;
  for (std::uint64_t from : {4U, 5U}) one.hear(from, pre_vote_reply{group, round, true, {}, slot_no(10)});
  ASSERT_NE(one.last<prepare>(), nullptr);
  ballot const mine = one.last<prepare>()->by;
  for (std::uint64_t from : {4U, 5U}) one.hear(from, promise{group, mine, slot_no(11), slot_no(10), {}});
  ASSERT_TRUE(one.machine().is_leader());
  one.hear(2, promise{group, mine, slot_no(11), slot_no(12), {}});
  EXPECT_FALSE(one.machine().is_leader());
  one.forget();
  for (std::uint64_t from : {4U, 5U}) one.hear(from, accepted{group, mine, slot_no(11)});
  one.submit("not into slot 12");
  EXPECT_EQ(one.last<accept>(), nullptr);
}

TEST(node, an_acknowledgement_of_what_was_never_proposed_deposes_a_leader) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.submit("x");
  one.hear(2, accepted{group, one.machine().promised(), slot_no(12)});
  EXPECT_FALSE(one.machine().is_leader());
  EXPECT_EQ(one.machine().decided(), slot_no(10));
}

// It had accepted what follows, and the leader waits for its word.
TEST(node, a_member_that_has_caught_up_acknowledges_what_it_held_above_the_gap) {
  by_hand one({entry(1), entry(2), entry(3)});
  ballot const its{3, id(2)};
  one.beat(2, its);
  one.hear(2, accept{group, its, slot_no(11), slot_no(11), {{slot_no(12), its, words("y")}}});
  ASSERT_NE(one.last<accepted>(), nullptr);
  EXPECT_EQ(one.last<accepted>()->up_to, slot_no(10));
  one.hear(3, answer(slot_no(11), words("x")));
  EXPECT_EQ(one.last<accepted>()->up_to, slot_no(12));
}

// What acceptors have to report may take longer than a poll.
TEST(node, a_candidate_waits_for_promises_under_way) {
  by_hand one({entry(1), entry(2), entry(3)});
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  one.hear(2, pre_vote_reply{group, one.last<pre_vote>()->round, true, {}, slot_no(10)});
  ASSERT_NE(one.last<prepare>(), nullptr);
  auto const asked = *one.last<prepare>();
  one.tick(50);
  EXPECT_EQ(one.last<prepare>()->by, asked.by);
  one.hear(2, promise{group, asked.by, asked.from, slot_no(10), {}});
  EXPECT_TRUE(one.machine().is_leader());
}

// Purged while history comes with another's notes: what it says of its log is what others rely on.
TEST(node, a_log_purged_in_the_middle_of_history_does_not_grow_back) {
  by_hand one({entry(1), entry(2), entry(3)});
  auto const speak = [&] {
    auto said = heartbeat{};
    said.log = group;
    said.address = address(2);
    said.site_version = 5;
    said.decided = said.delivered = slot_no(10);
    said.log_begins = slot_no(1);
    said.count = 1;
    one.hear(2, said);
  };
  speak();
  checkpoint from;
  from.slot = slot_no(4);
  from.at = one.machine().current_site();
  one.step(start_delivery{from, {}, true});
  for (std::uint64_t slot = 5; slot <= 9; ++slot) {
    if (one.count<read_log>() > 0) one.step(log_read{slot_no(slot), {}});
    speak();
    if (slot == 9) one.step(log_purged{slot_no(8)});
    one.hear(2, fetched{group,
                        slot_no(slot),
                        slot_no(1),
                        slot_no(10),
                        {{slot_no(slot), std::make_shared<value const>(no_op{}), base::blob::copy_of("note")}}});
    ASSERT_EQ(one.machine().delivered(), slot_no(slot));
  }
  one.forget();
  one.tick(20);
  ASSERT_NE(one.last<heartbeat>(), nullptr);
  EXPECT_EQ(one.last<heartbeat>()->log_begins, slot_no(8));
}

// Two members that came back may each wait for the note of a slot that neither has handed to its application.
TEST(node, a_note_that_nobody_writes_is_given_up_later_than_a_slot_that_nobody_has) {
  for (bool const with_notes : {false, true}) {
    by_hand one({entry(1), entry(2), entry(3)});
    auto const speak = [&](slot_no log_begins) {
      for (std::uint64_t each : {2U, 3U}) {
        auto said = one.heartbeat_of(each, {}, slot_no(10));
        said.delivered = slot_no(4);
        said.log_begins = log_begins;
        one.hear(each, said);
      }
    };
    checkpoint from;
    from.slot = slot_no(4);
    from.at = one.machine().current_site();
    auto const first_held = with_notes ? slot_no(1) : slot_no(8);
    speak(first_held);
    one.step(start_delivery{from, {}, true});
    std::uint64_t ticks = 0;
    for (; one.count<history_lost>() == 0 && ticks < 10'000; ++ticks) {
      if (one.count<read_log>() > 0) one.step(log_read{slot_no(5), {}});
      if (ticks % 20 == 0) speak(first_held);
      one.tick(1);
    }
    auto const suspected = node_config{}.suspect_ticks.value();
    EXPECT_GT(ticks, (with_notes ? 19 : 1) * suspected);
    EXPECT_LT(ticks, (with_notes ? 22 : 4) * suspected);
    ASSERT_NE(one.last_action<history_lost>(), nullptr);
    EXPECT_EQ(one.last_action<history_lost>()->wanted, slot_no(5));
  }
}

TEST(node, a_leader_below_our_promise_is_told) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(3, prepare{group, {8, id(3)}, slot_no(11), {}});
  one.forget();
  one.beat(2, {7, id(2)});
  ASSERT_NE(one.last<refuse>(), nullptr);
  EXPECT_EQ(one.last<refuse>()->promised, (ballot{8, id(3)}));
}

TEST(node, who_leaves_says_so_at_once) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2, {3, id(2)});
  one.forget();
  one.step(leave_group{});
  EXPECT_NE(one.last<leave_request>(), nullptr) << "its process may end before the next tick";
}

TEST(node, who_leaves_goes_when_a_majority_of_those_that_stay_know) {
  by_hand one({entry(1), entry(2), entry(3), entry(4)});
  one.beat(2, {3, id(2)});
  one.step(leave_group{});
  not_a_member const without{group, site{6, {entry(2), entry(3), entry(4)}, {}}};
  one.hear(2, without);
  EXPECT_TRUE(one.machine().is_member()) << "should it die now, nobody else knows";
  one.hear(2, without);
  EXPECT_TRUE(one.machine().is_member());
  one.hear(3, without);
  EXPECT_FALSE(one.machine().is_member());
}

// It is the only one to know that the site of the other is decided: gone at once, it would have said so to nobody.
TEST(node, who_comes_back_let_go_waits_for_the_one_that_stays) {
  node_config config;
  config.self = id(1);
  site const without{6, {entry(2)}, {}};
  node late(config, begin_again{group, entry(1), without, {}, slot_no(10), slot_no(1), {}, false}, base::prng(1));
  std::vector<action> done;
  late.step(ticked{base::tick_count(1)}, done);
  late.step(leave_group{}, done);
  EXPECT_TRUE(late.is_member());
  late.step(received{id(2), not_a_member{group, without}}, done);
  EXPECT_FALSE(late.is_member());
}

// An older leader's wish, found in a promise: who has to go decides that it goes, and without it nobody knows.
TEST(node, a_leader_that_takes_itself_out_goes_when_a_majority_of_those_that_stay_know) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  one.hear(2, pre_vote_reply{group, one.last<pre_vote>()->round, true, {}, slot_no(10)});
  ASSERT_NE(one.last<prepare>(), nullptr);
  auto const by = one.last<prepare>()->by;
  site const next{6, {entry(2), entry(3)}, {}};
  accepted_slot const found{slot_no(11), {1, id(3)}, std::make_shared<value const>(site_change{next})};
  one.hear(2, promise{group, by, one.last<prepare>()->from, slot_no(10), {found}});
  ASSERT_TRUE(one.machine().is_leader());
  one.forget();
  one.hear(2, accepted{group, by, slot_no(11)});
  EXPECT_EQ(one.machine().decided(), slot_no(11));
  EXPECT_TRUE(one.machine().is_member()) << "nobody else knows";
  ASSERT_NE(one.last_to<heartbeat>(address(2)), nullptr);
  EXPECT_EQ(one.last_to<heartbeat>(address(2))->decided, slot_no(11));
  not_a_member const without{group, next};
  one.hear(2, without);
  EXPECT_TRUE(one.machine().is_member());
  one.hear(3, without);
  EXPECT_FALSE(one.machine().is_member());
  EXPECT_EQ(one.count<expelled>(), 1U);
}

// Of a later site's members most have no link to who is out. That site was agreed to by a majority of the one that put it out.
// It was killed before it learned that it has its vote, and others may have lost theirs to that since.
TEST(node, who_comes_back_does_not_give_up_a_vote_it_does_not_know_of) {
  by_hand leader({entry(1), entry(2), entry(3)});
  leader.become_leader();
  leader.beat(2);
  leader.tick(1);
  auto third = entry(3, member_role::joining);
  third.boot = 2;
  leader.hear(3, update_request{group, third});
  leader.tick(1);
  ASSERT_NE(leader.last<accept>(), nullptr);
  auto const* change = std::get_if<site_change>(leader.last<accept>()->slots.back().what.get());
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->next.find(id(3))->boot, 2U);
  EXPECT_TRUE(change->next.votes(id(3)));

  by_hand back({entry(1, member_role::joining), entry(2), entry(3)});
  ballot const by{7, id(2)};
  site const with_vote{6, {entry(1), entry(2), entry(3)}, {}};
  back.hear(2, accept{group,
                      by,
                      slot_no(11),
                      slot_no(11),
                      {{slot_no(11), by, std::make_shared<value const>(site_change{with_vote})}}});
  ASSERT_EQ(back.machine().current_site().version, 6U);
  back.forget();
  back.tick(40);
  EXPECT_EQ(back.last<update_request>(), nullptr) << "it has what the site says";
}

TEST(node, who_has_the_decision_that_it_is_out_goes_at_the_first_word_of_a_later_site) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  one.hear(2, pre_vote_reply{group, one.last<pre_vote>()->round, true, {}, slot_no(10)});
  ASSERT_NE(one.last<prepare>(), nullptr);
  auto const by = one.last<prepare>()->by;
  site const next{6, {entry(2), entry(3)}, {}};
  accepted_slot const found{slot_no(11), {1, id(3)}, std::make_shared<value const>(site_change{next})};
  one.hear(2, promise{group, by, one.last<prepare>()->from, slot_no(10), {found}});
  one.hear(2, accepted{group, by, slot_no(11)});
  ASSERT_TRUE(one.machine().is_member());
  one.hear(3, not_a_member{group, site{9, {entry(2), entry(3), entry(4), entry(5), entry(6), entry(7)}, {}}});
  EXPECT_FALSE(one.machine().is_member());
  EXPECT_EQ(one.count<expelled>(), 1U);
}

TEST(node, strangers_have_no_say) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(9, prepare{group, {round_max, id(9)}, slot_no(11), {}});
  one.hear(9, refuse{group, {round_max, id(9)}});
  EXPECT_EQ(one.machine().promised().round, 0U);
  one.hear(2, answer(slot_no(11), std::make_shared<value const>(site_change{site{5, {entry(2)}, {}}})));
  EXPECT_EQ(one.machine().decided(), slot_no(10)) << "a change that leads back";
}

// ---- leadership handed over ----

heartbeat linked_to(by_hand const& one, std::uint64_t from, std::vector<member_id> linked) {
  static std::uint64_t count = 1000;
  heartbeat said;
  said.log = group;
  said.address = address(from);
  said.site_version = one.machine().current_site().version;
  said.leader = one.machine().promised();
  said.decided = slot_no(10);
  said.log_begins = slot_no(1);
  said.count = ++count;
  said.echo = one.last<heartbeat>() == nullptr ? 0 : one.last<heartbeat>()->count;
  said.linked = std::move(linked);
  return said;
}

// Member 3 does not hear us; member 2 hears both.
TEST(node, a_leader_hands_over_to_one_that_reaches_more_than_it_does) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.forget();
  for (int each = 0; each < 40 && one.last<hand_over>() == nullptr; ++each) {
    one.tick(10);
    one.hear(2, linked_to(one, 2, {id(1), id(3)}));
  }
  ASSERT_NE(one.last<hand_over>(), nullptr);
  EXPECT_EQ(one.last<hand_over>()->by, one.machine().promised());
  EXPECT_EQ(one.last<hand_over>()->decided, slot_no(10));
  one.forget();
  one.submit("waits");
  EXPECT_EQ(one.last<accept>(), nullptr);
  one.hear(2, prepare{group, {9, id(2)}, slot_no(11), {}});
  EXPECT_FALSE(one.machine().is_leader());
}

TEST(node, a_leader_stays_where_the_other_reaches_no_more) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.forget();
  for (int each = 0; each < 100; ++each) {
    one.tick(10);
    one.hear(2, linked_to(one, 2, {id(1), id(3)}));
    one.hear(3, linked_to(one, 3, {id(1), id(2)}));
  }
  EXPECT_EQ(one.last<hand_over>(), nullptr);
  EXPECT_TRUE(one.machine().is_leader());
}

TEST(node, a_leader_whose_successor_does_not_take_over_goes_on) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.beat(2);
  one.submit("under way");
  one.step(transfer_leadership{id(2)});
  EXPECT_EQ(one.last<hand_over>(), nullptr) << "something is under way still";
  one.hear(2, accepted{group, one.machine().promised(), slot_no(11)});
  ASSERT_NE(one.last<hand_over>(), nullptr);
  EXPECT_EQ(one.last<hand_over>()->decided, slot_no(11));
  one.forget();
  one.submit("waits");
  one.tick(20);
  EXPECT_EQ(one.last<accept>(), nullptr);
  one.tick(20);
  EXPECT_NE(one.last<accept>(), nullptr);
}

TEST(node, who_is_handed_the_lead_takes_it_without_asking_whether_it_may) {
  by_hand one({entry(1), entry(2), entry(3)});
  ballot const its{3, id(2)};
  one.beat(2, its);
  one.forget();
  one.hear(3, hand_over{group, its, slot_no(10)});
  EXPECT_EQ(one.last<prepare>(), nullptr) << "it is not the leader's to give";
  one.hear(2, hand_over{group, {2, id(2)}, slot_no(10)});
  EXPECT_EQ(one.last<prepare>(), nullptr) << "an old word";
  one.hear(2, hand_over{group, its, slot_no(10)});
  ASSERT_NE(one.last<prepare>(), nullptr);
  EXPECT_EQ(one.last<pre_vote>(), nullptr);
  EXPECT_GT(one.last<prepare>()->by, its);
}

site const* site_proposed(by_hand const& one) {
  auto const* said = one.last<accept>();
  auto const* change =
      said == nullptr || said->slots.empty() ? nullptr : std::get_if<site_change>(said->slots.back().what.get());
  return change == nullptr ? nullptr : &change->next;
}

// Should it go while another is silent and not yet expelled, who is left has no majority, and nobody can expel anybody.
TEST(node, who_leaves_waits_until_those_that_stay_can_do_without_it) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.beat(2);
  one.forget();
  one.hear(2, leave_request{group, id(2)});
  one.tick(1);
  EXPECT_EQ(site_proposed(one), nullptr) << "member 3 was not heard yet";
  one.beat(3);
  one.hear(2, leave_request{group, id(2)});
  one.tick(1);
  auto const* next = site_proposed(one);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->find(id(2)), nullptr);
}

// Arbiters alone can bring up nobody, not even who comes back with all there is: it would be taken in as one that knows nothing.
TEST(node, the_last_member_with_data_keeps_its_place_among_arbiters) {
  for (bool const leaves : {true, false}) {
    by_hand one({entry(1, member_role::arbiter), entry(2), entry(3, member_role::arbiter)});
    one.become_leader();
    for (int each = 0; each < 40; ++each) {
      one.tick(10);
      one.beat(3);
      if (leaves) one.hear(2, leave_request{group, id(2)});
      ASSERT_EQ(site_proposed(one), nullptr) << leaves;
    }
    EXPECT_TRUE(one.machine().is_leader());
  }
  by_hand other({entry(1), entry(2), entry(3, member_role::arbiter)});
  other.become_leader();
  other.beat(3);
  other.hear(2, leave_request{group, id(2)});
  other.tick(1);
  EXPECT_NE(site_proposed(other), nullptr) << "it is not the last";
}

TEST(node, a_leader_that_leaves_hands_over_first) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  for (int each = 0; each < 3; ++each) {
    one.tick(10);
    one.hear(2, linked_to(one, 2, {id(1), id(3)}));
    one.hear(3, linked_to(one, 3, {id(1), id(2)}));
  }
  one.forget();
  one.step(leave_group{});
  EXPECT_NE(one.last<hand_over>(), nullptr);
  EXPECT_EQ(one.last<accept>(), nullptr);
  one.hear(2, prepare{group, {9, id(2)}, slot_no(11), {}});
  one.hear(2, accept{group, {9, id(2)}, slot_no(11), slot_no(10), {}});
  one.tick(1);
  EXPECT_NE(one.last<leave_request>(), nullptr);
}

// ---- rules ----

TEST(node, rules_are_changed_by_a_change_of_the_site) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.forget();
  site_rules wanted = one.machine().current_site().rules;
  wanted.horizon = 77;
  one.step(change_rules{wanted});
  one.tick(1);
  ASSERT_NE(one.last<accept>(), nullptr);
  one.hear(2, accepted{group, one.machine().promised(), slot_no(11)});
  EXPECT_EQ(one.machine().current_site().rules.horizon, 77U);
  EXPECT_EQ(one.machine().current_site().rules.since, one.machine().current_site().version);
  one.tick(31);
  EXPECT_FALSE(one.machine().is_asking_for_rules());
}

// Asked for again by one that has not heard that it came true, and that somebody has thought otherwise since.
TEST(node, a_late_request_does_not_bring_old_rules_back) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  auto const first = [&] {
    auto rules = one.machine().current_site().rules;
    rules.horizon = 77;
    return rules_request{group, rules};
  }();
  one.hear(2, first);
  one.hear(2, accepted{group, one.machine().promised(), slot_no(11)});
  ASSERT_EQ(one.machine().current_site().rules.horizon, 77U);
  auto other = one.machine().current_site().rules;
  other.horizon = 5;
  one.hear(3, rules_request{group, other});
  one.hear(2, accepted{group, one.machine().promised(), slot_no(12)});
  ASSERT_EQ(one.machine().current_site().rules.horizon, 5U);
  one.forget();
  one.hear(2, first);
  EXPECT_EQ(one.last<accept>(), nullptr);
}

TEST(node, the_protocol_does_not_rise_before_every_member_speaks_it) {
  auto old = entry(3);
  old.speaks = {1, 1};
  by_hand one({entry(1), entry(2), old});
  auto rules = one.machine().current_site().rules;
  rules.protocol = 2;
  EXPECT_NE(one.machine().why_not_rules(rules).find(address(3)), std::string::npos);
  rules.protocol = 1;
  EXPECT_EQ(one.machine().why_not_rules(rules), "");
  rules.horizon = 0;
  EXPECT_NE(one.machine().why_not_rules(rules).find("1 to 200"), std::string::npos);
}

TEST(node, a_joiner_that_does_not_speak_the_groups_protocol_is_told) {
  by_hand one({entry(1), entry(2)});
  one.become_leader();
  auto stranger = entry(7, member_role::joining);
  stranger.speaks = {1, 1};
  one.hear(7, join_request{stranger, {address(1)}});
  ASSERT_NE(one.last<join_refused>(), nullptr);
  EXPECT_NE(one.last<join_refused>()->reason.find("protocol " + std::to_string(protocol_highest)), std::string::npos);
}

TEST(node, nine_vote_and_others_may_follow) {
  std::vector<site_member> members;
  for (std::uint64_t each = 1; each <= 9; ++each) members.push_back(entry(each));
  by_hand one(members);
  while (one.last<pre_vote>() == nullptr) one.tick(1);
  auto const round = one.last<pre_vote>()->round;
  for (std::uint64_t from : {2U, 3U, 4U, 5U}) one.hear(from, pre_vote_reply{group, round, true, {}, slot_no(10)});
  for (std::uint64_t from : {2U, 3U, 4U, 5U})
    one.hear(from, promise{group, one.last<prepare>()->by, slot_no(11), slot_no(10), {}});
  ASSERT_TRUE(one.machine().is_leader());
  one.hear(70, join_request{entry(70, member_role::joining), {address(1)}});
  ASSERT_NE(one.last<join_refused>(), nullptr);
  EXPECT_NE(one.last<join_refused>()->reason.find("group_replication_non_voting"), std::string::npos);
  one.forget();
  one.hear(70, join_request{entry(70, member_role::non_voting), {address(1)}});
  EXPECT_EQ(one.last<join_refused>(), nullptr);
  ASSERT_NE(one.last<accept>(), nullptr);
  for (std::uint64_t from : {2U, 3U, 4U, 5U}) one.hear(from, accepted{group, one.machine().promised(), slot_no(11)});
  ASSERT_EQ(one.machine().current_site().members.size(), 10U);
  one.forget();
  one.hear(70, update_request{group, entry(70)});
  EXPECT_EQ(one.last<accept>(), nullptr) << "a tenth vote";
}

// ---- zones ----

by_hand two_zones(std::uint32_t zone_of_2, std::uint32_t zone_of_3) {
  auto second = entry(2);
  second.zone = zone_of_2;
  auto third = entry(3);
  third.zone = zone_of_3;
  site at{5, {entry(1), second, third}, {}};
  at.rules.each_zone = true;
  return by_hand(at);
}

TEST(node, limits_set_while_it_runs_count_from_then_on) {
  auto one = two_zones(0, 0);
  one.become_leader();
  one.beat(2);
  one.beat(3);
  one.tick(50);
  EXPECT_FALSE(one.machine().peers().at(id(2)).suspected);
  one.step(set_limits{base::tick_count(20), base::tick_count(500), 1U << 20});
  one.tick(1);
  EXPECT_TRUE(one.machine().peers().at(id(2)).suspected);
}

TEST(node, a_slot_waits_for_every_zone_that_is_not_silent) {
  auto one = two_zones(0, 1);
  one.become_leader();
  one.beat(3);
  one.submit("x");
  one.hear(2, accepted{group, one.machine().promised(), slot_no(11)});
  EXPECT_EQ(one.machine().decided(), slot_no(10));
  one.hear(3, accepted{group, one.machine().promised(), slot_no(11)});
  EXPECT_EQ(one.machine().decided(), slot_no(11));
  one.submit("y");
  one.hear(2, accepted{group, one.machine().promised(), slot_no(12)});
  for (int each = 0; each < 12; ++each) {
    EXPECT_EQ(one.machine().decided(), each < 10 ? slot_no(11) : one.machine().decided());
    one.tick(10);
    one.beat(2);
  }
  EXPECT_EQ(one.machine().decided(), slot_no(12)) << "the other zone is silent";
}

TEST(node, one_zone_for_all_is_as_good_as_none) {
  auto one = two_zones(0, 0);
  one.become_leader();
  one.beat(3);
  one.submit("x");
  one.hear(2, accepted{group, one.machine().promised(), slot_no(11)});
  EXPECT_EQ(one.machine().decided(), slot_no(11));
}

// It knows a majority to hold the slot, and not whether every zone does.
TEST(node, a_follower_leaves_it_to_the_leader_whether_every_zone_holds_a_slot) {
  auto one = two_zones(1, 0);
  ballot const its{3, id(2)};
  one.beat(2, its);
  one.hear(2, accept{group, its, slot_no(11), slot_no(10), {{slot_no(11), its, words("x")}}});
  EXPECT_EQ(one.machine().decided(), slot_no(10));
  one.hear(2, accept{group, its, slot_no(11), slot_no(11), {}});
  EXPECT_EQ(one.machine().decided(), slot_no(11));
}

TEST(node, a_round_no_group_reaches_is_malformed) {
  EXPECT_FALSE(base::decode<wire_message>(base::encode(wire_message(refuse{group, {~std::uint64_t{0}, id(2)}}))));
  EXPECT_TRUE(base::decode<wire_message>(base::encode(wire_message(refuse{group, {round_max, id(2)}}))));
  checkpoint far;
  far.slot = log_slot_max.next();
  EXPECT_FALSE(base::decode<checkpoint>(base::encode(far)));
}

TEST(node, another_groups_answers_are_not_heard) {
  by_hand one({entry(1), entry(2), entry(3)});
  auto foreign = answer(slot_no(11), words("x"));
  foreign.log = base::make_uuid(8, 8);
  one.hear(2, foreign);
  EXPECT_EQ(one.machine().decided(), slot_no(10));
  one.hear(2, not_a_member{base::make_uuid(8, 8), site{9, {entry(2)}, {}}});
  EXPECT_TRUE(one.machine().is_member());
}

// A minority was forced to go on while the majority lived behind a cut.
TEST(node, a_majority_is_not_taken_out_by_a_minority_that_was_forced) {
  site const theirs{6, {entry(3)}};
  by_hand led({entry(1), entry(2), entry(3)});
  led.become_leader();
  led.beat(2);
  led.tick(1);
  ASSERT_TRUE(led.machine().have_quorum());
  led.hear(3, not_a_member{group, theirs});
  led.hear(3, not_a_member{group, theirs});
  EXPECT_TRUE(led.machine().is_member());
  EXPECT_EQ(led.count<expelled>(), 0U);
  EXPECT_EQ(led.count<split_off>(), 1U) << "said once";

  by_hand ordinary({entry(1), entry(2), entry(3)});
  ordinary.become_leader();
  ordinary.hear(3, not_a_member{group, site{6, {entry(2), entry(3)}}});
  EXPECT_EQ(ordinary.count<expelled>(), 1U) << "a majority may have taken it out";
}

// It knows nothing of the group but its old site: somebody there may answer that was restarted as well.
// It was stopped while the group lost one, took in two and took it out: those it knows are no majority of that site.
TEST(node, who_slept_through_changes_of_the_site_gives_way) {
  by_hand one({entry(1), entry(2), entry(3), entry(4)});
  one.hear(2, proposal(11, 11));
  one.beat(3);
  one.tick(1);
  ASSERT_TRUE(one.machine().have_quorum()) << one.machine().describe();
  ASSERT_EQ(one.machine().leader(), id(2));
  one.hear(2, not_a_member{group, site{11, {entry(2), entry(3), entry(5), entry(6)}}});
  EXPECT_EQ(one.count<split_off>(), 0U);
  EXPECT_EQ(one.count<expelled>(), 1U);
}

TEST(node, a_restarted_member_gives_way_to_a_minority_that_was_forced) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.tick(1);
  ASSERT_TRUE(one.machine().have_quorum());
  one.hear(3, not_a_member{group, site{6, {entry(3)}}});
  EXPECT_EQ(one.count<expelled>(), 1U);
}

}  // namespace

// ---- payloads do not go back to where they came from ----

base::blob const long_text = base::blob::copy_of(std::string(5000, 'x'));
constexpr origin_seq third_of_first_boot = first_of_boot(1).next().next();

accept const* last_accept_to(by_hand const& one, unsigned who) { return one.last_to<accept>(address(who)); }
message const& only_message(accept const& of) { return std::get<batch>(*of.slots.back().what).messages.at(0); }

TEST(node, a_large_payload_is_not_sent_back_to_its_origin) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.hear(3, forward{group, true, {{id(3), third_of_first_boot, long_text}}, true});
  ASSERT_NE(last_accept_to(one, 3), nullptr);
  EXPECT_TRUE(last_accept_to(one, 3)->without_own);
  EXPECT_TRUE(only_message(*last_accept_to(one, 3)).payload.empty());
  EXPECT_FALSE(last_accept_to(one, 2)->without_own);
  EXPECT_EQ(only_message(*last_accept_to(one, 2)).payload, long_text);
}

TEST(node, an_accept_that_is_repeated_is_whole) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.hear(3, forward{group, true, {{id(3), third_of_first_boot, long_text}}, true});
  one.forget();
  one.tick(60);
  ASSERT_NE(last_accept_to(one, 3), nullptr);
  EXPECT_FALSE(last_accept_to(one, 3)->without_own);
  EXPECT_EQ(only_message(*last_accept_to(one, 3)).payload, long_text);
}

// It may have delivered it already, in a slot of another leader's.
TEST(node, what_another_leader_was_sent_as_well_is_sent_whole) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.hear(3, forward{group, true, {{id(3), third_of_first_boot, long_text}}, false});
  one.hear(3, forward{group, false, {{id(3), third_of_first_boot.next(), long_text}}, true});
  ASSERT_NE(last_accept_to(one, 3), nullptr);
  EXPECT_TRUE(last_accept_to(one, 3)->without_own) << "of this one it was not";
  one.forget();
  one.hear(3, forward{group, false, {{id(3), third_of_first_boot, long_text}}, false});
  EXPECT_EQ(last_accept_to(one, 3), nullptr) << "queued once in a ballot";
}

TEST(node, small_payloads_and_those_of_an_older_protocol_are_sent_to_all_alike) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.become_leader();
  one.hear(3, forward{group, true, {{id(3), third_of_first_boot, base::blob::copy_of("x")}}, true});
  ASSERT_NE(last_accept_to(one, 3), nullptr);
  EXPECT_FALSE(last_accept_to(one, 3)->without_own);

  site old{5, {entry(1), entry(2), entry(3)}, {}};
  old.rules.protocol = 1;
  by_hand other(old);
  other.become_leader();
  other.hear(3, forward{group, true, {{id(3), third_of_first_boot, long_text}}, true});
  ASSERT_NE(last_accept_to(other, 3), nullptr);
  EXPECT_FALSE(last_accept_to(other, 3)->without_own);
}

TEST(node, an_origin_puts_its_payload_in_again) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));  // a leader to send to
  one.submit(std::string(5000, 'x'));
  ASSERT_NE(one.last<forward>(), nullptr);
  EXPECT_TRUE(one.last<forward>()->fresh);
  batch const bare{{{id(1), first_of_boot(1), {}}}};
  one.hear(2, accept{group,
                     {7, id(2)},
                     slot_no(11),
                     slot_no(11),
                     {{slot_no(12), {7, id(2)}, std::make_shared<value const>(bare)}},
                     true});
  auto const* kept = one.last_action<persist_accepted>();
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(std::get<batch>(*kept->slot.what).messages.at(0).payload, long_text);
  EXPECT_EQ(one.last<accepted>()->up_to, slot_no(12));
}

// It was restarted: these are messages of its boot before.
TEST(node, an_origin_without_the_payload_does_not_acknowledge) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  one.forget();
  batch const bare{{{id(1), first_of_boot(1), {}}}};
  one.hear(2, accept{group,
                     {7, id(2)},
                     slot_no(11),
                     slot_no(11),
                     {{slot_no(12), {7, id(2)}, std::make_shared<value const>(bare)}},
                     true});
  EXPECT_EQ(one.last_action<persist_accepted>(), nullptr);
  EXPECT_EQ(one.last<accepted>()->up_to, slot_no(11));
}

// The new leader cannot know what the old one proposed, and whether we delivered it meanwhile.
TEST(node, what_is_sent_to_a_second_leader_is_not_fresh) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  one.submit(std::string(5000, 'x'));
  one.forget();
  one.hear(3, accept{group, {9, id(3)}, slot_no(12), slot_no(11), {}});
  one.tick(1);
  ASSERT_NE(one.last<forward>(), nullptr);
  EXPECT_FALSE(one.last<forward>()->fresh);
}

// The machine stands still while its driver writes 200 MB.
TEST(node, who_is_busy_says_again_what_it_said) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.tick(20);
  auto const said = *one.last<heartbeat>();
  one.hear(2, proposal(11, 11));
  one.forget();
  EXPECT_TRUE(one.keep_alive(31, said));
  EXPECT_EQ(one.addressees<heartbeat>(), (std::vector{address(2), address(3)}));
  ASSERT_NE(one.last<heartbeat>(), nullptr);
  EXPECT_EQ(one.last<heartbeat>()->decided, slot_no(10)) << "what rests on the write is not claimed before it is done";
  EXPECT_GT(one.last<heartbeat>()->count, said.count) << "so that its echo shows that it is heard";
  one.tick_to(32);
  EXPECT_EQ(one.last<heartbeat>()->decided, slot_no(11)) << "the next step says what is due by itself";
}

TEST(node, who_is_busy_hears_the_others) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.tick(20);
  ASSERT_TRUE(one.machine().have_quorum());
  auto const said = *one.last<heartbeat>();
  for (std::uint64_t now = 30; now < 400; now += 10) {
    EXPECT_TRUE(one.keep_alive(now, said)) << "at " << now;
    one.hear_aside(2, 1000 + now);
  }
  EXPECT_EQ(one.last_to<heartbeat>(address(2))->echo, 1000U + 380) << "and tells it so";
  one.tick_to(401);
  EXPECT_TRUE(one.machine().have_quorum());
  EXPECT_FALSE(one.machine().finds_its_feet()) << "it was there all the time";
}

TEST(node, a_leader_that_was_busy_knows_that_it_was_heard) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.beat(3);
  one.tick(20);
  one.become_leader();
  auto const said = *one.last<heartbeat>();
  for (std::uint64_t now = 300; now < 900; now += 10) {
    one.hear_aside(2, now, one.last<heartbeat>()->count);
    (void)one.keep_alive(now, said);
  }
  one.tick_to(901);
  EXPECT_TRUE(one.machine().is_leader());
}

TEST(node, who_is_busy_and_hears_no_majority_falls_silent) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.tick(20);
  auto const said = *one.last<heartbeat>();
  EXPECT_TRUE(one.keep_alive(100, said));
  one.forget();
  EXPECT_FALSE(one.keep_alive(122, said));
  EXPECT_EQ(one.last<heartbeat>(), nullptr);
}

// A stopped process, or one without a processor: what the others said meanwhile waits to be read.
TEST(node, who_stood_still_does_not_take_it_for_the_silence_of_others) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.beat(3);
  one.tick(20);
  one.forget();
  auto const before = one.machine().peers().at(id(2)).suspicions;
  one.tick_to(115);
  EXPECT_TRUE(one.machine().have_quorum());
  EXPECT_TRUE(one.machine().finds_its_feet());
  one.beat(2);
  one.beat(3);
  one.tick(30);
  EXPECT_TRUE(one.machine().have_quorum());
  EXPECT_FALSE(one.machine().finds_its_feet());
  EXPECT_EQ(one.count<quorum_changed>(), 0U);
  EXPECT_EQ(one.machine().peers().at(id(2)).suspicions, before);
}

TEST(node, who_stood_still_finds_out_soon_that_it_is_alone) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.beat(3);
  one.tick(20);
  one.tick_to(115);
  EXPECT_TRUE(one.machine().have_quorum());
  one.tick(21);
  EXPECT_FALSE(one.machine().have_quorum()) << "200 ms are enough for what waits to be read";
}

TEST(node, who_stood_still_for_so_long_that_it_was_suspected_is_sure_of_nothing) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.beat(3);
  one.tick(20);
  one.tick_to(125);
  EXPECT_FALSE(one.machine().have_quorum());
}

// A host with too little processor, and not a stopped process: whoever speaks now and then is not excused, only heard.
TEST(node, who_is_slow_and_hears_the_others_is_steady) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.tick(20);
  for (std::uint64_t now = 45; now <= 500; now += 25) {
    one.beat(2);
    one.tick_to(now);
    EXPECT_TRUE(one.machine().have_quorum());
    EXPECT_FALSE(one.machine().finds_its_feet());
  }
}

TEST(node, who_stands_still_time_and_again_finds_out_as_well) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.beat(2);
  one.beat(3);
  one.tick(20);
  for (std::uint64_t now = 60; now <= 180; now += 40) one.tick_to(now);
  EXPECT_FALSE(one.machine().have_quorum());
}

TEST(node, what_a_large_message_may_bring_is_not_fetched) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  one.tick(80);
  one.step(arriving{id(2)});
  for (unsigned each = 0; each < 100; ++each) {
    if (each % 10 == 0) one.beat(2, {7, id(2)}, slot_no(12));
    one.step(arriving{id(2)});
    one.tick(1);
  }
  EXPECT_EQ(one.last<fetch>(), nullptr) << "part of something large is here";
  one.tick(31);
  EXPECT_NE(one.last<fetch>(), nullptr) << "it was lost";
}

TEST(node, what_arrives_for_ever_is_fetched_all_the_same) {
  by_hand one({entry(1), entry(2), entry(3)});
  one.hear(2, proposal(11, 11));
  for (unsigned each = 0; each < 1040; ++each) {
    one.beat(2, {7, id(2)}, slot_no(12));
    one.step(arriving{id(2)});
    one.tick(1);
  }
  EXPECT_NE(one.last<fetch>(), nullptr);
}

// Its driver is told by the network before its timer comes for the first time.
TEST(node, what_nobody_has_is_not_lost_before_time_has_gone_by) {
  node_config config;
  config.self = id(1);
  site const at{5, {entry(1), entry(2), entry(3)}, {}};
  node one(config, begin_again{group, entry(1), at, {}, slot_no(10), slot_no(1), {}, false}, base::prng(1));
  std::vector<action> done;
  checkpoint const from{slot_no(5), at, {}, {}};
  one.step(start_delivery{from, {}, true}, done);
  for (std::uint64_t each : {2U, 3U}) {
    heartbeat said;
    said.log = group;
    said.site_version = 6;  // of a later site than ours
    said.decided = slot_no(20);
    said.log_begins = slot_no(15);
    said.count = 1;
    one.step(received{id(each), said}, done);
  }
  one.step(ticked{base::tick_count(100'000)}, done);
  for (auto const& each : done) EXPECT_FALSE(std::holds_alternative<history_lost>(each)) << "at once";
}

}  // namespace xcom
