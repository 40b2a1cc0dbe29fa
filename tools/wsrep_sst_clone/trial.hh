// Whether a server starts with the data that was copied, tried before it takes the place of the old.
#pragma once

#include <string>

#include "base/result.hh"
#include "tools/wsrep_sst_clone/arguments.hh"
#include "tools/wsrep_sst_clone/settings.hh"

namespace sst {

// Starts the server's own program on `directory`, alone and for reading only, and ends it again; no file of InnoDB's is changed.
// Transactions that the copy holds as prepared are the group's to decide, and no fault. Errors: it does not start, with its last
// words. Cost: a few tenths of a second.
base::result<void> start_on_trial(arguments const& given, settings const& how, std::string const& directory);

}  // namespace sst
