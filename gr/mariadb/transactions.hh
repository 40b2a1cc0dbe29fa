// The local transactions of this server, from the first key to release.
//
//   executing -> certifying -> certified -> entered -> left          (committed)
//                           -> rejected  -> entered -> left          (in conflict: its position still passes the gate)
//                           -> executing                             (never ordered)
//   brute force marks `must_abort` in executing, certifying and certified; a certified one that is marked is replayed.
//
// Threads: a transaction belongs to its client's thread; verdicts come from the group's strand, brute force from anybody.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "certifier/write_set.hh"
#include "gr/mariadb/commit_order.hh"
#include "gr/mariadb/wsrep_abi.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

class local_transaction {
 public:
  explicit local_transaction(std::uint64_t trx) : trx_(trx) {}

  // ---- the client's thread ----
  // Memory only. A failure stays with the transaction, since the server goes on to certify whatever append_data says.
  abi::status append_keys(std::span<wsrep_key const> keys, certifier::key_kind kind);
  abi::status append_data(std::span<wsrep_buf const> parts, std::int64_t bytes_max);

  struct ready {
    abi::status status = abi::ok;  // not ok: refused, nothing to order
    local_write_set write_set;
  };
  // Brute force wants its locks: it must not wait for anything.
  [[nodiscard]] bool must_abort() const {
    std::lock_guard const hold(mutex_);
    return must_abort_;
  }
  [[nodiscard]] std::size_t collected_bytes() const { return collected_.size(); }
  ready begin_certification(std::uint64_t conn, std::uint32_t flags, commit_order const& order);
  struct certified {
    abi::status status;
    ordered verdict;
  };
  certified end_certification();
  // The position was lost between verdict and gate (the group closed while it was held back).
  void withdraw();
  void note_replay();
  void note_entered();
  void note_left();
  // Forgets the fragment that was committed; true when the transaction goes on (streaming).
  bool rewind();

  // ---- the strand, or the client's thread when the group did not tell ----
  void note_verdict(ordered const& verdict);

  // ---- anybody ----
  struct abort_answer {
    abi::status status;
    seqno_t seqno;
  };
  abort_answer abort(seqno_t by, commit_order& order);

  [[nodiscard]] std::uint64_t trx() const { return trx_; }
  struct snapshot {
    seqno_t seqno;  // -1: not ordered
    seqno_t depends_on;
    std::uint64_t conn;
    std::uint32_t flags;
    bool passed;
    bool has_left;
  };
  [[nodiscard]] snapshot look() const;
  // Valid from begin_certification to release.
  [[nodiscard]] std::span<std::uint8_t const> data() const { return data_.view(); }

 private:
  enum class state : std::uint8_t { executing, certifying, certified, rejected, entered, left };

  std::uint64_t const trx_;
  // Only the client's thread touches these.
  certifier::write_set keys_;
  std::vector<std::uint8_t> collected_;
  base::blob data_;
  abi::status poison_ = abi::ok;

  mutable std::mutex mutex_;
  state state_ = state::executing;
  ordered verdict_;
  std::uint64_t conn_ = 0;
  std::uint32_t flags_ = 0;
  bool passed_ = false;
  bool must_abort_ = false;
  bool returned_ = false;  // certify has answered ok: from here on brute force works through the gate
};

// All of them, by transaction number. Any thread.
class transactions {
 public:
  // The handle's transaction, made at its first call.
  local_transaction& of(wsrep_ws_handle& handle);
  [[nodiscard]] std::shared_ptr<local_transaction> find(std::uint64_t trx) const;
  void forget(std::uint64_t trx);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t shard_count = 64;
  struct shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, std::shared_ptr<local_transaction>> held;
  };
  [[nodiscard]] shard& shard_of(std::uint64_t trx) const { return shards_[trx % shard_count]; }
  mutable std::array<shard, shard_count> shards_;
};

}  // namespace gr::mariadb
