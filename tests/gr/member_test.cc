// Goal: what slots mean to the database follows from the slots alone, and a second life takes in the verdicts of the first.
// Method: members fed by hand, no node, no network; their actions are looked at.
#include "gr/member.hh"

#include <gtest/gtest.h>

#include "certifier/write_set.hh"

namespace {

xcom::member_id const one{base::make_uuid(1, 1), 1};
xcom::member_id const two{base::make_uuid(2, 2), 1};

xcom::site_member entry(xcom::member_id const& id, gr::member_status status) {
  xcom::site_member made;
  made.id = id;
  made.address = "127.0.0.1:1" + std::to_string(id.uuid.bytes[0]);
  made.boot = 1;
  made.app = base::encode(gr::member_facts{"n" + std::to_string(id.uuid.bytes[0]), "127.0.0.1:3306", "10.11", status});
  return made;
}

xcom::site both() { return {2, {entry(one, gr::member_status::online), entry(two, gr::member_status::online)}}; }

xcom::message write(xcom::member_id const& from, std::uint64_t count, char const* row, gr::seqno_t last_seen) {
  certifier::write_set keys;
  std::string_view const path[] = {"db", "t", row};
  keys.add(path, certifier::key_kind::exclusive);
  gr::write_set_message what{{from.uuid, 7, 8},       0, gr::flag_start | gr::flag_end, last_seen, keys.encode(),
                             base::blob::copy_of(row)};
  return {from, xcom::origin_seq(xcom::first_of_boot(1).value() + count), base::encode(gr::ordered_message(what))};
}

xcom::deliver slot(std::uint64_t number, xcom::value what, base::blob note = {}) {
  return {xcom::slot_no(number), std::make_shared<xcom::value const>(std::move(what)), std::move(note), 100};
}

struct fed {
  gr::member machine;
  std::vector<gr::member_action> actions;
  std::map<std::uint64_t, base::blob> notes;

  explicit fed(gr::member_config config) : machine(std::move(config), base::prng(1)) {}
  void step(gr::member_event const& in) {
    std::size_t const before = actions.size();
    machine.step(in, actions);
    for (std::size_t at = before; at < actions.size(); ++at)
      if (auto const* note = std::get_if<gr::write_note>(&actions[at])) notes[note->slot.value()] = note->note;
  }
  template <class Event> std::vector<Event> handed() const {
    std::vector<Event> found;
    for (auto const& each : actions)
      if (auto const* to = std::get_if<gr::to_server>(&each))
        if (auto const* event = std::get_if<Event>(&to->what)) found.push_back(*event);
    return found;
  }
};

gr::member_config config_of(xcom::member_id const& self) {
  gr::member_config config;
  config.self = self;
  config.facts.name = "n";
  return config;
}

xcom::checkpoint beginning(gr::seqno_t seqno = 0) {
  return {xcom::slot_no(0), {}, {}, base::encode(gr::replicated_state{base::make_uuid(9, 9), seqno, seqno, 0})};
}

// A view, three write sets of which the last conflicts with the one before it, and one more.
void feed_history(fed& member, std::map<std::uint64_t, base::blob> const& notes = {}) {
  auto const note = [&](std::uint64_t number) { return notes.contains(number) ? notes.at(number) : base::blob{}; };
  member.step(slot(1, xcom::site_change{both()}, note(1)));
  member.step(slot(2, xcom::batch{{write(one, 0, "a", 1), write(two, 0, "b", 1)}}, note(2)));
  member.step(slot(3, xcom::batch{{write(one, 1, "b", 1)}}, note(3)));
  member.step(slot(4, xcom::batch{{write(two, 1, "c", 3)}}, note(4)));
}

TEST(member, a_conflicting_write_set_takes_its_position_and_is_handed_over_as_failed) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  feed_history(member);
  auto const handed = member.handed<gr::remote_write_set>();
  ASSERT_EQ(handed.size(), 4U);
  EXPECT_EQ(handed[2].seqno, 4);
  EXPECT_TRUE(handed[2].failed);
  EXPECT_TRUE(handed[2].data.empty());
  EXPECT_FALSE(handed[3].failed);
  EXPECT_EQ(member.machine.state().seqno, 5);
}

TEST(member, what_does_not_pass_is_told_with_what_was_in_its_way) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  feed_history(member);
  std::vector<gr::refused_write_set> told;
  for (auto const& each : member.actions)
    if (auto const* refused = std::get_if<gr::refused>(&each)) told.push_back(refused->what);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].why, gr::refusal_reason::conflict);
  EXPECT_EQ(told[0].seqno, 4);
  EXPECT_EQ(told[0].winner, 3);
  EXPECT_EQ(told[0].source.node, one.uuid);
  EXPECT_EQ(told[0].winner_node, two.uuid);
  std::string_view const path[] = {"db", "t", "b"};
  EXPECT_EQ(told[0].row, certifier::hash_path(path));
  EXPECT_EQ(told[0].wanted, certifier::key_kind::exclusive);
  EXPECT_EQ(told[0].held, certifier::key_kind::exclusive);
  EXPECT_EQ(told[0].history, base::make_uuid(9, 9));
}

