// Goal: what a member that cannot apply something does follows from what all of them say, in every place it may stand in the vote.
// Method: one member fed by hand; the words of the others are hand-made messages.
#include <gtest/gtest.h>

#include <optional>

#include "certifier/write_set.hh"
#include "gr/member.hh"

namespace {

xcom::member_id const one{base::make_uuid(1, 1), 1};
xcom::member_id const two{base::make_uuid(2, 2), 1};
xcom::member_id const three{base::make_uuid(3, 3), 1};
base::uuid const history = base::make_uuid(9, 9);
std::string const missing = "Can't find record in 't'";
constexpr gr::seqno_t wrong = 2;  // the position that somebody cannot apply

xcom::site site_of(std::vector<xcom::member_id> const& members, std::uint64_t version = 2) {
  xcom::site made;
  made.version = version;
  made.rules.protocol = xcom::protocol_highest;
  for (auto const& id : members) {
    auto const number = std::to_string(id.uuid.bytes[0]);
    xcom::site_member entry;
    entry.id = id;
    entry.address = "127.0.0.1:1" + number;
    entry.boot = 1;
    entry.app = base::encode(gr::member_facts{"n" + number, "", "10.11", gr::member_status::online});
    made.members.push_back(entry);
  }
  return made;
}

// Member 1, ONLINE in a group in which position 2 was a write set of member 2.
class voter {
 public:
  explicit voter(std::vector<xcom::member_id> const& members) : members_(members), machine_(config(), base::prng(1)) {
    auto const site = site_of(members);
    step(gr::founded{{xcom::slot_no(0), {}, {}, base::encode(gr::replicated_state{history, 0, 0, 0})}});
    step(xcom::site_installed{xcom::slot_no(1), site});
    deliver(xcom::site_change{site});
    write();
    tick(1);
  }
  void fail(gr::failed_work what = gr::failed_work::rows) { step(gr::apply_failed{wrong, missing, what}); }
  void apply(gr::seqno_t up_to) {
    applied_ = up_to;
    tick(1);
  }
  void write() {
    certifier::write_set keys;
    std::string_view const path[] = {"db", "t", "row"};
    keys.add(path, certifier::key_kind::exclusive);
    order(two, gr::write_set_message{
                   {two.uuid, 7, 8}, 0, gr::flag_start | gr::flag_end, 1, keys.encode(), base::blob::copy_of("row")});
  }
  // Ordered, whoever says it.
  void hear(xcom::member_id const& from, gr::apply_outcome outcome) {
    order(from, gr::apply_report_message{history, wrong, outcome, ""});
  }
  void leaves(xcom::member_id const& who) {
    std::erase(members_, who);
    deliver(xcom::site_change{site_of(members_, ++version_)});
  }
  void tick(std::uint64_t ticks) {
    for (; ticks > 0; --ticks) {
      gr::observed seen;
      seen.now = now_ = now_.next();
      seen.have_quorum = true;
      seen.applied = applied_;
      step(seen);
    }
  }

  template <class Action> [[nodiscard]] std::vector<Action> done() const {
    std::vector<Action> found;
    for (auto const& each : actions_)
      if (auto const* what = std::get_if<Action>(&each)) found.push_back(*what);
    return found;
  }
  [[nodiscard]] std::optional<gr::failure_outcome> settled() const {
    auto const all = done<gr::apply_settled>();
    return all.empty() ? std::nullopt : std::optional(all.back().how.outcome);
  }
  // What it said, in the order in which it did.
  [[nodiscard]] std::vector<gr::apply_outcome> words() const {
    std::vector<gr::apply_outcome> said;
    for (auto const& each : done<gr::submit>())
      if (auto const read = base::decode<gr::ordered_message>(each.payload))
        if (auto const* word = std::get_if<gr::apply_report_message>(&*read)) said.push_back(word->outcome);
    return said;
  }
  [[nodiscard]] bool differs() const { return !done<gr::data_differs>().empty(); }

 private:
  static gr::member_config config() {
    gr::member_config made;
    made.self = one;
    made.facts.name = "n1";
    return made;
  }
  void step(gr::member_event const& in) { machine_.step(in, actions_); }
  void deliver(xcom::value what) {
    step(xcom::deliver{slot_ = slot_.next(), std::make_shared<xcom::value const>(std::move(what)), {}, 100});
  }
  void order(xcom::member_id const& from, gr::ordered_message const& what) {
    auto const seq = xcom::origin_seq(xcom::first_of_boot(1).value() + count_++);
    deliver(xcom::batch{{{from, seq, base::encode(what)}}});
  }

