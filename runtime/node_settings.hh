// What the options say to the parts a server's member and an arbiter are both made of.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/packing.hh"
#include "base/prng.hh"
#include "base/ticks.hh"
#include "base/uuid.hh"
#include "gr/allowlist.hh"
#include "gr/beginning.hh"
#include "gr/member.hh"
#include "gr/options.hh"
#include "runtime/log_keeping.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace runtime {

inline constexpr auto tick_length = std::chrono::milliseconds(base::tick_milliseconds);

// Of the clock that goes on while the host is suspended, and that nobody sets.
std::chrono::milliseconds since_boot();
base::tick_count tick_now();       // the same in ticks
std::uint64_t milliseconds_now();  // since 1970; incarnations are numbered by it
base::prng make_prng();            // seeded by the system
base::tick_count ticks_of(std::int64_t milliseconds);

// The server numbers the members of a view by their uuids' order: the oldest comes first, so the server that begins a group
// has index 0 (and auto_increment_offset 1).
base::uuid new_member_uuid();

// Arbiters have no database: whoever takes the first of a view for a server finds them at the end.
base::uuid new_arbiter_uuid();

// The group that the options name; none: any.
std::optional<base::uuid> group_wanted(gr::option_store const& options);
// Errors: `history` is not the group that the options name.
base::result<void> check_group(gr::option_store const& options, base::uuid const& history);
// Errors: the group speaks a protocol that this library does not.
base::result<void> check_protocol(xcom::site const& at);
xcom::node_config node_settings(gr::option_store const& options, xcom::member_id const& self, std::uint64_t boot);
// `kept`: how the log that is there was written.
xcom::log_config log_settings(gr::option_store const& options, log_keeping const& kept);
gr::durability durability_of(gr::option_store const& options);
// How ranges of the log are packed for others.
base::packing recovery_packing_of(gr::option_store const& options);
gr::allowlist allowlist_of(gr::option_store const& options);
// `named`: donors the server itself names, asked after those of the option.
gr::recovery_settings recovery_settings_of(gr::option_store const& options, std::string const& named);
gr::flow_settings flow_settings_of(gr::option_store const& options);

}  // namespace runtime
