// Which tables the transactions wrote to that a server holds and its group does not: for the person who decides what is wanted of
// them. From the log they were agreed in, as long as somebody has it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.hh"
#include "gr/ports.hh"
#include "xcom/agreed_log.hh"

namespace gr {

struct written_tables {
  std::map<std::string, std::uint64_t> tables;  // as a person names them: in how many transactions their rows are
  std::uint64_t transactions = 0;               // those of the range that the log has and that passed certification
  std::uint64_t without_rows = 0;               // of them: statements such as DDL
  friend bool operator==(written_tables const&, written_tables const&) = default;
};

// Of the transactions above `above`, up to `up_to`. The log is only read. Cost: one read for each slot of the range, and
// O(log slots) more; large rows are unpacked, one transaction at a time. Errors: the log's.
base::result<written_tables> tables_written(xcom::agreed_log& log, seqno_t above, seqno_t up_to,
                                            name_tables_of const& names);

// "d.orders (60 transactions), d.items (3), and 2 statements without rows"; empty: the log has none of them.
[[nodiscard]] std::string describe(written_tables const& what);

}  // namespace gr
