// A chunk's bytes smaller, and whether they are still the same when they are large again (base/packing.hh).
#pragma once

#include <cstdint>

#include "base/packing.hh"
#include "clone/wire.hh"

namespace cloning {

// ensure: 1 to chunk_bytes_max bytes. What does not shrink goes as it is.
chunk pack(std::uint64_t number, base::blob const& bytes, packing how);

// Errors: no bytes or more than chunk_bytes_max, and those of base::unpack.
base::result<base::blob> unpack(chunk const& packed);

}  // namespace cloning
