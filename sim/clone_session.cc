#include "sim/clone_session.hh"

#include <algorithm>

#include "clone/packing.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

constexpr std::size_t window_chunks = 4;
constexpr std::uint64_t lane_breaks_one_in = 50;
constexpr std::uint64_t frame_damaged_one_in = 60;
constexpr std::uint64_t chunk_damaged_one_in = 5000;  // before it was framed: no checksum of a frame finds that

void damage(std::vector<std::uint8_t>& bytes, base::prng& random) {
  bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
}

std::vector<std::uint8_t> copy_of(base::blob const& bytes) { return {bytes.view().begin(), bytes.view().end()}; }

}  // namespace

clone_session::clone_session(base::blob snapshot, base::prng random)
    : snapshot_(std::move(snapshot)),
      random_(random),
      chunk_bytes_(random_.between(16, 200)),
      out_(window_chunks),
      in_(window_chunks) {}

clone_session::state clone_session::step() {
  read_on();
  auto const which = static_cast<std::size_t>(random_.below(lanes));
  if (random_.chance(1, lane_breaks_one_in)) {
    lose(which);
  } else if (random_.chance(1, 3)) {
    send_over(which);
  } else if (random_.chance(1, 4)) {
    check(out_.note_written(in_.next()), "a joiner has no more than was read");
  } else if (deliver(which) == state::failed) {
    return state::failed;
  }
  if (read_ < snapshot_.size() || !out_.is_empty()) return state::under_way;
  return taken_.agrees_with(sent_.summary()) ? state::arrived : state::failed;
}

void clone_session::cut() {
  for (std::size_t each = 0; each < lanes; ++each) lose(each);
}

void clone_session::read_on() {
  while (out_.has_room() && read_ < snapshot_.size()) {
    auto const piece = snapshot_.slice(read_, std::min(chunk_bytes_, snapshot_.size() - read_));
    sent_.add(static_cast<std::uint32_t>(piece.size()), cloning::hash_of(piece.view()));
    (void)out_.add(piece);
    read_ += piece.size();
  }
}

void clone_session::send_over(std::size_t which) {
  auto const next = out_.take(static_cast<cloning::send_window::lane>(which));
  if (!next) return;
  auto const how = static_cast<cloning::packing>(random_.below(3));
  auto packed = cloning::pack(next->first, next->second, how);
  if (random_.chance(1, chunk_damaged_one_in)) {
    auto bytes = copy_of(packed.body);
    damage(bytes, random_);
    packed.body = base::blob(std::move(bytes));
  }
  auto frame = copy_of(cloning::frame_of(packed).flat());
  if (random_.chance(1, frame_damaged_one_in)) damage(frame, random_);
  lanes_[which].under_way.push_back(std::move(frame));
}

// A frame comes in pieces of any size.
clone_session::state clone_session::deliver(std::size_t which) {
  auto& over = lanes_[which];
  if (over.under_way.empty()) return state::under_way;
  auto const frame = std::move(over.under_way.front());
  over.under_way.pop_front();
  for (std::span<std::uint8_t const> left(frame); !left.empty();) {
    auto const space = over.reader.space();
    auto const piece = std::min({space.size(), left.size(), static_cast<std::size_t>(random_.between(1, 300))});
    std::copy_n(left.begin(), piece, space.begin());
    over.reader.took(piece);
    left = left.subspan(piece);
    auto const said = over.reader.next();
    if (!said) {
      lose(which);
      return state::under_way;
    }
    auto const* const chunk = *said ? std::get_if<cloning::chunk>(&**said) : nullptr;
    if (chunk != nullptr && take(*chunk) == state::failed) return state::failed;
  }
  return state::under_way;
}

clone_session::state clone_session::take(cloning::chunk const& what) {
  auto bytes = cloning::unpack(what);
  if (!bytes) return state::failed;
  auto const verdict = in_.offer(what.number, {std::move(*bytes), what.hash});
  check(verdict != decltype(in_)::verdict::too_far, "a donor sends what it holds");
  while (auto const next = in_.take()) {
    taken_.add(static_cast<std::uint32_t>(next->bytes.size()), next->hash);
    received_.insert(received_.end(), next->bytes.view().begin(), next->bytes.view().end());
  }
  return state::under_way;
}

// Both sides make it anew; what was on it is sent again.
void clone_session::lose(std::size_t which) {
  ++lanes_lost_;
  lanes_[which] = {};
  out_.lane_lost(static_cast<cloning::send_window::lane>(which));
}

}  // namespace sim
