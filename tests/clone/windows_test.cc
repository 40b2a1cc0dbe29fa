#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/prng.hh"
#include "clone/manifest.hh"
#include "clone/packing.hh"
#include "clone/receive_window.hh"
#include "clone/send_window.hh"

namespace cloning {
namespace {

base::blob numbered(std::uint64_t number) { return base::blob::copy_of(std::to_string(number)); }

TEST(send_window, a_lost_lane_gives_back_what_it_carried_lowest_first) {
  send_window window(8);
  for (std::uint64_t each = 0; each < 4; ++each) window.add(numbered(each));
  EXPECT_EQ(window.take(1)->first, 0U);
  EXPECT_EQ(window.take(2)->first, 1U);
  EXPECT_EQ(window.take(1)->first, 2U);
  window.lane_lost(1);
  EXPECT_EQ(window.take(2)->first, 0U);
  EXPECT_EQ(window.take(2)->first, 2U);
  EXPECT_EQ(window.take(2)->first, 3U);
  EXPECT_FALSE(window.take(2));
}

TEST(send_window, nobody_has_what_was_never_read) {
  send_window window(8);
  window.add(numbered(0));
  EXPECT_FALSE(window.note_written(2));
  EXPECT_TRUE(window.note_written(1));
  EXPECT_TRUE(window.note_written(0));  // an older acknowledgement, overtaken by another lane's
  EXPECT_EQ(window.written(), 1U);
  EXPECT_TRUE(window.is_empty());
}

TEST(receive_window, repeats_are_known_and_too_far_is_refused) {
  receive_window<int> window(4);
  using verdict = receive_window<int>::verdict;
  EXPECT_EQ(window.offer(1, 10), verdict::held);
  EXPECT_EQ(window.offer(1, 11), verdict::known);
  EXPECT_EQ(window.offer(4, 40), verdict::too_far);
  EXPECT_FALSE(window.take());
  EXPECT_EQ(window.offer(0, 0), verdict::held);
  EXPECT_EQ(window.take(), 0);
  EXPECT_EQ(window.take(), 10);
  EXPECT_EQ(window.offer(0, 0), verdict::known);
  EXPECT_EQ(window.next(), 2U);
}

// Both windows with lanes between them that carry, delay, and lose everything on them at any time.
class transfer {
 public:
  explicit transfer(std::uint64_t seed)
      : random_(seed), total_(20 + random_.below(200)), lanes_(1 + random_.below(4)) {}

  // False: it does not end.
  bool run() {
    for (int steps = 0; steps < 200'000; ++steps) {
      if (arrived_.size() == total_ && sending_.is_empty()) return true;
      step();
    }
    return false;
  }
  [[nodiscard]] std::vector<std::string> const& arrived() const { return arrived_; }
  [[nodiscard]] bool manifests_agree() const { return there_.agrees_with(here_.summary()).has_value(); }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::size_t most_held() const { return most_held_; }

 private:
  using carried = std::pair<std::uint64_t, base::blob>;

  void step() {
    auto const lane = static_cast<std::uint32_t>(random_.below(lanes_));
    switch (random_.below(20)) {
      case 0: return lose(lane);
      case 1:
      case 2:
      case 3: return acknowledge();
      case 4:
      case 5:
      case 6:
      case 7:
      case 8: return read();
      default: break;
    }
    if (random_.below(2) == 0) return send(lane);
    deliver(lane);
  }
  void read() {
    if (sending_.read() == total_ || !sending_.has_room()) return;
    auto const bytes = numbered(sending_.read());
    here_.add(static_cast<std::uint32_t>(bytes.size()), hash_of(bytes.view()));
    sending_.add(bytes);
    most_held_ = std::max<std::size_t>(most_held_, sending_.read() - sending_.written());
  }
  void send(std::uint32_t lane) {
    if (auto chunk = sending_.take(lane)) on_lane_[lane].push_back(*chunk);
  }
  void deliver(std::uint32_t lane) {
    auto& queue = on_lane_[lane];
    if (queue.empty()) return;
    auto const [number, bytes] = queue.front();
    queue.erase(queue.begin());
    EXPECT_NE(receiving_.offer(number, bytes), receive_window<base::blob>::verdict::too_far);
    while (auto next = receiving_.take()) {
      there_.add(static_cast<std::uint32_t>(next->size()), hash_of(next->view()));
      arrived_.emplace_back(next->text());
    }
  }
  void acknowledge() { EXPECT_TRUE(sending_.note_written(receiving_.next())); }
  // As on a reconnect: what was on it is gone, and the joiner says where it stands.
  void lose(std::uint32_t lane) {
    on_lane_[lane].clear();
    sending_.lane_lost(lane);
    acknowledge();
  }

  base::prng random_;
  std::uint64_t total_;
  std::uint64_t lanes_;
  send_window sending_{16};
  receive_window<base::blob> receiving_{16};
  manifest here_, there_;
  std::map<std::uint32_t, std::vector<carried>> on_lane_;
  std::vector<std::string> arrived_;
  std::size_t most_held_ = 0;
};

// Goal: whatever the lanes lose, the stream arrives whole, once, in order, and no side ever holds more than its window.
// Method: 300 random transfers against the list they have to yield.
TEST(windows, any_transfer_yields_the_whole_stream_in_order) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    transfer run(seed);
    ASSERT_TRUE(run.run()) << "seed " << seed;
    ASSERT_EQ(run.arrived().size(), run.total()) << "seed " << seed;
    for (std::uint64_t each = 0; each < run.total(); ++each) ASSERT_EQ(run.arrived()[each], std::to_string(each));
    EXPECT_TRUE(run.manifests_agree()) << "seed " << seed;
    EXPECT_LE(run.most_held(), 16U);
  }
}

TEST(manifest, another_chunk_another_order_or_another_count_does_not_agree) {
  auto const first = hash_of(numbered(1).view());
  auto const second = hash_of(numbered(2).view());
  auto const made_of = [](std::vector<std::pair<std::uint32_t, digest>> const& chunks) {
    manifest made;
    for (auto const& [bytes, hash] : chunks) made.add(bytes, hash);
    return made;
  };
  auto const whole = made_of({{5, first}, {6, second}});
  EXPECT_TRUE(whole.agrees_with(made_of({{5, first}, {6, second}}).summary()));
  EXPECT_FALSE(whole.agrees_with(made_of({{6, second}, {5, first}}).summary()));
  EXPECT_FALSE(whole.agrees_with(made_of({{5, first}}).summary()));
  EXPECT_FALSE(whole.agrees_with(made_of({{5, first}, {6, first}}).summary()));
  EXPECT_FALSE(whole.agrees_with(made_of({{6, first}, {5, second}}).summary()));
}

}  // namespace
}  // namespace cloning
