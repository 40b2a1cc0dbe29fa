// The certifier's dumb twin: judges every write set by the toy database's own words (rows, not hashes of keys), from the whole
// history, with nothing forgotten. The real one has to agree with it, on every member.
//
// Owner:  the oracle. Told of each slot once, in log order.
// Always: knows the last write of and the last reference to each row by each client, and the last change of everything.
// Cost:   clients times rows of a write set; clients are the lives of servers, a few dozen in a simulation.
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
  // The messages of a slot, after what was before it. Throws check_failed where `note` says otherwise.
  void judge(xcom::batch const& slot, gr::slot_note const& note);

 private:
  // Whose transactions lock each other out before they are ordered: one life of one server's clients.
  using client = std::tuple<xcom::member_id, std::uint64_t, std::uint32_t>;
  struct touched {
    gr::seqno_t written = 0;
    gr::seqno_t referred = 0;
  };

  [[nodiscard]] std::string why_not(gr::write_set_message const& from, transaction const& what, client const& by) const;
  void take_in(transaction const& what, client const& by);

  gr::seqno_t seqno_ = 0;
  gr::seqno_t forgotten_ = 0;
  gr::seqno_t everything_ = 0;
  std::map<std::uint32_t, std::map<client, touched>> rows_;
};

}  // namespace sim
