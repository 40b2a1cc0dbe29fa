// The library's version, as its plugins tell it.
#pragma once

namespace gr::mariadb {

inline constexpr char library_version[] = "0.1.0";
inline constexpr unsigned plugin_version = 0x0001;  // major and minor, a byte each

}  // namespace gr::mariadb
