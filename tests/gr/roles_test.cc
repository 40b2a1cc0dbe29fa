// Goal: of everything that wants to change who writes, the first in the log counts, and what a member that may not write had
// ordered never does. Method: roles and sites by hand; members fed by hand, no node, no network.
#include "gr/roles.hh"

#include <gtest/gtest.h>

#include "certifier/write_set.hh"
#include "gr/member.hh"

namespace {

xcom::member_id const one{base::make_uuid(1, 1), 1};
xcom::member_id const two{base::make_uuid(2, 2), 1};
xcom::member_id const three{base::make_uuid(3, 3), 1};

xcom::site_member entry(xcom::member_id const& id, gr::member_status status = gr::member_status::online) {
  xcom::site_member made;
  made.id = id;
  made.boot = 1;
  made.app = base::encode(gr::member_facts{"n" + std::to_string(id.uuid.bytes[0]), "h:1", "10.11.19", status});
  return made;
}

xcom::site all() { return {3, {entry(one), entry(two), entry(three)}}; }

gr::group_roles single_of(xcom::member_id const& primary) {
  return gr::founding_roles(gr::primary_mode::single, gr::election_mode::weight_only, primary, 10);
}

std::string apply(gr::group_roles& to, gr::role_change what, xcom::member_id const& from = one) {
  return gr::apply(to, {to.epoch, std::move(what)}, from, all(), 20);
}

TEST(roles, of_two_elections_of_an_epoch_the_first_counts) {
  auto roles = single_of(one);
  auto const epoch = roles.epoch;
  EXPECT_EQ(gr::apply(roles, {epoch, gr::elect{two}}, two, all(), 20), "");
  EXPECT_NE(gr::apply(roles, {epoch, gr::elect{three}}, three, all(), 21).find("changed meanwhile"), std::string::npos);
  EXPECT_EQ(roles.primary, two);
  EXPECT_EQ(roles.since, 20);
  EXPECT_EQ(roles.epoch, epoch + 1);
}

TEST(roles, who_is_not_online_is_not_elected) {
  auto roles = single_of(one);
  xcom::site const at{3, {entry(one), entry(two, gr::member_status::recovering)}};
  EXPECT_NE(gr::apply(roles, {roles.epoch, gr::elect{two}}, one, at, 20), "");
  EXPECT_NE(gr::apply(roles, {roles.epoch, gr::elect{three}}, one, at, 20), "");
  EXPECT_EQ(roles, single_of(one));
}

TEST(roles, a_primary_that_is_not_online_in_a_site_is_none_any_more) {
  auto roles = single_of(one);
  gr::follow_site(roles, all(), 30);
  EXPECT_EQ(roles, single_of(one));
  gr::follow_site(roles, {4, {entry(one, gr::member_status::recovering), entry(two)}}, 31);
  EXPECT_FALSE(roles.has_primary());
  EXPECT_FALSE(roles.may_write(one));
  EXPECT_FALSE(roles.may_write(two));
  EXPECT_EQ(roles.since, 31);
}

TEST(roles, a_switch_ends_when_the_primary_says_so_and_nobody_else) {
  auto roles = single_of(one);
  EXPECT_EQ(apply(roles, gr::begin_switch{two, 1000}, three), "");
  EXPECT_NE(apply(roles, gr::begin_switch{three, 1000}, three), "");
  EXPECT_NE(apply(roles, gr::finish_switch{}, two), "");
  EXPECT_EQ(roles.primary, one);
  EXPECT_EQ(apply(roles, gr::finish_switch{}, one), "");
  EXPECT_EQ(roles.primary, two);
  EXPECT_FALSE(roles.switching.has_value());
}

TEST(roles, a_switch_is_over_when_its_target_is_gone) {
  auto roles = single_of(one);
  EXPECT_EQ(apply(roles, gr::begin_switch{two, 1000}), "");
  gr::follow_site(roles, {4, {entry(one), entry(three)}}, 31);
  EXPECT_FALSE(roles.switching.has_value());
  EXPECT_EQ(roles.primary, one);
  EXPECT_NE(apply(roles, gr::finish_switch{}), "");
}

TEST(roles, modes_change_once_and_need_a_protocol_that_knows_them) {
  gr::group_roles roles;
  EXPECT_NE(apply(roles, gr::change_mode{gr::primary_mode::multi, {}}), "");
  auto old = all();
  old.rules.protocol = xcom::protocol_with_roles - 1;
  auto const refused = gr::apply(roles, {roles.epoch, gr::change_mode{gr::primary_mode::single, two}}, one, old, 20);
  EXPECT_NE(refused.find("protocol 2"), std::string::npos) << refused;
  EXPECT_EQ(apply(roles, gr::change_mode{gr::primary_mode::single, two}), "");
  EXPECT_TRUE(roles.may_write(two));
  EXPECT_FALSE(roles.may_write(one));
  EXPECT_EQ(apply(roles, gr::change_mode{gr::primary_mode::multi, {}}), "");
  EXPECT_TRUE(roles.may_write(one));
}

TEST(roles, actions_are_changed_in_any_epoch_and_counted) {
  auto roles = single_of(one);
  EXPECT_EQ(gr::apply(roles, {77, gr::set_action{gr::member_action_kind::start_channels, false}}, two, all(), 20), "");
  EXPECT_FALSE(roles.actions.start_channels);
  EXPECT_EQ(roles.actions.version, 2U);
  EXPECT_EQ(apply(roles, gr::reset_actions{}), "");
  EXPECT_TRUE(roles.actions.start_channels);
  EXPECT_EQ(roles.actions.version, 3U);
}

TEST(roles, a_state_nobody_changed_reads_like_one_of_a_program_without_roles) {
  gr::replicated_state const positions{base::make_uuid(9, 9), 12, 3, 4, 5};
  EXPECT_EQ(gr::encode_state({positions}), base::encode(positions));
  auto const read = gr::decode_state(gr::encode_state({positions, single_of(two)}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->positions, positions);
  EXPECT_EQ(read->roles, single_of(two));
  EXPECT_FALSE(gr::decode_state(base::blob::copy_of("nothing of the kind")));
}

// ---- the member ----

xcom::message write(xcom::member_id const& from, std::uint64_t count) {
  certifier::write_set keys;
  gr::write_set_message const what{{from.uuid, 7, 8},       0, gr::flag_start | gr::flag_end, 1, keys.encode(),
                                   base::blob::copy_of("x")};
  return {from, xcom::origin_seq(xcom::first_of_boot(1).value() + count), base::encode(gr::ordered_message(what))};
}

xcom::message change(xcom::member_id const& from, std::uint64_t count, std::uint64_t epoch, gr::role_change what) {
  return {from, xcom::origin_seq(xcom::first_of_boot(1).value() + count),
          base::encode(gr::ordered_message(gr::role_message{epoch, std::move(what)}))};
}

struct fed {
  gr::member machine;
  std::vector<gr::member_action> actions;

  explicit fed(xcom::member_id const& self) : machine(config_of(self), base::prng(1)) {
    xcom::checkpoint const at{
        xcom::slot_no(0), {}, {}, gr::encode_state({{base::make_uuid(9, 9), 0, 0, 0, 0}, single_of(one)})};
    machine.step(gr::founded{at}, actions);
    slot(1, xcom::site_change{all()});
  }
  static gr::member_config config_of(xcom::member_id const& self) {
    gr::member_config config;
    config.self = self;
    config.facts.name = "n";
    return config;
  }
  void slot(std::uint64_t number, xcom::value what) {
    machine.step(xcom::deliver{xcom::slot_no(number), std::make_shared<xcom::value const>(std::move(what)), {}, 100},
                 actions);
  }
  // A tick: the others are heard, or not.
  void tick(std::uint64_t now, bool leads, std::vector<xcom::member_id> const& heard, gr::seqno_t applied = 100) {
    gr::observed seen;
    seen.now = base::tick_count(now);
    seen.applied = applied;
    seen.leads = leads;
    seen.have_quorum = true;
    for (auto const& each : {one, two, three}) {
      gr::neighbor other;
      other.id = each;
      other.heard = std::ranges::find(heard, each) != heard.end();
      other.facts.history = base::make_uuid(9, 9);
      other.facts.applied = applied;
      seen.others.push_back(other);
    }
    machine.step(seen, actions);
  }
  [[nodiscard]] std::vector<bool> failed() const {
    std::vector<bool> found;
    for (auto const& each : actions)
      if (auto const* to = std::get_if<gr::to_server>(&each))
        if (auto const* event = std::get_if<gr::remote_write_set>(&to->what)) found.push_back(event->failed);
    return found;
  }
  [[nodiscard]] std::vector<gr::role_message> ordered() const {
    std::vector<gr::role_message> found;
    for (auto const& each : actions)
      if (auto const* what = std::get_if<gr::submit>(&each)) {
        auto const decoded = base::decode<gr::ordered_message>(what->payload);
        if (auto const* role = std::get_if<gr::role_message>(&*decoded)) found.push_back(*role);
      }
    return found;
  }
};

TEST(roles, what_a_replaced_primary_still_had_on_its_way_does_not_pass) {
  fed member(three);
  member.slot(2, xcom::batch{{write(one, 0), change(two, 0, 1, gr::elect{two}), write(one, 1), write(two, 1)}});
  EXPECT_EQ(member.failed(), (std::vector<bool>{false, true, false}));
}

TEST(roles, a_secondary_takes_no_writes_and_says_who_does) {
  fed member(three);
  member.tick(1, false, {one, two});
  EXPECT_FALSE(member.machine.role().writes);
  EXPECT_NE(member.machine.role().why_not.find("the primary is n1"), std::string::npos)
      << member.machine.role().why_not;
}

TEST(roles, a_new_primary_writes_once_it_has_applied_what_was_before) {
  fed member(two);
  member.slot(2, xcom::batch{{write(one, 0), change(three, 0, 1, gr::elect{two})}});
  member.tick(1, false, {one, three}, 1);
  EXPECT_TRUE(member.machine.role().primary);
  EXPECT_FALSE(member.machine.role().writes);
  member.tick(2, false, {one, three}, 2);
  EXPECT_TRUE(member.machine.role().writes);
}

TEST(roles, the_leader_elects_when_the_primary_is_not_heard_and_others_do_not) {
  fed leader(three);
  fed other(three);
  for (std::uint64_t tick = 1; tick < 30; ++tick) {
    leader.tick(tick, true, {two});
    other.tick(tick, false, {two});
  }
  EXPECT_TRUE(other.ordered().empty());
  ASSERT_EQ(leader.ordered().size(), 1U);
  EXPECT_EQ(std::get<gr::elect>(leader.ordered().front().what).winner, two);
}

TEST(roles, anybody_elects_where_there_is_no_primary) {
  fed other(three);
  auto gone = all();
  gone.members.erase(gone.members.begin());
  other.slot(2, xcom::site_change{gone});
  for (std::uint64_t tick = 1; tick < 100; ++tick) other.tick(tick, false, {two});
  ASSERT_EQ(other.ordered().size(), 1U);
}

TEST(roles, a_primary_lets_open_transactions_end_before_it_hands_over) {
  fed member(one);
  member.tick(1, true, {two, three});
  member.slot(2, xcom::batch{{change(two, 0, 1, gr::begin_switch{two, 500})}});
  gr::observed busy;
  busy.now = base::tick_count(2);
  busy.have_quorum = true;
  busy.open_transactions = 1;
  gr::neighbor follows;
  follows.id = two;
  follows.heard = true;
  busy.others = {follows};
  for (std::uint64_t tick = 2; tick < 40; ++tick) {
    busy.now = base::tick_count(tick);
    member.machine.step(busy, member.actions);
  }
  EXPECT_TRUE(member.machine.role().drains);
  EXPECT_TRUE(member.ordered().empty());
  busy.now = base::tick_count(60);  // the time for open ones is over
  member.machine.step(busy, member.actions);
  ASSERT_EQ(member.ordered().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<gr::finish_switch>(member.ordered().front().what));
}

}  // namespace
