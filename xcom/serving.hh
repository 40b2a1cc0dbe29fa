// A range of our agreed log for another member, hashed and packed.
#pragma once

#include <string>

#include "base/packing.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace xcom {

struct served {
  fetched answer;         // without slots when the log does not hold them, or cannot be read
  bool as_range = false;  // who asks wants them packed, which whoever speaks protocol_with_ranges does
  std::string error;      // empty, or why it cannot be read
};
// Cost: as agreed_log::read().
served serve(agreed_log& log, serve_log const& what);
// The answer as it is sent. Needs no log, so it may be made elsewhere. Cost: encoding and packing, of a range.
fetched pack(served what, base::packing how);

// The slots of an answer. Errors: bytes that are not those that were sent, for a person.
base::result<std::vector<decided_slot>> slots_of(fetched const& what);

}  // namespace xcom