  std::vector<xcom::member_id> members_;
  gr::member machine_;
  std::vector<gr::member_action> actions_;
  xcom::slot_no slot_;
  base::tick_count now_;
  gr::seqno_t applied_ = 1;
  std::uint64_t count_ = 0;
  std::uint64_t version_ = 2;
};

auto const failed_alike = gr::outcome_of(missing);

TEST(voting_on_failures, who_fails_asks_and_hears_that_the_others_could) {
  voter member({one, two, three});
  member.fail();
  EXPECT_EQ(member.words(), std::vector{failed_alike});
  EXPECT_FALSE(member.settled());
  member.hear(one, failed_alike);
  member.hear(two, gr::was_applied);
  EXPECT_FALSE(member.settled()) << "one has not spoken";
  member.hear(three, gr::was_applied);
  EXPECT_EQ(member.settled(), gr::failure_outcome::differs);
  EXPECT_TRUE(member.differs());
}

TEST(voting_on_failures, what_most_fail_at_alike_is_given_up) {
  voter member({one, two, three});
  member.fail();
  member.hear(one, failed_alike);
  member.hear(three, failed_alike);
  member.hear(two, gr::was_applied);
  EXPECT_EQ(member.settled(), gr::failure_outcome::given_up);
  EXPECT_FALSE(member.differs());
}

TEST(voting_on_failures, who_applied_it_says_so_when_asked_and_not_before_it_has) {
  voter member({one, two, three});
  member.hear(three, failed_alike);
  member.tick(1);
  EXPECT_TRUE(member.words().empty());
  member.apply(wrong);
  EXPECT_EQ(member.words(), std::vector{gr::was_applied});
  member.tick(50);
  EXPECT_EQ(member.words().size(), 1U);
  member.tick(100);
  EXPECT_EQ(member.words().size(), 2U) << "the first may be lost with a leader";
  member.hear(one, gr::was_applied);
  member.tick(300);
  EXPECT_EQ(member.words().size(), 2U);
}

TEST(voting_on_failures, who_applied_what_most_could_not_has_other_data) {
  for (bool const applied_first : {true, false}) {
    voter member({one, two, three});
    if (applied_first) {
      member.apply(wrong);
      member.hear(three, failed_alike);
      member.hear(one, gr::was_applied);
      EXPECT_FALSE(member.differs());
      member.hear(two, failed_alike);
    } else {  // the verdict is there before the rows are, since it had left the vote's electors
      member.hear(three, failed_alike);
      member.hear(two, failed_alike);
      member.hear(one, failed_alike);  // its process before this one
      EXPECT_FALSE(member.differs()) << "it may fail yet";
      member.apply(wrong);
    }
    EXPECT_TRUE(member.differs()) << applied_first;
  }
}

TEST(voting_on_failures, a_verdict_that_is_there_already_settles_at_once) {
  voter member({one, two, three});
  for (auto const& each : {three, two, one}) member.hear(each, failed_alike);
  member.fail();
  EXPECT_EQ(member.settled(), gr::failure_outcome::given_up);
  EXPECT_TRUE(member.words().empty());
}

TEST(voting_on_failures, the_only_copy_neither_goes_on_nor_calls_itself_wrong) {
  voter member({one, two});
  member.fail();
  member.hear(one, failed_alike);
  EXPECT_FALSE(member.settled()) << "the other is still asked";
  member.leaves(two);
  EXPECT_EQ(member.settled(), gr::failure_outcome::unknown);
  EXPECT_FALSE(member.differs());
}

// Killed while the others were asked, it comes back without what its process before this one had applied, and said so.
TEST(voting_on_failures, what_only_this_member_had_applied_nobody_else_holds) {
  voter member({one, two});
  member.hear(two, failed_alike);
  member.hear(one, gr::was_applied);
  member.fail();
  EXPECT_EQ(member.settled(), gr::failure_outcome::unknown);
  EXPECT_FALSE(member.differs());
}

TEST(voting_on_failures, a_statement_may_fail_on_the_only_copy) {
  voter member({one});
  member.fail(gr::failed_work::statement);
  EXPECT_EQ(member.words(), std::vector{gr::statement_failed});
  member.hear(one, gr::statement_failed);
  EXPECT_EQ(member.settled(), gr::failure_outcome::given_up);
}

TEST(voting_on_failures, a_statement_that_failed_here_and_not_elsewhere_leaves_other_tables) {
  voter member({one, two});
  member.fail(gr::failed_work::statement);
  member.hear(one, gr::statement_failed);
  EXPECT_FALSE(member.settled());
  member.hear(two, gr::was_applied);
  EXPECT_EQ(member.settled(), gr::failure_outcome::differs);
}

}  // namespace
