// In place of gr/mariadb/make_group.cc: the library with a group of one.
#include "gr/mariadb/make_group.hh"

#include "tests/gr_mariadb/solo_group.hh"

namespace gr::mariadb {

std::unique_ptr<gr::group> make_group(gr::group_options const& options, gr::server& server) {
  return std::make_unique<solo_group>(options, server);
}

}  // namespace gr::mariadb
