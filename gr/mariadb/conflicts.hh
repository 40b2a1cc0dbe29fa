// The last conflicts this member saw: in memory, for REPLICATION_GROUP_CONFLICTS. Any thread; no call waits for anybody.
// Always: at most conflicts_kept_max, oldest first; what is handed out is never changed afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gr/conflict.hh"

namespace gr::mariadb {

inline constexpr std::size_t conflicts_kept_max = 256;

struct conflict_row {
  std::uint64_t number = 0;  // of this process
  std::int64_t at_ms = 0;    // since 1970, by this server's clock
  std::string reason;        // CERTIFICATION, TOO_OLD, UNREADABLE: refused everywhere; LOCK: rolled back here
  std::string tables;        // schema.table; several when it may be any of them; empty: not known
  std::string kind;          // how the row was touched; empty with the reasons that have no row
  std::string winner_kind;
  certifier::row_hash row = 0;
  base::uuid history;
  seqno_t refused = -1;  // -1: it never got a position
  base::uuid refused_node;
  seqno_t winner = -1;
  base::uuid winner_node;
};

class conflict_list {
 public:
  using rows = std::vector<std::shared_ptr<conflict_row const>>;

  void add(refused_write_set const& what, std::int64_t now_ms);
  // A local transaction had a lock that `by`, ordered before it, needed.
  void add_aborted(base::uuid const& history, base::uuid const& self, seqno_t by, std::int64_t now_ms);
  [[nodiscard]] rows all() const;

 private:
  void keep(conflict_row row);

  mutable std::mutex mutex_;
  rows rows_;
  std::uint64_t count_ = 0;
};

}  // namespace gr::mariadb
