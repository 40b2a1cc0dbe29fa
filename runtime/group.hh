// The group as a running process has it: the machines of xcom and gr on one thread, sockets and files below them.
#pragma once

#include <memory>

#include "gr/options.hh"
#include "gr/ports.hh"

namespace runtime {

// `server` must outlive the group. Nothing runs before connect().
std::unique_ptr<gr::group> make_group(gr::group_options const& options, gr::server& server);

}  // namespace runtime
