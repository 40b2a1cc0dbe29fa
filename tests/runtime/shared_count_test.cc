#include "runtime/shared_count.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace runtime {
namespace {

class shared_count_test : public ::testing::Test {
 protected:
  std::string const path = ::testing::TempDir() + "shared_count." + std::to_string(::getpid());
  ~shared_count_test() override { std::filesystem::remove(path); }
};

TEST_F(shared_count_test, what_one_sets_the_other_reads) {
  auto const writer = shared_count::make(path);
  ASSERT_TRUE(writer.has_value()) << writer.error().text;
  auto const reader = shared_count::look(path);
  ASSERT_TRUE(reader.has_value()) << reader.error().text;
  EXPECT_EQ(reader->get(), 0U);
  writer->set(12'345'678'901);
  EXPECT_EQ(reader->get(), 12'345'678'901U);
}

TEST_F(shared_count_test, begins_anew_with_a_new_process) {
  ASSERT_TRUE(shared_count::make(path).has_value());
  shared_count::make(path)->set(7);
  EXPECT_EQ(shared_count::make(path)->get(), 0U);
}

TEST_F(shared_count_test, a_file_that_is_none_is_named) {
  auto const missing = shared_count::look(path);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().text, "cannot use " + path + ": No such file or directory");
  std::ofstream(path) << "abc";
  auto const small = shared_count::look(path);
  ASSERT_FALSE(small.has_value());
  EXPECT_EQ(small.error().text, path + " holds no number");
}

}  // namespace
}  // namespace runtime