TEST(member, a_waiting_own_write_set_is_resolved_and_not_handed_to_an_applier) {
  fed member(config_of(one));
  member.step(gr::founded{beginning()});
  member.step(gr::awaited{xcom::first_of_boot(1)});
  feed_history(member);
  EXPECT_EQ(member.handed<gr::remote_write_set>().size(), 3U);
  auto const resolved = std::count_if(member.actions.begin(), member.actions.end(), [](auto const& each) {
    auto const* what = std::get_if<gr::resolve>(&each);
    return what != nullptr && what->outcome.outcome == gr::order_outcome::passed && what->outcome.seqno == 2;
  });
  EXPECT_EQ(resolved, 1);
}

TEST(member, the_note_goes_to_the_log_before_the_server_is_handed_anything_of_the_slot) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  member.step(slot(1, xcom::site_change{both()}));
  std::size_t const before = member.actions.size();
  member.step(slot(2, xcom::batch{{write(one, 0, "a", 1)}}));
  ASSERT_GT(member.actions.size(), before + 1);
  EXPECT_TRUE(std::holds_alternative<gr::write_note>(member.actions[before]));
}

TEST(member, equal_slots_give_equal_states_digests_and_notes) {
  fed first(config_of(one));
  fed second(config_of(two));
  for (auto* each : {&first, &second}) {
    each->step(gr::founded{beginning()});
    feed_history(*each);
  }
  EXPECT_EQ(first.machine.state(), second.machine.state());
  EXPECT_EQ(first.machine.digest(), second.machine.digest());
  EXPECT_EQ(first.notes, second.notes);
}

TEST(member, a_restarted_member_takes_verdicts_from_notes_and_hands_over_only_what_the_data_lacks) {
  fed first(config_of(two));
  first.step(gr::founded{beginning()});
  feed_history(first);

  auto config = config_of(two);
  config.history = base::make_uuid(9, 9);
  config.base = 3;
  fed again(std::move(config));
  again.step(gr::resumed{beginning(), both()});
  again.step(gr::quorum{true, {one, two}});
  gr::observed seen;
  seen.now = base::tick_count(1);
  seen.applied = 3;
  seen.have_quorum = true;
  again.step(seen);
  feed_history(again, first.notes);
  auto const handed = again.handed<gr::remote_write_set>();
  ASSERT_EQ(handed.size(), 2U);
  EXPECT_EQ(handed[0].seqno, 4);
  EXPECT_TRUE(handed[0].failed);
  EXPECT_EQ(again.handed<gr::resume_at>().size(), 1U)
      << "the server is told where it stands, once, before anything else";
  EXPECT_TRUE(again.handed<gr::view_installed>().empty()) << "a view at or below the data's position is known already";
  EXPECT_EQ(again.machine.state(), first.machine.state());
}

// It left in order, was started again, and a human made it go on by itself: the view that took it out is one of its log.
TEST(member, the_view_that_took_out_the_process_before_is_a_position_like_any_other) {
  auto config = config_of(two);
  config.history = base::make_uuid(9, 9);
  config.base = 1;
  config.boot = 2;
  fed again(std::move(config));
  auto alone = both();
  alone.version = 4;
  std::erase_if(alone.members, [](auto const& each) { return each.id == one; });
  alone.members[0].boot = 2;
  again.step(gr::resumed{beginning(), alone});
  again.step(gr::quorum{true, {two}});
  gr::observed seen;
  seen.now = base::tick_count(1);
  seen.applied = 1;
  seen.have_quorum = true;
  again.step(seen);
  auto without = both();
  without.version = 3;
  std::erase_if(without.members, [](auto const& each) { return each.id == two; });
  again.step(slot(1, xcom::site_change{both()}));
  again.step(slot(2, xcom::site_change{without}));
  again.step(slot(3, xcom::site_change{alone}));
  auto const handed = again.handed<gr::view_installed>();
  ASSERT_EQ(handed.size(), 2U);
  EXPECT_EQ(handed[0].now.seqno, 2);
  EXPECT_EQ(handed[1].now.seqno, 3);
}

