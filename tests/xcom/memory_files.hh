// Segment files in memory, for tests: they can be copied, torn at any byte, and told to fail.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "xcom/agreed_log.hh"

namespace xcom::testing {

class memory_files : public segment_files {
 public:
  std::map<std::uint64_t, std::vector<std::uint8_t>> held;
  std::size_t reads = 0;
  std::size_t appended_max = ~std::size_t{0};  // bytes until the disk is full

  std::vector<std::uint64_t> list() override {
    std::vector<std::uint64_t> numbers;
    numbers.reserve(held.size());
    for (auto const& [number, bytes] : held) numbers.push_back(number);
    return numbers;
  }
  base::result<base::blob> read_all(std::uint64_t segment) override {
    auto const at = held.find(segment);
    if (at == held.end()) return base::fail(name(segment) + " is not there");
    return base::blob::copy_of(at->second);
  }
  base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) override {
    ++reads;
    auto const at = held.find(segment);
    if (at == held.end() || at->second.size() < offset || at->second.size() - offset < length) {
      return base::fail(name(segment) + " is too short");
    }
    return base::blob::copy_of(std::span(at->second).subspan(offset, length));
  }
  base::result<void> append(std::uint64_t segment, base::chain const& bytes) override {
    auto& file = held[segment];
    for (auto const& piece : bytes.pieces) {
      for (auto const byte : piece.view()) {
        if (appended_max == 0) return base::fail(name(segment) + ": disk full");
        --appended_max;
        file.push_back(byte);
      }
    }
    return {};
  }
  base::result<void> truncate(std::uint64_t segment, std::uint64_t length) override {
    held.at(segment).resize(length);
    return {};
  }
  base::result<void> remove(std::uint64_t segment) override {
    held.erase(segment);
    return {};
  }
  base::result<void> sync(std::uint64_t) override { return {}; }
  std::string name(std::uint64_t segment) const override { return "segment " + std::to_string(segment); }
};

}  // namespace xcom::testing
