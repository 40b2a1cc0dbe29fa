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
  return {id(number), address(number), role, 50, 1, {}};
}

value_ptr words(std::string const& text) {
  batch held;
  held.messages.push_back({id(3), first_of_boot(1), base::blob::copy_of(text)});
  return std::make_shared<value const>(held);
}

// Member 1 of a group, and what it does. The others are played by the test.
class by_hand {
 public:
  explicit by_hand(std::vector<site_member> members)
      : node_(config(),
              begin_again{group, entry(1), site{5, std::move(members)}, {}, slot_no(10), slot_no(1), {}, false},
              base::prng(1)) {
    tick(1);
  }

  void step(event const& happened) { node_.step(happened, done_); }
  void hear(std::uint64_t from, wire_message what) { step(received{id(from), std::move(what)}); }
  void tick(std::uint64_t ticks) {
    for (; ticks > 0; --ticks) step(ticked{now_ = now_.next()});
  }
  // A heartbeat that has heard ours.
  void beat(std::uint64_t from, ballot const& leader = {}, slot_no decided = slot_no(10)) {
    heartbeat said;
    said.log = group;
    said.address = address(from);
    said.site_version = node_.current_site().version;
    said.leader = leader;
    said.decided = decided;
    said.log_begins = slot_no(1);
    said.count = ++count_;
    said.echo = last<heartbeat>() == nullptr ? 0 : last<heartbeat>()->count;
    hear(from, said);
  }
  // With the vote of member 2.
  void become_leader() {
    while (last<pre_vote>() == nullptr) tick(1);
    hear(2, pre_vote_reply{group, last<pre_vote>()->round, true, {}, slot_no(10)});
    ASSERT_NE(last<prepare>(), nullptr);
    hear(2, promise{group, last<prepare>()->by, last<prepare>()->from, slot_no(10), {}});
    ASSERT_TRUE(node_.is_leader());
  }
  void submit(std::string const& text) { step(submitted{node_.next_seq(), base::blob::copy_of(text)}); }

  // The newest of this kind that it sent to anybody.
  template <class Message> [[nodiscard]] Message const* last() const {
    for (auto each = done_.rbegin(); each != done_.rend(); ++each)
      if (auto const* sent = std::get_if<send>(&*each))
        if (auto const* what = std::get_if<Message>(&sent->what)) return what;
    return nullptr;
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
      one.hear(7, join_request{stranger});
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

TEST(node, an_older_incarnation_that_waits_too_is_forgotten_with_the_newer_one) {
  by_hand one({entry(1), entry(2)});
  one.become_leader();
  auto const joiner = [](std::uint64_t incarnation) {
    site_member made = entry(7, member_role::non_voting);
    made.id.incarnation = incarnation;
    return made;
  };
  one.submit("keeps the leader busy");
  one.hear(7, join_request{joiner(2)});
  one.hear(7, join_request{joiner(1)});
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
  one.hear(2, not_a_member{base::make_uuid(8, 8), site{9, {entry(2)}}});
  EXPECT_TRUE(one.machine().is_member());
}

}  // namespace
}  // namespace xcom