// The database's data was on the disk when the host failed, and the newest notes were not.
TEST(member, what_its_data_holds_beyond_the_last_note_is_judged_again) {
  fed first(config_of(two));
  first.step(gr::founded{beginning()});
  feed_history(first);
  for (std::uint64_t last_note : {1U, 2U, 3U, 4U}) {
    auto config = config_of(two);
    config.history = base::make_uuid(9, 9);
    config.base = 4;
    fed again(std::move(config));
    again.step(gr::resumed{beginning(), both(), xcom::slot_no(last_note)});
    again.step(gr::quorum{true, {one, two}});
    gr::observed seen;
    seen.now = base::tick_count(1);
    seen.applied = 4;
    seen.have_quorum = true;
    again.step(seen);
    feed_history(again, {first.notes.begin(), first.notes.upper_bound(last_note)});
    EXPECT_EQ(again.machine.state(), first.machine.state()) << last_note;
    EXPECT_EQ(again.machine.digest(), first.machine.digest()) << last_note;
    EXPECT_EQ(again.handed<gr::remote_write_set>().size(), 1U) << "what the data has is not handed over, " << last_note;
    for (auto const& [at, note] : again.notes) EXPECT_EQ(note, first.notes.at(at)) << last_note;
  }
}

// What others applied long ago is forgotten for conflicts, but here it may still be waiting for its applier.
TEST(member, history_that_comes_before_the_first_look_at_the_server_keeps_its_order) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  member.step(slot(1, xcom::site_change{both()}));
  member.step(slot(2, xcom::batch{{write(one, 0, "a", 1)}}));
  xcom::message const stable{one, xcom::origin_seq(xcom::first_of_boot(1).value() + 1),
                             base::encode(gr::ordered_message(gr::stable_message{2}))};
  member.step(slot(3, xcom::batch{{stable}}));
  member.step(slot(4, xcom::batch{{write(one, 2, "a", 2)}}));
  auto const handed = member.handed<gr::remote_write_set>();
  ASSERT_EQ(handed.size(), 2U);
  EXPECT_EQ(handed[1].depends_on, handed[0].seqno);
}

TEST(member, a_log_of_other_verdicts_is_refused) {
  fed first(config_of(two));
  first.step(gr::founded{beginning()});
  feed_history(first);
  auto notes = first.notes;
  auto changed = *base::decode<gr::slot_note>(notes[3]);
  changed.failed.clear();  // says that the conflict passed
  notes[3] = base::encode(changed);
  fed other(config_of(two));
  other.step(gr::founded{beginning()});
  feed_history(other, notes);
  auto const gave_up = std::any_of(other.actions.begin(), other.actions.end(),
                                   [](auto const& each) { return std::holds_alternative<gr::give_up>(each); });
  EXPECT_TRUE(gave_up);
}

// A joiner whose server cannot be copied to: the state transfer script failed before it could say where it listens.
TEST(member, a_server_that_cannot_be_joined_hears_so_before_the_group_is_closed) {
  fed joiner(config_of(two));
  auto at = beginning();
  at.at = {2, {entry(one, gr::member_status::online), entry(two, gr::member_status::recovering)}};
  joiner.step(gr::taken_in{at});
  gr::observed seen;
  seen.have_quorum = true;
  seen.others.push_back({one, true, {base::make_uuid(9, 9), 0, 0, 0, 0, false}});
  for (std::uint64_t tick : {1U, 100U, 101U}) {
    seen.now = base::tick_count(tick);
    joiner.step(seen);
  }
  ASSERT_EQ(joiner.handed<gr::state_needed>().size(), 1U);
  joiner.step(gr::state_request_ready{base::fail("no script")});
  auto const place_of = [&](auto&& is_it) {
    return std::find_if(joiner.actions.begin(), joiner.actions.end(), is_it) - joiner.actions.begin();
  };
  auto const told = place_of([](auto const& each) {
    auto const* to = std::get_if<gr::to_server>(&each);
    return to != nullptr && std::holds_alternative<gr::fatal_error>(to->what);
  });
  auto const gave_up = place_of([](auto const& each) { return std::holds_alternative<gr::give_up>(each); });
  EXPECT_LT(told, gave_up);
  EXPECT_LT(gave_up, std::ssize(joiner.actions));
}

// T1's client is told that its outcome is unknown and its rows are free again; T2 meets them as they were before T1. Both are
// ordered, T1 first: T2 must not pass over T1's write only because it comes from the same member.
TEST(member, a_given_up_transaction_is_a_stranger_to_those_after_it) {
  auto const rewritten = [](std::uint64_t count, std::uint32_t life) {
    auto made = write(one, count, "a", 1);
    auto what = std::get<gr::write_set_message>(*base::decode<gr::ordered_message>(made.payload));
    what.life = life;
    made.payload = base::encode(gr::ordered_message(what));
    return made;
  };
  for (std::uint32_t life : {0U, 1U}) {
    fed member(config_of(two));
    member.step(gr::founded{beginning()});
    member.step(slot(1, xcom::site_change{both()}));
    member.step(slot(2, xcom::batch{{rewritten(0, 0), rewritten(1, life)}}));
    auto const handed = member.handed<gr::remote_write_set>();
    ASSERT_EQ(handed.size(), 2U);
    EXPECT_FALSE(handed[0].failed);
    EXPECT_EQ(handed[1].failed, life != 0);
  }
}

