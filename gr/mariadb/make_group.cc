#include "gr/mariadb/make_group.hh"

#include "runtime/group.hh"

namespace gr::mariadb {

std::unique_ptr<gr::group> make_group(gr::group_options const& options, gr::server& server) {
  return runtime::make_group(options, server);
}

}  // namespace gr::mariadb
