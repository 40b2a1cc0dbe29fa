// Rows of a large write set, made smaller for the way to the others and for everybody's log. Packed by the thread that commits and
// unpacked by the one that applies, so the thread that all that is agreed on goes through handles the small form only.
// Source: MySQL Group Replication's compression_threshold.
#pragma once

#include "base/blob.hh"
#include "base/result.hh"
#include "gr/ports.hh"

namespace gr {

struct write_set_message;

// Packs what.data, where that is larger than `from_bytes` (0: nothing is) and becomes smaller. Cost: base/packing.hh.
void pack_rows(write_set_message& what, std::uint64_t from_bytes);

// As they were before they were packed, if they were. Errors: bytes that no pack_rows made.
base::result<base::blob> rows_of(base::blob const& data, bool packed);

// How many bytes those are, without unpacking them: what is to be applied. Of bytes that no pack_rows made, how many there are.
std::size_t rows_bytes(base::blob const& data, bool packed);

}  // namespace gr
