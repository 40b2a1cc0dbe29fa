// The list of everything that was sent, in short: how many chunks, how many bytes, and one hash over the hashes of all, in order.
// Both sides make it for themselves; when they agree, the joiner has what the donor read, and nothing else.
#pragma once

#include <cstdint>

#include "clone/wire.hh"

namespace cloning {

class manifest {
 public:
  // In the order of the chunks. O(1).
  void add(std::uint32_t bytes, digest const& hash);
  [[nodiscard]] ended summary() const { return {chunks_, bytes_, so_far_}; }
  // Errors: what differs.
  [[nodiscard]] base::result<void> agrees_with(ended const& theirs) const;

 private:
  std::uint64_t chunks_ = 0;
  std::uint64_t bytes_ = 0;
  digest so_far_{};
};

}  // namespace cloning
