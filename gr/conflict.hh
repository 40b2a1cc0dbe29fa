// A write set that did not pass certification, and what stood in its way: for people, who look for hot rows. Values.
#pragma once

#include "base/blob.hh"
#include "certifier/write_set.hh"
#include "gr/ports.hh"

namespace gr {

enum class refusal_reason : std::uint8_t {
  conflict,    // another transaction wrote the row first
  too_old,     // it began before what the group still remembers
  unreadable,  // its keys cannot be read
};

struct refused_write_set {
  base::uuid history;
  seqno_t seqno = -1;  // the position it took
  source_id source;    // who executed it
  refusal_reason why = refusal_reason::conflict;
  seqno_t winner = -1;                                       // the position of the other one; -1: none
  base::uuid winner_node;                                    // nil: not a member any more
  certifier::row_hash row = 0;                               // the first key in conflict
  certifier::key_kind wanted = certifier::key_kind::shared;  // how it was touched by this one
  certifier::key_kind held = certifier::key_kind::shared;    // and by the other one
  base::blob keys;                                           // certifier::write_set, encoded
  base::blob data;                                           // the server's, opaque
  bool packed = false;                                       // gr/packed_rows.hh
};

}  // namespace gr