xcom::message request_of_two(std::uint64_t count, std::uint64_t number) {
  gr::state_request_message const what{two, one, number, base::blob::copy_of("there")};
  return {two, xcom::origin_seq(xcom::first_of_boot(1).value() + count), base::encode(gr::ordered_message(what))};
}

xcom::site two_recovers(std::uint64_t version) {
  return {version, {entry(one, gr::member_status::online), entry(two, gr::member_status::recovering)}};
}

// A slot the donor lagged behind for comes to it with another member's note.
TEST(member, a_request_for_a_copy_is_served_however_its_slot_came) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1)}}, base::encode(gr::slot_note{donor.machine.state(), {}, 0})));
  EXPECT_EQ(donor.handed<gr::donate_state>().size(), 1U);
}

TEST(member, the_log_behind_a_copy_is_held_until_its_joiner_is_online) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  EXPECT_FALSE(donor.machine.held());
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1)}}));
  EXPECT_EQ(donor.machine.held()->position, 1);
  donor.step(gr::state_was_sent{1, 0});
  ASSERT_TRUE(donor.machine.held());
  EXPECT_EQ(donor.machine.held()->position, 1);
  auto online = both();
  online.version = 3;
  donor.step(slot(3, xcom::site_change{online}));
  EXPECT_FALSE(donor.machine.held());
}

// The server is still at the first copy, and its word about that would end the second.
TEST(member, a_donor_is_busy_until_its_server_is_done_also_with_a_joiner_that_is_gone) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1)}}));
  donor.step(slot(3, xcom::site_change{{3, {entry(one, gr::member_status::online)}}}));
  donor.step(slot(4, xcom::site_change{two_recovers(4)}));
  donor.step(slot(5, xcom::batch{{request_of_two(1, 1)}}));
  EXPECT_EQ(donor.handed<gr::donate_state>().size(), 1U) << "one at a time";
  donor.step(gr::state_was_sent{1, 0});
  donor.step(slot(6, xcom::batch{{request_of_two(2, 2)}}));
  EXPECT_EQ(donor.handed<gr::donate_state>().size(), 2U);
}

// mariadb-backup, and a user, may desync the server while it donates: donor to synced is no step it can take.
TEST(member, a_donor_is_in_step_again_when_it_neither_donates_nor_is_desynced) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  auto const before = donor.handed<gr::caught_up>().size();
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1)}}));
  donor.step(gr::desync_set{true});
  donor.step(gr::desync_set{false});
  EXPECT_EQ(donor.handed<gr::caught_up>().size(), before) << "it still donates";
  donor.step(gr::desync_set{true});
  donor.step(gr::state_was_sent{1, 0});
  EXPECT_EQ(donor.handed<gr::caught_up>().size(), before) << "it is still desynced";
  donor.step(gr::desync_set{false});
  EXPECT_EQ(donor.handed<gr::caught_up>().size(), before + 1);
}

// It asked while the donor had still to deliver the site that takes it in, and the one before that let the donor forget it.
TEST(member, the_log_is_held_for_a_joiner_whose_joining_is_still_to_be_delivered) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  gr::history_query const query{1, 0, {}};
  auto const asked = base::encode(gr::direct_message{query});
  std::vector<xcom::checkpoint> const log{beginning()};
  donor.step(gr::told{two, asked, log});
  EXPECT_FALSE(donor.machine.held()) << "it does not know who that is";
  donor.step(xcom::site_installed{xcom::slot_no(3), two_recovers(3)});
  donor.step(gr::told{two, asked, log});
  ASSERT_TRUE(donor.machine.held());
  auto alone = two_recovers(2);
  std::erase_if(alone.members, [](auto const& each) { return each.id == two; });
  donor.step(slot(1, xcom::site_change{alone}));
  EXPECT_TRUE(donor.machine.held());
}

TEST(member, that_a_copy_came_to_nothing_is_said_more_than_once) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1)}}));
  donor.step(gr::state_was_sent{1, 5});
  gr::observed seen;
  for (std::uint64_t tick : {100U, 201U, 302U}) {
    seen.now = base::tick_count(tick);
    donor.step(seen);
  }
  auto const told = std::count_if(donor.actions.begin(), donor.actions.end(),
                                  [](auto const& each) { return std::holds_alternative<gr::tell>(each); });
  EXPECT_GE(told, 3);
}

// Its first request came late, and it had asked again: that the second found the donor busy is what it has to hear.
TEST(member, what_is_said_more_than_once_is_about_the_last_request) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  donor.step(slot(1, xcom::site_change{two_recovers(2)}));
  donor.step(slot(2, xcom::batch{{request_of_two(0, 1), request_of_two(1, 2)}}));
  donor.step(gr::state_was_sent{1, 5});
  donor.actions.clear();
  gr::observed seen;
  seen.now = base::tick_count(200);
  donor.step(seen);
  std::vector<std::uint64_t> numbers;
  for (auto const& each : donor.actions) {
    auto const* tell = std::get_if<gr::tell>(&each);
    if (tell == nullptr) continue;
    auto const what = base::decode<gr::direct_message>(tell->payload);
    ASSERT_TRUE(what);
    numbers.push_back(std::get<gr::state_sent_message>(*what).number);
  }
  EXPECT_EQ(numbers, std::vector<std::uint64_t>{2});
}

