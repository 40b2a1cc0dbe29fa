// Who may connect: what the entries mean, and what is said of one that means nothing.
#include "gr/allowlist.hh"

#include <gtest/gtest.h>

namespace gr {
namespace {

bool lets_in(std::string_view list, std::string_view who) {
  auto const parsed = allowlist::parse(list);
  if (!parsed) ADD_FAILURE() << parsed.error().text;
  return parsed && parsed->allows(*parse_ip(who));
}

TEST(allowlist, automatic_is_private_networks_and_this_host) {
  for (char const* who : {"10.1.2.3", "172.31.255.255", "192.168.0.1", "127.0.0.1", "127.9.9.9", "::1", "fd00::7",
                          "fe80::1", "169.254.3.4", "::ffff:10.0.0.1"})
    EXPECT_TRUE(lets_in("AUTOMATIC", who)) << who;
  for (char const* who : {"8.8.8.8", "172.32.0.0", "11.0.0.0", "2001:db8::1", "192.169.0.1", "::ffff:8.8.8.8"})
    EXPECT_FALSE(lets_in("automatic", who)) << who;
}

TEST(allowlist, networks_end_where_their_bits_say) {
  EXPECT_TRUE(lets_in("203.0.113.0/25", "203.0.113.127"));
  EXPECT_FALSE(lets_in("203.0.113.0/25", "203.0.113.128"));
  EXPECT_TRUE(lets_in("203.0.113.7/25", "203.0.113.1"));  // the bits behind the network do not matter
  EXPECT_TRUE(lets_in("8.8.8.8, 203.0.113.9", "203.0.113.9"));
  EXPECT_FALSE(lets_in("8.8.8.8,203.0.113.9", "203.0.113.8"));
  EXPECT_TRUE(lets_in("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(lets_in("0.0.0.0/0", "2001:db8::1"));  // every address of version 4, and none of version 6
  EXPECT_TRUE(lets_in("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(lets_in("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(lets_in("8.8.8.8", "127.0.0.1"));  // this host always
}

TEST(allowlist, names_are_for_somebody_else_to_look_up) {
  auto const parsed = allowlist::parse("db1.example, db2.example/24");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->names().size(), 2U);
  auto const found = *parse_ip("203.0.113.7");
  auto const neighbour = *parse_ip("203.0.113.8");
  EXPECT_TRUE(allowlist::allows(parsed->names()[0], found, found));
  EXPECT_FALSE(allowlist::allows(parsed->names()[0], found, neighbour));
  EXPECT_TRUE(allowlist::allows(parsed->names()[1], found, neighbour));
  EXPECT_FALSE(allowlist::allows(parsed->names()[1], found, *parse_ip("203.0.112.8")));
  EXPECT_FALSE(parsed->allows(found));
}

TEST(allowlist, nothing_hides_behind_a_nul) { EXPECT_FALSE(allowlist::parse(std::string_view("::1\0x", 5))); }

TEST(allowlist, nonsense_is_named) {
  for (char const* list : {"", " ", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/1x", "1.2.3", "1.2.3.4.5",
                           "10.0.0.1,,10.0.0.2", "fe80::/129", "a b", "-x.example", "db1/200", "*", "10.0.0.0/8/8"}) {
    auto const parsed = allowlist::parse(list);
    ASSERT_FALSE(parsed) << list;
    EXPECT_NE(parsed.error().text.find("no entry of an allowlist"), std::string::npos);
  }
}

}  // namespace
}  // namespace gr
