// A full copy under way between two simulated servers, by the parts of clone/ that servers use: the snapshot is cut into chunks,
// hashed, packed and framed, goes over lanes that break and bytes that change, and is put together and compared with the
// donor's manifest.
// Owner:  the donation of one simulated server.
// Always: what arrived is what the donor read, byte for byte; otherwise the copy failed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/prng.hh"
#include "clone/manifest.hh"
#include "clone/receive_window.hh"
#include "clone/send_window.hh"
#include "clone/wire.hh"

namespace sim {

class clone_session {
 public:
  enum class state : std::uint8_t { under_way, arrived, failed };

  // `snapshot`: not empty.
  clone_session(base::blob snapshot, base::prng random);

  // The next thing that happens on one of its lanes: a chunk is sent, arrives, or is lost with its lane.
  state step();
  // No lane gets through any more; those there were are lost.
  void cut();
  [[nodiscard]] base::blob received() const { return base::blob::copy_of(received_); }
  [[nodiscard]] std::uint64_t lanes_lost() const { return lanes_lost_; }

 private:
  static constexpr std::size_t lanes = 3;
  struct lane {
    std::deque<std::vector<std::uint8_t>> under_way;  // frames
    cloning::frame_reader reader;
  };
  struct whole_chunk {
    base::blob bytes;
    cloning::digest hash;
  };

  void read_on();
  void send_over(std::size_t which);
  state deliver(std::size_t which);
  state take(cloning::chunk const& what);
  void lose(std::size_t which);

  base::blob snapshot_;
  base::prng random_;
  std::size_t chunk_bytes_;
  std::size_t read_ = 0;
  cloning::send_window out_;
  cloning::manifest sent_;
  std::array<lane, lanes> lanes_;
  cloning::receive_window<whole_chunk> in_;
  cloning::manifest taken_;
  std::vector<std::uint8_t> received_;
  std::uint64_t lanes_lost_ = 0;
};

}  // namespace sim
