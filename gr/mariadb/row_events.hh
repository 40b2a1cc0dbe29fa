// What can be read off the server's side of a write set: a sequence of events as in its binary log.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/blob.hh"
#include "certifier/write_set.hh"

namespace gr::mariadb {

struct table_name {
  std::string schema;
  std::string table;
  friend bool operator==(table_name const&, table_name const&) = default;
};

// The tables whose rows are written, each once, in the order of their first rows. Bytes that are no such events end it.
// Cost: one look at the head of each event.
std::vector<table_name> tables_in(base::blob const& events);

// Which of these tables a key can belong to. Keys come in the order rows were touched, and the first one of each table comes with
// the table's own key before it, so a table whose key comes later is out; one is left in most cases.
std::vector<table_name> tables_of_key(std::vector<table_name> const& written, std::span<certifier::key const> keys,
                                      certifier::row_hash key);

}  // namespace gr::mariadb
