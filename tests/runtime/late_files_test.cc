// Files written behind, over files in memory that can be held up and can fail: what is read, what is waited for, and what a
// process that dies at any moment leaves.
#include "runtime/late_files.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/prng.hh"

namespace runtime {
namespace {

using namespace std::chrono_literals;

base::chain chain_of(std::string const& text) { return {{base::blob::copy_of(text)}}; }

// A disk that does nothing while it is held, and fails from a given append on.
class slow_disk final : public xcom::segment_files {
 public:
  std::vector<std::uint64_t> list() override {
    std::vector<std::uint64_t> numbers;
    for (auto const& [number, text] : files) numbers.push_back(number);
    return numbers;
  }
  base::result<base::blob> read_all(std::uint64_t segment) override { return base::blob::copy_of(files[segment]); }
  base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) override {
    auto const& whole = files[segment];
    if (offset + length > whole.size()) return base::fail("it ends too early");
    return base::blob::copy_of(std::string_view(whole).substr(offset, length));
  }
  base::result<void> append(std::uint64_t segment, base::chain const& bytes) override {
    wait();
    ++appends;
    if (full) return base::fail("disk full");
    files[segment] += bytes.flat().text();
    return {};
  }
  base::result<void> truncate(std::uint64_t segment, std::uint64_t length) override {
    wait();
    files[segment].resize(length);
    return {};
  }
  base::result<void> remove(std::uint64_t segment) override {
    wait();
    files.erase(segment);
    return {};
  }
  base::result<void> sync(std::uint64_t) override {
    wait();
    ++syncs;
    return {};
  }
  std::string name(std::uint64_t segment) const override { return "file " + std::to_string(segment); }

  void hold() { held = true; }
  void release() {
    held = false;
    held.notify_all();
  }

  std::map<std::uint64_t, std::string> files;  // the late files' thread's, or nobody's while they are drained
  std::atomic<bool> full{false};
  std::atomic<int> appends{0};
  std::atomic<int> syncs{0};

 private:
  void wait() const { held.wait(true); }
  std::atomic<bool> held{false};
};

struct late_files_test : ::testing::Test {
  std::shared_ptr<slow_disk> disk = std::make_shared<slow_disk>();
};

TEST_F(late_files_test, nobody_waits_for_a_slow_disk) {
  disk->hold();
  late_files files(disk);
  for (int each = 0; each < 1000; ++each) ASSERT_TRUE(files.append(1, chain_of("0123456789")));
  ASSERT_TRUE(files.sync(1));
  ASSERT_TRUE(files.append(2, chain_of("x")));
  ASSERT_TRUE(files.remove(1));
  disk->release();
  ASSERT_TRUE(files.drain());
  EXPECT_EQ(disk->files, (std::map<std::uint64_t, std::string>{{2, "x"}}));
  EXPECT_EQ(disk->syncs, 1);
  EXPECT_LT(disk->appends, 10) << "what waits together is written together";
}

TEST_F(late_files_test, what_is_read_is_written_first) {
  late_files files(disk);
  ASSERT_TRUE(files.append(1, chain_of("abc")));
  EXPECT_EQ(files.read(1, 1, 2)->text(), "bc");
  ASSERT_TRUE(files.append(1, chain_of("def")));
  EXPECT_EQ(files.read_all(1)->text(), "abcdef");
  ASSERT_TRUE(files.append(7, chain_of("x")));
  EXPECT_EQ(files.list(), (std::vector<std::uint64_t>{1, 7}));
}

TEST_F(late_files_test, a_full_queue_waits_for_the_disk) {
  disk->hold();
  late_files files(disk, 100);
  ASSERT_TRUE(files.append(1, chain_of(std::string(90, 'a'))));
  auto later = std::async(std::launch::async, [&] { return files.append(1, chain_of(std::string(50, 'b'))); });
  EXPECT_EQ(later.wait_for(50ms), std::future_status::timeout);
  disk->release();
  EXPECT_TRUE(later.get());
  EXPECT_TRUE(files.append(1, chain_of(std::string(500, 'c')))) << "one that alone exceeds it goes alone";
  ASSERT_TRUE(files.drain());
  EXPECT_EQ(disk->files[1].size(), 640U);
}

TEST_F(late_files_test, after_a_failure_nothing_more_is_done) {
  late_files files(disk);
  ASSERT_TRUE(files.append(1, chain_of("abc")));
  ASSERT_TRUE(files.drain());
  disk->full = true;
  ASSERT_TRUE(files.append(1, chain_of("def"))) << "accepted before it is tried";
  ASSERT_FALSE(files.drain());
  disk->full = false;
  auto const refused = files.append(1, chain_of("ghi"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "disk full");
  EXPECT_FALSE(files.remove(1));
  EXPECT_EQ(files.read(1, 0, 3)->text(), "abc") << "what is there can be read";
  EXPECT_EQ(disk->files[1], "abc");
}

TEST_F(late_files_test, an_end_in_order_writes_everything) {
  {
    late_files files(disk);
    for (int each = 0; each < 100; ++each) ASSERT_TRUE(files.append(1, chain_of("x")));
  }
  EXPECT_EQ(disk->files[1], std::string(100, 'x'));
}

// Against the same calls made at once: whatever is read is the same, and so is what lies there in the end.
TEST_F(late_files_test, it_reads_like_files_written_at_once) {
  slow_disk twin;
  late_files files(disk, 4096);
  base::prng random(7);
  for (int each = 0; each < 3000; ++each) {
    auto const segment = random.between(1, 4);
    auto const what = random.below(100);
    if (what < 80 || !twin.files.contains(segment)) {
      std::string const text(random.between(1, 300), static_cast<char>('a' + random.below(26)));
      ASSERT_TRUE(files.append(segment, chain_of(text)));
      ASSERT_TRUE(twin.append(segment, chain_of(text)));
    } else if (what < 83) {
      auto const length = random.below(twin.files[segment].size() + 1);
      ASSERT_TRUE(files.truncate(segment, length));
      ASSERT_TRUE(twin.truncate(segment, length));
    } else if (what < 86) {
      ASSERT_TRUE(files.remove(segment));
      ASSERT_TRUE(twin.remove(segment));
    } else {
      auto const offset = random.below(twin.files[segment].size() + 1);
      auto const length = random.below(twin.files[segment].size() - offset + 1);
      ASSERT_EQ(files.read(segment, offset, length)->text(), twin.read(segment, offset, length)->text());
    }
  }
  ASSERT_TRUE(files.drain());
  EXPECT_EQ(disk->files, twin.files);
}

}  // namespace
}  // namespace runtime
