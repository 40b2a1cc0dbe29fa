#include "base/blob.hh"

#include <gtest/gtest.h>

namespace {

using base::blob;

TEST(blob, shares_its_bytes_and_keeps_them_alive) {
  blob part;
  {
    auto const whole = blob::copy_of(std::string_view("hello world"));
    part = whole.slice(6, 5);
    EXPECT_EQ(part.data(), whole.data() + 6);
  }
  EXPECT_EQ(part.text(), "world");
  EXPECT_EQ(part.slice(1, 3).text(), "orl");
}

TEST(blob, equals_by_content) {
  EXPECT_EQ(blob::copy_of(std::string_view("ab")), blob::copy_of(std::string_view("ab")));
  EXPECT_FALSE(blob::copy_of(std::string_view("ab")) == blob::copy_of(std::string_view("ac")));
  EXPECT_FALSE(blob::copy_of(std::string_view("ab")) == blob::copy_of(std::string_view("abc")));
  EXPECT_EQ(blob(), blob::copy_of(std::string_view("")));
}

TEST(blob, may_be_empty) {
  EXPECT_TRUE(blob().empty());
  EXPECT_TRUE(blob().view().empty());
  EXPECT_TRUE(blob().slice(0, 0).empty());
  EXPECT_EQ(blob::copy_of(std::string_view("abc")).slice(3, 0).size(), 0U);
}

TEST(blob, holds_bytes_of_another_owner) {
  auto const owner = std::make_shared<std::string const>("owned elsewhere");
  blob const bytes(owner, reinterpret_cast<std::uint8_t const*>(owner->data()), owner->size());
  EXPECT_EQ(bytes.text(), "owned elsewhere");
  EXPECT_EQ(owner.use_count(), 2);
}

TEST(blob_death, slices_lie_within) {
  auto const bytes = blob::copy_of(std::string_view("abc"));
  EXPECT_DEATH((void)bytes.slice(2, 2), "offset <= size_");
  EXPECT_DEATH((void)bytes.slice(4, 0), "offset <= size_");
  EXPECT_DEATH((void)bytes.slice(1, SIZE_MAX), "offset <= size_");
}

}  // namespace
