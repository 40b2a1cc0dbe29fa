// The toy database: one table of rows, changed by transactions in commit order. Small enough to be copied whole.
// Owner:  one simulated server; what a crash leaves of it is a copy made earlier.
// Always: (1) position() moves one by one; (2) fingerprint() is a function of the rows and their versions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/blob.hh"
#include "base/result.hh"
#include "base/uuid.hh"
#include "gr/ports.hh"

namespace sim {

struct row_change {
  std::uint32_t row = 0;
  bool reference = false;  // only looked at: the parent a new child refers to
  gr::seqno_t seen = 0;    // the version its transaction met
  std::uint64_t value = 0;
  template <class Codec> void fields(Codec& codec) { codec(row, reference, seen, value); }
};

// What travels as the data of a write set.
struct transaction {
  std::uint64_t id = 0;     // no two have the same
  bool everything = false;  // DDL: changes every row, whatever it finds
  std::vector<row_change> rows;
  base::blob padding;
  template <class Codec> void fields(Codec& codec) { codec(id, everything, rows, padding); }
};

class database {
 public:
  database(base::uuid const& history, gr::seqno_t position, std::size_t rows);

  // ensure: seqno is the next position. Cost: O(rows changed).
  void apply(gr::seqno_t seqno, transaction const& what);
  void skip(gr::seqno_t seqno);     // a position that changes nothing
  void give_up(gr::seqno_t seqno);  // one that cannot be applied, and counts as failed

  [[nodiscard]] base::uuid const& history() const { return history_; }
  [[nodiscard]] gr::seqno_t position() const { return position_; }
  [[nodiscard]] gr::seqno_t version(std::uint32_t row) const { return rows_.at(row).version; }
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
  // A digest of the positions given up; 0: none.
  [[nodiscard]] std::uint64_t given_up() const { return given_up_; }
  [[nodiscard]] std::string describe() const;

  // All of it as bytes, and back. Errors: bytes that are none.
  [[nodiscard]] base::blob image() const;
  static base::result<database> of_image(base::blob const& bytes);

 private:
  struct cell {
    gr::seqno_t version = 0;  // the position that wrote it last
    std::uint64_t value = 0;
    template <class Codec> void fields(Codec& codec) { codec(version, value); }
  };
  void write(std::uint32_t at, gr::seqno_t seqno, std::uint64_t value);

  base::uuid history_;
  gr::seqno_t position_;
  std::vector<cell> rows_;
  std::uint64_t fingerprint_ = 0;  // the sum of a digest of each row
  std::uint64_t given_up_ = 0;
};

}  // namespace sim
