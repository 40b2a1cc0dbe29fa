// From a snapshot that was received to data in its place: checked, prepared, given a position, on disk, swapped in.
#pragma once

#include <string>

#include "base/result.hh"
#include "runtime/data_swap.hh"
#include "tools/wsrep_sst_clone/arguments.hh"
#include "tools/wsrep_sst_clone/settings.hh"

namespace sst {

struct copy_position {
  std::string text;  // uuid:seqno
};

// The answer is where the data stands now. After an error before the swap the old data is untouched and the new is
// removed; an error within it leaves a swap that the next start finishes.
base::result<copy_position> place_data(arguments const& given, settings const& how,
                                       runtime::clone_directories const& places);

}  // namespace sst
