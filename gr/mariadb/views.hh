// Our views and ids in the server's layout.
#pragma once

#include <cstddef>
#include <memory>

#include "gr/mariadb/wsrep_abi.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

wsrep_uuid to_abi(base::uuid const& id);
base::uuid from_abi(wsrep_uuid const& id);
wsrep_gtid to_abi(base::uuid const& group, seqno_t seqno);
inline wsrep_gtid no_gtid() { return {{}, -1}; }

// A view with its members behind it. ensure: members are sorted by id.
class abi_view {
 public:
  explicit abi_view(view const& from);
  [[nodiscard]] wsrep_view_info const* get() const { return reinterpret_cast<wsrep_view_info const*>(bytes_.get()); }

 private:
  std::unique_ptr<std::byte[]> bytes_;
};

// "This member is out": no members, no index.
view final_view(base::uuid const& group, seqno_t last);

}  // namespace gr::mariadb
