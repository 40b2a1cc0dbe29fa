// The certifier's dumb twin: judges every write set by the toy database's own words (rows, not hashes of keys), from the whole
// history, with nothing forgotten. The real one has to agree with it, on every member.
//
// Owner:  the oracle. Told of each slot once, in log order.
// Always: knows the last write of and the last reference to each row by each client, and the last change of everything.
// Cost:   clients times rows of a write set; clients are the lives of servers, a few dozen in a simulation. Memory: 8 bytes
//         for each row of each write set.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "gr/messages.hh"
#include "sim/database.hh"
#include "xcom/types.hh"

namespace sim {

class twin {
 public:
  // The messages of a slot, after what was before it. Throws check_failed where `note` says otherwise. `fenced`: which write
  // sets (0, 1, ...) come from who may not write; ascending.
  void judge(xcom::slot_no at, xcom::batch const& slot, gr::slot_note const& note,
             std::vector<std::uint32_t> const& fenced);
  // What was judged in slots above this one, and took positions above `position`, never was: a human gave it up for lost.
  void forget_after(xcom::slot_no slot, gr::seqno_t position);

 private:
  // Whose transactions lock each other out before they are ordered: one life of one server's clients.
  using client = std::tuple<xcom::member_id, std::uint64_t, std::uint32_t>;
  using positions = std::vector<gr::seqno_t>;  // ascending
  struct touched {
    positions written;
    positions referred;
  };
  [[nodiscard]] static gr::seqno_t last_of(positions const& all) { return all.empty() ? 0 : all.back(); }

  [[nodiscard]] std::string why_not(gr::write_set_message const& from, transaction const& what, client const& by) const;
  void take_in(transaction const& what, client const& by);

  gr::seqno_t seqno_ = 0;
  [[nodiscard]] gr::seqno_t bound() const { return forgotten_.empty() ? 0 : forgotten_.back().second; }

  std::vector<std::pair<xcom::slot_no, gr::seqno_t>> forgotten_;  // ascending: which slot moved the bound, and to where
  positions everything_;
  std::map<std::uint32_t, std::map<client, touched>> rows_;
};

}  // namespace sim
