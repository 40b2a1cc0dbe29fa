// One segment of the agreed log, read for a person: every record as a line, and where the first one is that does not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "xcom/log_format.hh"

namespace grctl {

struct segment_report {
  std::uint64_t number = 0;   // by its opening record; 0: none was read
  std::uint64_t records = 0;  // that hold, the opening included
  std::uint64_t bytes = 0;    // of the file
  struct damage {
    std::uint64_t at = 0;  // the first byte that cannot be believed
    std::string what;
    bool torn = false;  // as a killed process or a full disk leaves it: the next start cuts it off by itself
  };
  std::optional<damage> first_damage;
};

using record_call = std::function<void(std::uint64_t offset, std::string const& line)>;

// Calls for each record that holds, in their order. Cost: one pass; every record is decoded whole.
segment_report read_segment(base::blob const& bytes, record_call const& call);

// One line without its offset: the kind and what it says. Errors: a body that does not decode, with the offset in it.
struct line {
  std::string text;
};
base::result<line> describe(xcom::raw_record const& record);

}  // namespace grctl