// The view without this member takes a position the server is not told of: it must not be told to wait for it either.
TEST(member, who_left_is_not_told_that_it_has_no_majority) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  member.step(slot(1, xcom::site_change{both()}));
  member.step(slot(2, xcom::site_change{{3, {entry(one, gr::member_status::online)}}}));
  member.step(gr::quorum{false, {}});
  auto const views = member.handed<gr::view_installed>();
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(views[0].now.seqno, 1);
}

// The server would wait for positions that nobody has handed to it yet.
TEST(member, a_majority_lost_right_after_a_copy_is_told_at_the_copys_position) {
  fed joiner(config_of(two));
  joiner.step(gr::taken_in{{xcom::slot_no(7), both(), {}, beginning(9).app}});
  joiner.step(gr::state_was_received{base::make_uuid(9, 9), 5, 0});
  joiner.step(gr::quorum{false, {}});
  auto const views = joiner.handed<gr::view_installed>();
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(views[0].now.seqno, 5);
  joiner.step(gr::quorum{true, {}});
  ASSERT_FALSE(joiner.handed<gr::resume_at>().empty());
  EXPECT_EQ(joiner.handed<gr::resume_at>().back().own.seqno, 5);
}

TEST(member, the_bound_is_asked_for_once_however_long_a_slot_takes) {
  auto config = config_of(one);
  config.stable_every_ticks = 1;
  fed leader(std::move(config));
  leader.step(gr::founded{beginning()});
  leader.step(slot(1, xcom::site_change{{2, {entry(one, gr::member_status::online)}}}));
  gr::observed seen;
  seen.leads = true;
  seen.applied = 1;
  for (std::uint64_t tick = 10; tick < 20; ++tick) {
    seen.now = base::tick_count(tick);
    leader.step(seen);
  }
  auto const asked = std::count_if(leader.actions.begin(), leader.actions.end(),
                                   [](auto const& each) { return std::holds_alternative<gr::submit>(each); });
  EXPECT_EQ(asked, 1);
}

// What an expelled incarnation had ordered is not applied by being taken in again: others forget below what is said here.
TEST(member, who_is_taken_in_again_says_how_far_its_server_is) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  feed_history(member);
  auto const ordered = member.machine.state().seqno;
  xcom::checkpoint const own{xcom::slot_no(4), both(), {}, member.machine.state_blob()};
  member.step(gr::taken_in_again{{two.uuid, 2}, 1, {xcom::slot_no(5), both(), {}, {}}, own});
  gr::observed seen;
  seen.now = base::tick_count(10);
  seen.applied = 2;
  ASSERT_LT(seen.applied, ordered);
  member.step(seen);
  std::vector<gr::live_facts> said;
  for (auto const& each : member.actions)
    if (auto const* to = std::get_if<gr::to_node>(&each))
      if (auto const* facts = std::get_if<xcom::app_facts>(&to->what))
        said.push_back(*base::decode<gr::live_facts>(facts->facts));
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.back().applied, 2);
}

// What it missed may be fetched before a tick has passed: the server must hear where it stands before it is handed more.
TEST(member, who_is_taken_in_again_is_told_where_it_stands_before_it_is_handed_more) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  feed_history(member);
  member.step(gr::quorum{true, {one, two}});
  member.step(gr::quorum{false, {}});
  auto const stands = member.machine.state().seqno;
  xcom::checkpoint const own{xcom::slot_no(4), both(), {}, member.machine.state_blob()};
  member.step(gr::taken_in_again{{two.uuid, 2}, 1, {xcom::slot_no(9), both(), {}, {}}, own});
  member.step(gr::quorum{true, {one, two}});
  member.actions.clear();
  member.step(slot(5, xcom::batch{{write(one, 2, "d", stands)}}));
  gr::observed seen;
  seen.have_quorum = true;
  member.step(seen);
  std::vector<std::string> order;
  for (auto const& each : member.actions) {
    auto const* to = std::get_if<gr::to_server>(&each);
    if (to == nullptr) continue;
    if (auto const* at = std::get_if<gr::resume_at>(&to->what)) order.push_back(std::to_string(at->own.seqno));
    if (std::holds_alternative<gr::remote_write_set>(to->what)) order.emplace_back("write set");
  }
  EXPECT_EQ(order, (std::vector<std::string>{std::to_string(stands), "write set"}));
}

// ---- whether what a member holds is the group's ----

std::vector<gr::history_query> asked(fed const& member) {
  std::vector<gr::history_query> found;
  for (auto const& each : member.actions)
    if (auto const* said = std::get_if<gr::tell>(&each))
      if (auto const what = base::decode<gr::direct_message>(said->payload))
        if (auto const* query = std::get_if<gr::history_query>(&*what)) found.push_back(*query);
  return found;
}

