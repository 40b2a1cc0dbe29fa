// The agreed log on real files: names, restarts, errors that name the file.
#include "runtime/files.hh"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace runtime {
namespace {

class files_test : public ::testing::Test {
 protected:
  files_test() {
    std::string pattern = (std::filesystem::temp_directory_path() / "files_test.XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) directory = pattern;
  }
  ~files_test() override { std::filesystem::remove_all(directory); }
  static base::chain chain_of(std::string const& text) { return {{base::blob::copy_of(text)}}; }

  std::string directory;
};

TEST_F(files_test, names_are_ours_and_only_ours_are_listed) {
  directory_files files({.directory = directory});
  ASSERT_TRUE(files.append(12, chain_of("x")));
  ASSERT_TRUE(files.append(123456789, chain_of("x")));
  EXPECT_TRUE(std::filesystem::exists(directory + "/group_replication.00000012.log"));
  for (auto const* name : {"group_replication.log", "group_replication.1.log", "group_replication.00000003.log.bak",
                           "group_replication.0000000a.log", "ib_logfile0"}) {
    std::ofstream(directory + "/" + name) << "x";
  }
  EXPECT_EQ(files.list(), (std::vector<std::uint64_t>{12, 123456789}));
}

TEST_F(files_test, many_pieces_are_appended_in_order_and_read_back) {
  directory_files files({.directory = directory});
  base::chain many;
  std::string expected;
  for (int each = 0; each < 3000; ++each) {
    std::string const text = std::to_string(each);
    many.pieces.push_back(base::blob::copy_of(text));
    expected += text;
  }
  ASSERT_TRUE(files.append(1, many));
  ASSERT_TRUE(files.append(1, chain_of("end")));
  EXPECT_EQ(files.read_all(1)->text(), expected + "end");
  EXPECT_EQ(files.read(1, expected.size(), 3)->text(), "end");
  ASSERT_TRUE(files.truncate(1, 4));
  ASSERT_TRUE(files.append(1, chain_of("!")));
  ASSERT_TRUE(files.sync(1));
  EXPECT_EQ(files.read_all(1)->text(), expected.substr(0, 4) + "!");
}

TEST_F(files_test, errors_name_the_file_and_the_reason) {
  directory_files files({.directory = directory + "/nowhere"});
  auto const done = files.append(1, chain_of("x"));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("nowhere/group_replication.00000001.log"), std::string::npos) << done.error().text;
  EXPECT_NE(done.error().text.find("No such file"), std::string::npos);
  directory_files here({.directory = directory});
  ASSERT_TRUE(here.append(1, chain_of("abc")));
  EXPECT_FALSE(here.read(1, 2, 5));
  EXPECT_TRUE(here.remove(2)) << "gone is gone";
}

TEST_F(files_test, a_log_lives_on_real_files) {
  xcom::log_identity const identity{base::make_uuid(1, 1), {base::make_uuid(2, 2), 1}, 1};
  xcom::log_config const config{.segment_bytes = 100000, .retain_bytes = 0};
  auto const big = base::blob(std::vector<std::uint8_t>(30000, 7));
  {
    xcom::agreed_log log(config, std::make_shared<directory_files>(files_config{.directory = directory}));
    ASSERT_TRUE(log.open());
    ASSERT_TRUE(log.begin(identity, true));
    for (std::uint64_t slot = 1; slot <= 20; ++slot) {
      xcom::batch held{{{identity.self, xcom::first_of_boot(1), big}}};
      auto what = std::make_shared<xcom::value>(std::move(held));
      ASSERT_TRUE(log.accepted({xcom::slot_no(slot), {1, identity.self}, what}));
    }
    ASSERT_TRUE(log.decided(xcom::slot_no(20)));
    ASSERT_TRUE(log.sync());
  }
  auto files = std::make_shared<directory_files>(files_config{.directory = directory});
  auto const last = files->list().back();
  EXPECT_FALSE(directory_files({.directory = directory}).append(last, chain_of("x"))) << "a file nobody listed";
  std::ofstream(files->name(last), std::ios::app) << "torn";
  xcom::agreed_log log(config, files);
  auto const found = log.open();
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->decided, xcom::slot_no(20));
  EXPECT_EQ(found->notices.size(), 1U);
  auto const slots = log.read(xcom::slot_no(1), xcom::slot_no(20), 1U << 30);
  ASSERT_TRUE(slots);
  ASSERT_EQ(slots->size(), 20U);
  EXPECT_EQ(std::get<xcom::batch>(*slots->back().what).messages[0].payload, big);
}

TEST_F(files_test, no_descriptor_is_inherited) {
  directory_files files({.directory = directory});
  ASSERT_TRUE(files.append(1, chain_of("x")));
  ASSERT_TRUE(files.append(2, chain_of("x")));
  ASSERT_TRUE(files.read(1, 0, 1));
  int ours = 0;
  for (auto const& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    auto const target = std::filesystem::read_symlink(each.path(), gone);
    if (gone || target.string().find("group_replication.") == std::string::npos) continue;
    ++ours;
    int const fd = std::stoi(each.path().filename().string());
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(ours, 2);
}

}  // namespace
}  // namespace runtime
