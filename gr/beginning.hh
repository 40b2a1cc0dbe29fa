// How a member begins, judged by what its process finds when it starts: the log, the server's data, the host. And what the
// driver of a running member has to know beside the machines. Functions of values; runtime/ and sim/ carry them out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/uuid.hh"
#include "gr/history.hh"
#include "gr/member.hh"
#include "gr/options.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace gr {

enum class beginning : std::uint8_t {
  found_group,         // a new log, from the data as it is
  go_on_alone,         // the log's own member, without asking the others: a human said so
  come_back,           // the same incarnation, next boot
  come_back_to_leave,  // the same, only for its vote (gr/giving_up_place.hh)
  ask_to_join,         // a new incarnation
};

// What a member has done before it answers for something (group_replication_durability).
enum class durability : std::uint8_t {
  memory,  // nothing, the log is written behind: whoever is restarted has forgotten
  os,      // written: as long as the host runs, a restarted process finds it
  disk,    // synced: neither a restart of the host nor a torn tail takes any of it
};

[[nodiscard]] char const* to_string(durability durable);
[[nodiscard]] std::optional<durability> durability_named(std::string_view name);

struct found_at_start {
  xcom::recovered_log const& log;
  std::span<xcom::checkpoint const> checkpoints;  // of the log, ascending
  judged verdicts;                                // judged_up_to() of the log
  std::optional<start_position> data;             // what the server holds; none, or seqno -1: nothing
  std::string address;                            // where this process is reached
  bool bootstrap = false;
  bool same_host_boot = false;  // everything the log's member wrote is still there
  durability durable = durability::os;
};

struct beginning_choice {
  beginning how = beginning::ask_to_join;
  server::level level = server::level::info;
  std::string why;  // for the error log; empty: nothing out of the ordinary
};

// Whether the log holds the history of a group at all.
[[nodiscard]] bool holds_history(xcom::recovered_log const& log);

// docs/decisions/0005: a member is the one it was when its host has not restarted since, its log is whole, log and data fit,
// and it is reached where it was: a copied data directory makes nobody speak for the original. Cost: O(checkpoints).
beginning_choice choose_beginning(found_at_start const& found);

// The same for an arbiter, which holds no data: it comes back, or asks to join.
beginning_choice choose_arbiters_beginning(xcom::recovered_log const& log, std::string const& address,
                                           bool same_host_boot, durability durable);

// Where delivery from its own log begins, and up to which slot the verdicts on what the data holds are taken from notes: its
// own, and the others' where it has none. Nothing: the log does not reach back far enough.
struct own_start {
  xcom::checkpoint from;
  xcom::slot_no judged;
};
std::optional<own_start> own_beginning(std::span<xcom::checkpoint const> checkpoints, judged const& verdicts,
                                       seqno_t data);

// The node of a member that comes back. `self`: its entry with the new boot, as a voter; the role is the one it had.
xcom::begin_again coming_back(xcom::recovered_log const& log, xcom::site_member self, bool alone);

// A tick's facts for the member machine. `first_available`: of our own log, as gr::first_available() said lately.
observed observe(xcom::node const& node, base::tick_count now, seqno_t applied, seqno_t first_available);

// Slots above are needed still; those up to here may go. This member can come back by itself from `durable`, whom it helps
// to recover finds what it was promised, and every member of the site has learned the rest: acknowledgements are
// cumulative, so a voter that can no longer get a slot would never vote again; silence ends with expulsion, so this does
// not hold the log for ever. Nothing: the whole log has to stay.
std::optional<xcom::slot_no> log_needed_from(std::span<xcom::checkpoint const> checkpoints, seqno_t durable,
                                             member const& self, xcom::node const& node);

}  // namespace gr
