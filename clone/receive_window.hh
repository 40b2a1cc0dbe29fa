// The joiner's chunk map: chunks come over several lanes in any order, some of them twice, and leave in theirs.
//
// Owner:  one thread at a time.
// Always: (1) nothing below next() is held; (2) what take() hands out is every chunk once, in order; (3) at most `chunks_max`
//         are held: who sends more than a window ahead breaks the rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace cloning {

template <class Chunk> class receive_window {
 public:
  enum class verdict : std::uint8_t { held, known, too_far };
  explicit receive_window(std::size_t chunks_max) : chunks_max_(chunks_max) {}

  verdict offer(std::uint64_t number, Chunk bytes) {
    if (number < next_) return verdict::known;
    if (number - next_ >= chunks_max_) return verdict::too_far;
    return held_.try_emplace(number, std::move(bytes)).second ? verdict::held : verdict::known;
  }
  std::optional<Chunk> take() {
    auto const first = held_.begin();
    if (first == held_.end() || first->first != next_) return std::nullopt;
    std::optional<Chunk> bytes(std::move(first->second));
    held_.erase(first);
    ++next_;
    return bytes;
  }
  // The first that was not handed out.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] bool is_empty() const { return held_.empty(); }

 private:
  std::size_t chunks_max_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Chunk> held_;
};

}  // namespace cloning