template <class Action> std::vector<Action> done(fed const& member) {
  std::vector<Action> found;
  for (auto const& each : member.actions)
    if (auto const* what = std::get_if<Action>(&each)) found.push_back(*what);
  return found;
}

gr::observed one_is_online(std::uint64_t tick, gr::seqno_t applied) {
  gr::observed seen;
  seen.now = base::tick_count(tick);
  seen.applied = applied;
  seen.have_quorum = true;
  seen.decided = xcom::slot_no(30);
  seen.others.push_back({one, true, {base::make_uuid(9, 9), 9, 9, 0, 0, false}});
  return seen;
}

gr::told answered(gr::history_query const& query, gr::likeness held, gr::seqno_t agree_up_to) {
  gr::history_answer answer{query.number, {}, 0, held, agree_up_to};
  if (held == gr::likeness::same) answer.from.push_back(beginning());
  return {one, base::encode(gr::direct_message{answer}), {}};
}

base::uuid const group_log = base::make_uuid(7, 7);

// A joiner whose data stands at 5, and whose own log says with which slot and digest that is complete.
gr::taken_in welcome_at(std::uint64_t slot, gr::seqno_t seqno) {
  gr::taken_in in{beginning(seqno), group_log, {group_log, {{xcom::slot_no(4), 44}, {xcom::slot_no(3), 33}}}};
  in.at.slot = xcom::slot_no(slot);
  in.at.at = two_recovers(9);
  return in;
}

gr::member_config with_data(gr::seqno_t position) {
  auto config = config_of(two);
  config.history = base::make_uuid(9, 9);
  config.base = position;
  config.old_log = "the old log";
  return config;
}

void ask(fed& joiner) {
  for (std::uint64_t tick : {1U, 100U, 101U}) joiner.step(one_is_online(tick, -1));
}

// It had been told where it stands, and had begun to apply: it is no joiner that waits, and what it serves stays.
TEST(member, a_server_that_came_up_is_not_told_that_its_process_must_end) {
  fed member(with_data(0));
  member.step(gr::resumed{beginning(), both()});
  member.step(gr::quorum{true, {one, two}});
  member.step(one_is_online(10, 0));
  ASSERT_EQ(member.handed<gr::resume_at>().size(), 1U);
  member.step(gr::history_gone{xcom::slot_no(7)});
  EXPECT_EQ(done<gr::give_up>(member).size(), 1U);
  EXPECT_TRUE(member.handed<gr::fatal_error>().empty());
}

TEST(member, who_returns_with_the_groups_data_goes_on_from_it) {
  fed joiner(with_data(5));
  joiner.step(welcome_at(20, 9));
  ask(joiner);
  ASSERT_EQ(asked(joiner).size(), 1U);
  EXPECT_EQ(asked(joiner)[0].held.marks.front(), (gr::landmark{xcom::slot_no(4), 44}));
  joiner.step(answered(asked(joiner)[0], gr::likeness::same, 5));
  EXPECT_EQ(joiner.handed<gr::resume_at>().size(), 1U);
  ASSERT_EQ(done<gr::forget_held>(joiner).size(), 1U);
  EXPECT_FALSE(done<gr::forget_held>(joiner)[0].diverged);
}

TEST(member, who_holds_more_than_the_group_is_refused_with_the_set_and_its_tables_are_asked_for) {
  fed joiner(with_data(12));
  auto in = welcome_at(20, 9);
  in.held = {};  // its log is gone
  joiner.step(in);
  ASSERT_EQ(done<gr::name_tables>(joiner).size(), 1U);
  EXPECT_EQ(done<gr::name_tables>(joiner)[0].from, 10);
  EXPECT_EQ(done<gr::name_tables>(joiner)[0].up_to, 12);
  ASSERT_EQ(done<gr::give_up>(joiner).size(), 1U);
  EXPECT_NE(done<gr::give_up>(joiner)[0].why.find(":10-12)"), std::string::npos) << done<gr::give_up>(joiner)[0].why;
}

// It comes back while its server runs, and what it misses is in no log any more. The same attempt again would end the same way.
TEST(member, a_running_server_that_only_a_copy_helps_leaves_for_good) {
  for (gr::seqno_t const log_begins : {0, 8}) {
    auto config = with_data(5);
    config.server_runs = true;
    config.recovery.clone_threshold = 1;
    fed joiner(std::move(config));
    joiner.step(gr::taken_in{{xcom::slot_no(20), two_recovers(9), {}, beginning(9).app}, group_log, {}});
    for (std::uint64_t tick : {1U, 100U, 101U}) {
      auto seen = one_is_online(tick, 5);
      seen.others[0].facts.first_available = log_begins;
      joiner.step(seen);
    }
    EXPECT_TRUE(joiner.handed<gr::state_needed>().empty()) << "it can take none";
    auto const gave_up = done<gr::give_up>(joiner);
    ASSERT_EQ(gave_up.size(), log_begins == 0 ? 0U : 1U);
    if (gave_up.empty()) continue;
    EXPECT_FALSE(gave_up[0].may_return);
    EXPECT_NE(gave_up[0].why.find("Restart"), std::string::npos) << gave_up[0].why;
    EXPECT_TRUE(joiner.handed<gr::fatal_error>().empty());
  }
}

