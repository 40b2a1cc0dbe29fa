// Commits that wait until every ONLINE member has applied them (group_replication_consistency AFTER), and, at the others,
// whom to tell how far they have come.
//
// Shape:  the origin marks its write set; whoever applies a marked one tells the origin. A word that is lost is made up
//         for by the next heartbeat, which says the same.
// Cost:   a waiter is a map entry; nothing is looked at while nobody waits.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "gr/ports.hh"
#include "xcom/types.hh"

namespace gr {

class applied_everywhere {
 public:
  using waiter = std::uint64_t;

  // ---- at the origin ----
  void wait(waiter who, seqno_t until) { waiting_.emplace(until, who); }
  void stop(waiter who);
  [[nodiscard]] bool anybody_waits() const { return !waiting_.empty(); }
  void heard(xcom::member_id const& from, seqno_t applied);
  // Those whose position each of `needed` has applied; they wait no more.
  std::vector<waiter> served(std::span<xcom::member_id const> needed);

  // ---- at everybody else ----
  void owe(xcom::member_id const& origin, seqno_t at) { owed_[origin].insert(at); }
  [[nodiscard]] bool owes() const { return !owed_.empty(); }
  // Who waits for something that is applied by now; each is told once for each of its positions, at most.
  std::vector<xcom::member_id> due(seqno_t applied);

  // Who is no member any more neither waits nor is waited for.
  void keep_only(xcom::site const& members);

 private:
  std::multimap<seqno_t, waiter> waiting_;
  std::map<xcom::member_id, seqno_t> applied_;
  std::map<xcom::member_id, std::set<seqno_t>> owed_;
};

}  // namespace gr
