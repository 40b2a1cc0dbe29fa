// What is known of one attempt of this member to become ONLINE, for people: tables show it while it runs and long after. Values.
// Always: everything in it has a bound, so that a record of many donors and decisions stays small.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hh"
#include "base/uuid.hh"

namespace gr {

inline constexpr std::size_t joins_kept_max = 20;
inline constexpr std::size_t decisions_kept_max = 10;  // of one join: the first one, and the newest

enum class join_phase : std::uint8_t {
  waiting_for_majority,  // came back, and hears too few of the others
  comparing,             // asks whether what it holds is the group's
  choosing,              // looks who could help
  waiting,               // for a RECOVERING member to come ONLINE
  pausing,               // every donor failed
  copying,               // takes a full copy
  asking,                // asks the donor where its log must be read from
  local,                 // reads its own log
  fetching,              // reads a donor's log, and applies it
  applying,              // has everything, and applies it
  online,
  failed,
};
std::string_view to_string(join_phase phase);  // as the tables say it
[[nodiscard]] constexpr bool is_over(join_phase phase) {
  return phase == join_phase::online || phase == join_phase::failed;
}

struct donor_row {  // a member that was looked at
  base::uuid id;
  std::string name;
  std::string state;
  std::uint64_t lag = 0;        // transactions it misses of what the candidates hold together
  std::int64_t log_from = -1;   // the lowest position its log serves; -1: none
  std::int64_t log_up_to = -1;  // the highest
  std::uint32_t zone = 0;
  std::uint32_t donations = 0;
  std::uint32_t rank = 0;  // 1: asked first; 0: not asked
  bool chosen = false;
  std::string verdict;
  std::string why;
  template <class Codec> void fields(Codec& codec) {
    codec(id, name, state, lag, log_from, log_up_to, zone, donations, rank, chosen, verdict, why);
  }
};

struct join_decision {
  std::uint32_t number = 0;   // in its join, from 1 on
  std::int64_t after_ms = 0;  // since the join began
  std::string method;
  std::string why;
  std::vector<donor_row> donors;
  template <class Codec> void fields(Codec& codec) { codec(number, after_ms, method, why, donors); }
};

struct join_record {
  std::uint64_t number = 0;   // of this member's joins, over its restarts; the driver counts
  std::int64_t began_ms = 0;  // since 1970; the driver's clock
  std::int64_t lasted_ms = 0;
  join_phase phase = join_phase::choosing;
  std::string method;  // "own log", "incremental", "full copy", "full copy, incremental"
  std::string why;
  base::uuid donor;  // nil: none
  std::string donor_name;
  std::int64_t done = 0;   // transactions applied since the join began, or since the copy
  std::int64_t left = -1;  // -1: not known
  std::int64_t bytes = 0;  // of messages read for them
  std::int64_t bytes_left =
      -1;                 // about, from what those so far had; -1: not known. Not kept: it is 0 when the join is over
  std::int64_t rate = 0;  // transactions applied in a second, as of the last few
  std::int64_t eta_ms = -1;
  std::uint64_t attempts = 0;  // donors asked, for a log or for a copy
  std::uint64_t attempts_max = 0;
  std::uint32_t copies = 0;  // full copies taken
  std::string last_error;    // of an attempt, or why the join failed
  std::vector<join_decision> decisions;
  template <class Codec> void fields(Codec& codec) {
    codec(number, began_ms, lasted_ms, phase, method, why, donor, donor_name, done, left, bytes, rate, eta_ms, attempts,
          attempts_max, copies, last_error, decisions);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (phase > join_phase::failed) codec.reject();
  }
};

}  // namespace gr
