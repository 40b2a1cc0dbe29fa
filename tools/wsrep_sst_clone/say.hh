// Lines for the server's error log, which is where a transfer program's stderr goes.
#pragma once

#include <string>
#include <string_view>

namespace sst {

// One line in one write, in the form of the server's own transfer scripts. Any thread.
void say(std::string const& text);
void warn(std::string const& text);
void complain(std::string const& text);

// For tests: QUORATE_CLONE_KILL_AT names a step, at which this process kills itself as kill -9 would; with ":server" behind
// the name, the server `parent` first; with ":stop" it stops itself, until it is told to go on. Nothing else happens without
// that variable.
void reach(std::string_view step, int parent);

}  // namespace sst
