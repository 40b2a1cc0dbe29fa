// What is known of the log beside the log: on which boot of the host its incarnation wrote it, and with what durability.
// That says whether a restarted process answers for it (gr/beginning.hh); docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hh"
#include "gr/beginning.hh"
#include "gr/written_tables.hh"

namespace runtime {

struct log_keeping {
  bool same_host_boot = false;
  gr::durability durable = gr::durability::os;
};

// A file that is missing or not whole says nothing, which makes a new incarnation.
log_keeping read_log_keeping(std::string const& data_dir);

// Synced, whatever the durability. To be called once all that the incarnation wrote before is on the disk.
base::result<void> write_log_keeping(std::string const& data_dir, gr::durability durable);

// What the data rests on, beside a log that is begun anew before that could be compared with the group's; it outlives a crash.
base::result<void> set_aside(std::string const& data_dir, gr::held_history const& held);
[[nodiscard]] std::optional<gr::held_history> read_set_aside(std::string const& data_dir);
// Keeps the segments of the log before as well, under names that state transfer scripts leave alone and no log is read from.
base::result<void> keep_segments(std::string const& data_dir);

// What the transactions above `above`, up to `up_to`, wrote to, as the kept segments tell. Cost: reads all of them once.
base::result<gr::written_tables> tables_set_aside(std::string const& data_dir, gr::seqno_t above, gr::seqno_t up_to,
                                                  gr::name_tables_of const& names);

// Where those segments go when the data was not the group's: a person may want what only they hold, and removes them.
inline constexpr char const* diverged_segments = "group_replication.diverged.*.log";
enum class old_segments : std::uint8_t { keep, remove };
void forget_set_aside(std::string const& data_dir, old_segments what);

}  // namespace runtime
