#include "sim/disk.hh"

#include <algorithm>

#include "sim/failure.hh"

namespace sim {
namespace {

constexpr std::size_t sector = 512;

void append_pieces(std::vector<std::uint8_t>& to, base::chain const& bytes, std::size_t at_most) {
  for (auto const& piece : bytes.pieces) {
    auto const part = piece.view().first(std::min(at_most, piece.size()));
    to.insert(to.end(), part.begin(), part.end());
    at_most -= part.size();
  }
}

}  // namespace

disk::disk(std::string owner, base::prng random) : owner_(std::move(owner)), random_(random) {}

std::vector<std::uint64_t> disk::list() {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(files_.size());
  for (auto const& [number, held] : files_) numbers.push_back(number);
  return numbers;
}

base::result<disk::file*> disk::find(std::uint64_t segment) {
  auto const found = files_.find(segment);
  if (found == files_.end()) return base::fail(name(segment) + ": no such file");
  return &found->second;
}

base::result<base::blob> disk::read_all(std::uint64_t segment) {
  auto const held = find(segment);
  if (!held) return held.error();
  return base::blob::copy_of((*held)->bytes);
}

base::result<base::blob> disk::read(std::uint64_t segment, std::uint64_t offset, std::size_t length) {
  auto const held = find(segment);
  if (!held) return held.error();
  auto const& bytes = (*held)->bytes;
  if (offset > bytes.size() || length > bytes.size() - offset) {
    return base::fail(name(segment) + ": " + std::to_string(length) + " bytes at offset " + std::to_string(offset) +
                      " asked for, file has " + std::to_string(bytes.size()));
  }
  return base::blob::copy_of(std::span(bytes).subspan(offset, length));
}

base::result<void> disk::append(std::uint64_t segment, base::chain const& bytes) {
  if (full_) return base::fail(name(segment) + ": disk full");
  if (fails_ && random_.chance(1, 2))
    return base::fail(name(segment) + ": no room for " + std::to_string(bytes.size()) + " bytes");
  auto& held = files_[segment];
  if (kill_next_) {
    kill_next_ = false;
    append_pieces(held.bytes, bytes, random_.below(bytes.size()));  // never all of it: nobody was told it is there
    throw process_killed();
  }
  append_pieces(held.bytes, bytes, bytes.size());
  return {};
}

base::result<void> disk::truncate(std::uint64_t segment, std::uint64_t length) {
  auto const held = find(segment);
  if (!held) return held.error();
  auto& whole = **held;
  if (length > whole.bytes.size()) return base::fail(name(segment) + ": cannot be cut to more than it has");
  whole.bytes.resize(length);
  whole.synced = std::min<std::size_t>(whole.synced, length);
  return {};
}

base::result<void> disk::remove(std::uint64_t segment) {
  if (files_.erase(segment) == 0) return base::fail(name(segment) + ": no such file");
  return {};
}

base::result<void> disk::sync(std::uint64_t segment) {
  auto const held = find(segment);
  if (!held) return held.error();
  (*held)->synced = (*held)->bytes.size();
  return {};
}

std::string disk::name(std::uint64_t segment) const { return owner_ + ":segment " + std::to_string(segment); }

void disk::lose_power() {
  for (auto& [number, held] : files_) {
    if (held.synced == held.bytes.size()) continue;
    auto const kept = random_.between(held.synced, held.bytes.size());
    held.bytes.resize(kept);
    // A file's length may have been written while its last sectors were not.
    if (random_.chance(1, 3)) {
      auto const torn_from = kept > sector + held.synced ? kept - sector : held.synced;
      std::fill(held.bytes.begin() + static_cast<std::ptrdiff_t>(torn_from), held.bytes.end(), std::uint8_t{0});
    }
    held.synced = held.bytes.size();
  }
  std::erase_if(files_, [](auto const& each) { return each.second.bytes.empty(); });
}

std::uint64_t disk::bytes() const {
  std::uint64_t total = 0;
  for (auto const& [number, held] : files_) total += held.bytes.size();
  return total;
}

}  // namespace sim
