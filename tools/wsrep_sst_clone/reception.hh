// One session as the joiner sees it: chunks from several lanes become one stream again, which mbstream turns into files.
//
// Shape:  lanes offer chunks; one thread writes those whose turn it is; what is written is acknowledged to the donor.
// Always: nothing is written twice or out of order; the stream counts as received only when it is the donor's to the last
//         hash, and mbstream took all of it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hh"
#include "base/uuid.hh"
#include "clone/manifest.hh"
#include "clone/receive_window.hh"
#include "tools/wsrep_sst_clone/child.hh"
#include "tools/wsrep_sst_clone/connection.hh"

namespace sst {

class reception {
 public:
  enum class state : std::uint8_t {
    receiving,
    received,
    donor_failed,  // another donor may do better
    failed,        // this side cannot go on
  };
  // Into an empty directory. `changed` is called without a lock held whenever the state is another one. The thread that makes
  // this has to outlive it.
  static base::result<std::shared_ptr<reception>> begin(cloning::hello from, std::string const& directory,
                                                        std::function<void()> changed);
  reception(cloning::hello from, std::unique_ptr<child> unpacker, std::function<void()> changed);
  ~reception();

  [[nodiscard]] cloning::hello const& from() const { return from_; }
  [[nodiscard]] state now() const;
  [[nodiscard]] std::string why() const;
  [[nodiscard]] std::uint64_t bytes() const;  // in the stream
  [[nodiscard]] std::uint64_t next() const;
  // Since when no lane is there; 0: one is. Milliseconds of now_ms().
  [[nodiscard]] std::uint64_t alone_since() const;

  // ---- lanes ----
  void add_lane(std::shared_ptr<connection> const& lane);
  void remove_lane(std::shared_ptr<connection> const& lane);
  // False: the lane has to go.
  bool take(cloning::message const& what, connection& lane);
  // Tells every lane how far the stream is, so that the donor hears from us.
  void acknowledge();
  // The session is over for us: lanes are told why and closed.
  void give_up(std::string const& why);

 private:
  struct piece {
    base::blob bytes;
    cloning::digest hash;
  };
  bool take_chunk(cloning::chunk const& packed);
  void write_stream();
  bool write_piece(piece const& what);
  void finish_stream();
  void become(state what, std::string const& why);
  void tell_lanes(cloning::message const& what);

  cloning::hello const from_;
  std::unique_ptr<child> unpacker_;
  std::function<void()> changed_outside_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  cloning::receive_window<piece> window_;
  cloning::manifest manifest_;
  std::optional<cloning::ended> end_;
  std::vector<std::shared_ptr<connection>> lanes_;
  std::uint64_t alone_since_ = 0;
  std::uint64_t written_ = 0;  // chunks
  state state_ = state::receiving;
  std::string why_;
  std::thread writer_;
};

}  // namespace sst