// Its log has all there is, its donor is gone, and the others recover: each of them waits for somebody who is ONLINE.
TEST(member, who_returns_waits_for_nobody_that_recovers) {
  xcom::member_id const three{base::make_uuid(3, 3), 1};
  auto const site_with = [&](std::vector<xcom::site_member> members, std::uint64_t version) {
    members.push_back(entry(two, gr::member_status::recovering));
    members.push_back(entry(three, gr::member_status::recovering));
    std::ranges::sort(members, {}, &xcom::site_member::id);
    return xcom::site{version, std::move(members)};
  };
  auto config = with_data(5);
  config.boot = 1;
  fed member(std::move(config));
  member.step(gr::resumed{beginning(5), site_with({entry(one, gr::member_status::online)}, 2)});
  member.step(gr::quorum{true, {one, two, three}});
  auto const look = [&](std::uint64_t tick, bool one_is_there) {
    auto seen = one_is_online(tick, member.machine.state().seqno);
    seen.decided = seen.delivered = xcom::slot_no(one_is_there ? 0 : 1);
    if (!one_is_there) seen.others.clear();
    seen.others.push_back({three, true, {base::make_uuid(9, 9), 5, 5, 0, 0, false}});
    member.step(seen);
  };
  for (std::uint64_t tick : {1U, 20U, 60U}) look(tick, true);
  ASSERT_EQ(member.machine.donor(), one);
  auto const without_one = site_with({}, 3);
  member.step(slot(1, xcom::site_change{without_one}));
  member.step(xcom::site_installed{xcom::slot_no(1), without_one});
  for (std::uint64_t tick : {61U, 62U, 63U}) look(tick, false);
  EXPECT_FALSE(member.machine.donor());
  auto const asks = std::ranges::any_of(
      done<gr::to_node>(member), [](auto const& each) { return std::holds_alternative<xcom::update_self>(each.what); });
  EXPECT_TRUE(asks) << "to be ONLINE: " << member.machine.describe();
}

TEST(member, who_returns_with_other_data_says_so_and_takes_a_copy) {
  fed joiner(with_data(5));
  joiner.step(welcome_at(20, 9));
  ask(joiner);
  ASSERT_EQ(asked(joiner).size(), 1U);
  joiner.step(answered(asked(joiner)[0], gr::likeness::other, 3));
  EXPECT_TRUE(done<gr::forget_held>(joiner).empty()) << "a crash before the copy must not forget it";
  ASSERT_EQ(done<gr::name_tables>(joiner).size(), 1U);
  EXPECT_EQ(done<gr::name_tables>(joiner)[0].from, 4);
  EXPECT_EQ(done<gr::name_tables>(joiner)[0].up_to, 5);
  joiner.step(one_is_online(102, -1));
  EXPECT_EQ(joiner.handed<gr::state_needed>().size(), 1U);
  EXPECT_TRUE(joiner.handed<gr::resume_at>().empty());
  auto const said = done<gr::say>(joiner);
  auto const error =
      std::find_if(said.begin(), said.end(), [](auto const& each) { return each.how == gr::server::level::error; });
  ASSERT_NE(error, said.end());
  for (auto const* part : {"position 3", "position 5", "the old log"})
    EXPECT_NE(error->text.find(part), std::string::npos) << error->text;
}

// It asks nobody: whatever the group's data is, it is not this one.
TEST(member, data_that_rests_on_slots_the_group_never_had_is_not_asked_about) {
  for (auto const& [slot, seqno] : {std::pair<std::uint64_t, gr::seqno_t>{4, 9}, {20, 4}}) {
    fed joiner(with_data(5));
    joiner.step(welcome_at(slot, seqno));
    ask(joiner);
    EXPECT_TRUE(asked(joiner).empty());
    EXPECT_EQ(joiner.handed<gr::state_needed>().size(), 1U);
  }
}

fed expelled_and_taken_in_again(std::uint64_t welcome_slot) {
  fed member(config_of(two));
  member.step(gr::founded{beginning()});
  feed_history(member);
  xcom::checkpoint const own{xcom::slot_no(4), both(), {}, member.machine.state_blob()};
  gr::landmark const place{own.slot, member.machine.state().digest};
  xcom::checkpoint at{xcom::slot_no(welcome_slot), two_recovers(9), {}, beginning(9).app};
  member.actions.clear();
  member.step(gr::taken_in_again{{two.uuid, 2}, 1, at, own, group_log, {group_log, {place}}});
  member.step(one_is_online(10, 2));
  return member;
}

