// Where the provider gets its group from: runtime's in the library, a small one of its own in tests.
#pragma once

#include <memory>

#include "gr/options.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

std::unique_ptr<gr::group> make_group(gr::group_options const& options, gr::server& server);

}  // namespace gr::mariadb
