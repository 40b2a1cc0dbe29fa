#include "gr/transfer_settings.hh"

#include <gtest/gtest.h>

namespace gr {
namespace {

// Goal: what the library writes for a transfer program is what the program reads, changes at run time included.
TEST(transfer_settings, what_is_written_is_read_back) {
  option_store ours;
  ASSERT_TRUE(ours.set("group_replication_clone_max_rate", "8M", option_store::moment::running));
  ASSERT_TRUE(ours.set("group_replication_clone_compression", "lz4", option_store::moment::running));
  ASSERT_TRUE(ours.set("group_replication_clone_reconnect_timeout", "1.5", option_store::moment::running));
  ASSERT_TRUE(ours.set("socket.ssl_cert", "/etc/a b.pem", option_store::moment::before_start));
  option_store theirs;
  auto const more = parse_transfer_settings(transfer_settings_text(ours, {"db1"}), theirs);
  ASSERT_TRUE(more) << more.error().text;
  EXPECT_EQ(more->own_host, "db1");
  EXPECT_EQ(theirs.number("group_replication_clone_max_rate"), 8 << 20);
  EXPECT_EQ(theirs.text("group_replication_clone_compression"), "LZ4");
  EXPECT_EQ(theirs.number("group_replication_clone_reconnect_timeout"), 1500);
  EXPECT_EQ(theirs.text("group_replication_ssl_cert"), "/etc/a b.pem");
}

TEST(transfer_settings, what_is_none_is_refused) {
  option_store store;
  EXPECT_FALSE(parse_transfer_settings("own_host=db1\nnonsense\n", store));
  EXPECT_FALSE(parse_transfer_settings("group_replication_clone_streams=99\n", store));
  EXPECT_FALSE(parse_transfer_settings("unknown=1\n", store));
}

}  // namespace
}  // namespace gr