bool begins_delivery(fed const& member) {
  return std::ranges::any_of(done<gr::to_node>(member),
                             [](auto const& each) { return std::holds_alternative<xcom::start_delivery>(each.what); });
}

TEST(member, who_is_taken_in_again_delivers_nothing_before_its_place_was_compared) {
  auto member = expelled_and_taken_in_again(9);
  EXPECT_TRUE(member.machine.compares());
  ASSERT_EQ(asked(member).size(), 1U);
  EXPECT_FALSE(begins_delivery(member));
  member.step(answered(asked(member)[0], gr::likeness::same, 5));
  EXPECT_TRUE(begins_delivery(member));
  EXPECT_FALSE(member.machine.compares());
}

TEST(member, a_running_server_with_other_data_leaves_and_keeps_it) {
  auto member = expelled_and_taken_in_again(9);
  member.step(answered(asked(member).at(0), gr::likeness::other, 3));
  EXPECT_FALSE(begins_delivery(member));
  ASSERT_EQ(done<gr::give_up>(member).size(), 1U);
  EXPECT_NE(done<gr::give_up>(member)[0].why.find("Nothing was touched"), std::string::npos);
  EXPECT_TRUE(done<gr::forget_held>(member).empty()) << "its next start has to know";
}

// It had decided more slots than the group has now.
TEST(member, a_running_server_that_is_ahead_of_the_group_leaves) {
  auto const member = expelled_and_taken_in_again(3);
  EXPECT_TRUE(asked(member).empty());
  EXPECT_EQ(done<gr::give_up>(member).size(), 1U);
}

TEST(member, nobody_whose_log_reaches_back_to_its_place_is_left) {
  auto member = expelled_and_taken_in_again(9);
  member.step(answered(asked(member).at(0), gr::likeness::not_yet, -1));
  member.step(one_is_online(200, 2));
  ASSERT_EQ(asked(member).size(), 2U) << "it is asked again";
  member.step(answered(asked(member)[1], gr::likeness::unknown, -1));
  member.step(one_is_online(201, 2));
  ASSERT_EQ(done<gr::give_up>(member).size(), 1U);
}

TEST(member, a_donor_compares_before_it_says_where_to_begin) {
  fed donor(config_of(one));
  donor.step(gr::founded{beginning()});
  feed_history(donor);
  std::vector<xcom::checkpoint> const own_log{beginning()};
  gr::history_query const query{1, 3, {group_log, {{xcom::slot_no(3), 1}}}};
  donor.step(gr::told{two, base::encode(gr::direct_message{query}), own_log});
  ASSERT_EQ(done<gr::compare_held>(donor).size(), 1U);
  EXPECT_TRUE(done<gr::tell>(donor).empty());
  auto const answer_to = [&](gr::history_query const& what, gr::comparison const& found) {
    donor.actions.clear();
    donor.step(gr::held_compared{two, what, group_log, found, own_log});
    return std::get<gr::history_answer>(*base::decode<gr::direct_message>(done<gr::tell>(donor).at(0).payload));
  };
  EXPECT_EQ(answer_to(query, {gr::likeness::same, 3}).from.size(), 1U);
  EXPECT_TRUE(answer_to(query, {gr::likeness::other, 2}).from.empty());
  auto const too_short = answer_to(query, {gr::likeness::unknown, -1});
  EXPECT_TRUE(too_short.from.empty()) << "its log does not reach back so far";
  EXPECT_EQ(too_short.first_available, -1) << "so it is asked no more";
  auto elsewhere = query;
  elsewhere.held.log = base::make_uuid(1, 7);
  EXPECT_EQ(answer_to(elsewhere, {}).from.size(), 1U) << "slots of another log cannot be compared";
  auto later = query;
  later.held.marks[0].slot = xcom::slot_no(40);
  EXPECT_EQ(answer_to(later, {}).held, gr::likeness::not_yet);
}

TEST(member, the_digest_differs_as_soon_as_a_slot_does) {
  fed first(config_of(one));
  fed second(config_of(one));
  for (auto* each : {&first, &second}) {
    each->step(gr::founded{beginning()});
    each->step(slot(1, xcom::site_change{both()}));
  }
  first.step(slot(2, xcom::batch{{write(one, 0, "a", 1)}}));
  second.step(slot(2, xcom::batch{{write(one, 0, "b", 1)}}));
  EXPECT_EQ(first.machine.state().seqno, second.machine.state().seqno);
  EXPECT_NE(first.machine.state().digest, second.machine.state().digest);
  // So its note is refused by whoever delivered the other slot.
  first.step(slot(3, xcom::batch{{write(one, 1, "c", 2)}}));
  second.step(slot(3, xcom::batch{{write(one, 1, "c", 2)}}, first.notes.at(3)));
  EXPECT_EQ(done<gr::give_up>(second).size(), 1U);
}

}  // namespace
