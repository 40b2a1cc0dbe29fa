// Goal: who joins a group hears in what its settings differ from the members', and is sent away where rows could come to differ;
// nobody who does not know such settings is told of them.
// Method: one member fed by hand; what it says, and what it asks the site to say of it, is looked at.
#include "gr/alike.hh"

#include <gtest/gtest.h>

#include "gr/member.hh"
#include "gr/options.hh"

namespace {

xcom::member_id const one{base::make_uuid(1, 1), 1};
xcom::member_id const two{base::make_uuid(2, 2), 1};
using settings = std::vector<gr::told_setting>;

settings with(std::string const& folds, std::string const& durability) {
  return {{"lower_case_table_names", folds}, {"group_replication_durability", durability}};
}

xcom::site_member entry(xcom::member_id const& id, gr::member_status status, settings alike) {
  xcom::site_member made;
  made.id = id;
  made.address = "127.0.0.1:1" + std::to_string(id.uuid.bytes[0]);
  made.boot = 1;
  made.app =
      base::encode(gr::member_facts{"n" + std::to_string(id.uuid.bytes[0]), "", "10.11", status, std::move(alike)});
  return made;
}

class fed {
 public:
  explicit fed(xcom::member_id const& self, settings alike = with("0", "OS"))
      : machine_(config(self, std::move(alike)), base::prng(1)) {}
  void step(gr::member_event const& in) { machine_.step(in, actions_); }
  void deliver(std::uint64_t slot, xcom::site const& at) {
    step(xcom::deliver{xcom::slot_no(slot), std::make_shared<xcom::value const>(xcom::site_change{at}), {}, 100});
  }
  // n2 is taken in by n1.
  void join(settings theirs) {
    gr::taken_in in;
    in.at = beginning();
    in.at.at = {
        2, {entry(one, gr::member_status::online, std::move(theirs)), entry(two, gr::member_status::recovering, {})}};
    step(in);
  }
  // The founder.
  void found(xcom::site const& at) {
    step(gr::founded{beginning()});
    deliver(1, at);
  }
  static xcom::checkpoint beginning() {
    return {xcom::slot_no(0), {}, {}, base::encode(gr::replicated_state{base::make_uuid(9, 9), 0, 0, 0})};
  }
  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> found;
    for (auto const& each : actions_)
      if (auto const* what = std::get_if<gr::say>(&each); what != nullptr && what->how == gr::server::level::warning)
        found.push_back(what->text);
    return found;
  }
  [[nodiscard]] std::string why_it_left() const {
    for (auto const& each : actions_)
      if (auto const* what = std::get_if<gr::give_up>(&each)) return what->why;
    return {};
  }
  // What it last asked the site to say of its settings.
  [[nodiscard]] std::optional<settings> told() const {
    std::optional<settings> last;
    for (auto const& each : actions_)
      if (auto const* to = std::get_if<gr::to_node>(&each))
        if (auto const* what = std::get_if<xcom::update_self>(&to->what))
          last = base::decode<gr::member_facts>(what->app)->alike;
    return last;
  }

 private:
  static gr::member_config config(xcom::member_id const& self, settings alike) {
    gr::member_config made;
    made.self = self;
    made.facts.name = "n" + std::to_string(self.uuid.bytes[0]);
    made.facts.alike = std::move(alike);
    return made;
  }

  gr::member machine_;
  std::vector<gr::member_action> actions_;
};

void site_of_two(fed& member, settings of_the_other) {
  member.found({1, {entry(one, gr::member_status::online, with("0", "OS"))}});
  member.deliver(2, {2,
                     {entry(one, gr::member_status::online, with("0", "OS")),
                      entry(two, gr::member_status::online, std::move(of_the_other))}});
}

TEST(alike, nobody_is_told_of_what_is_the_same_or_unknown) {
  fed joiner(two);
  joiner.join({{"lower_case_table_names", "0"}, {"of_a_later_version", "7"}});
  EXPECT_TRUE(joiner.warnings().empty());
  EXPECT_EQ(joiner.why_it_left(), "");
}

TEST(alike, who_folds_names_otherwise_is_sent_away_before_it_takes_anything) {
  fed joiner(two);
  joiner.join(with("1", "OS"));
  EXPECT_NE(joiner.why_it_left().find("lower_case_table_names is 0 here and 1 on n1"), std::string::npos)
      << joiner.why_it_left();
}

TEST(alike, another_durability_is_a_warning) {
  fed joiner(two);
  joiner.join(with("0", "DISK"));
  ASSERT_EQ(joiner.warnings().size(), 1U);
  EXPECT_NE(joiner.warnings()[0].find("group_replication_durability is OS here and DISK on n1"), std::string::npos);
  EXPECT_EQ(joiner.why_it_left(), "");
}

TEST(alike, a_member_hears_of_another_that_differs) {
  fed member(one);
  site_of_two(member, with("1", "OS"));
  ASSERT_EQ(member.warnings().size(), 1U);
  EXPECT_NE(member.warnings()[0].find("lower_case_table_names is 0 here and 1 on n2"), std::string::npos);
  EXPECT_EQ(member.why_it_left(), "") << "it was here first";
}

TEST(alike, settings_are_told_when_the_protocol_has_them_and_taken_back_when_it_has_not) {
  fed member(one);
  xcom::site at{1, {entry(one, gr::member_status::online, {})}};
  at.rules.protocol = xcom::protocol_with_settings - 1;
  member.found(at);
  EXPECT_FALSE(member.told());
  at.version = 2;
  at.rules.protocol = xcom::protocol_with_settings;
  member.deliver(2, at);
  EXPECT_EQ(member.told(), with("0", "OS"));
  at = {3, {entry(one, gr::member_status::online, with("0", "OS"))}};
  at.rules.protocol = xcom::protocol_with_settings - 1;
  member.deliver(3, at);
  EXPECT_EQ(member.told(), settings{});
}

TEST(alike, facts_without_settings_are_written_as_before_there_were_any) {
  gr::member_facts const plain{"n1", "h:1", "10.11", gr::member_status::online};
  auto with_settings = plain;
  with_settings.alike = with("0", "OS");
  auto const bytes = base::encode(with_settings);
  EXPECT_EQ(bytes.slice(0, base::encode(plain).size()).text(), base::encode(plain).text());
  EXPECT_EQ(base::decode<gr::member_facts>(bytes)->alike, with_settings.alike);
  EXPECT_TRUE(base::decode<gr::member_facts>(base::encode(plain))->alike.empty());
}

TEST(alike, the_table_of_options_says_which_are_compared) {
  gr::option_store options;
  std::vector<std::string> names;
  for (auto const& each : gr::settings_to_tell(options)) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"group_replication_durability", "group_replication_ssl_mode"}));
}

}  // namespace
