// The group's functions (SELECT group_replication_set_as_primary('...')): loadable functions of this library. The symbols the
// server looks up are in functions.cc; what each does is in group_functions.cc.
#pragma once

#include <mysql.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hh"

namespace gr::mariadb {

// Who called, while the function runs in his statement.
class caller {
 public:
  explicit caller(void* thd) : thd_(thd) {}
  [[nodiscard]] bool is_killed() const;       // KILL QUERY, KILL, or the server goes down
  void show(char const* what_it_does) const;  // State in SHOW PROCESSLIST; a literal

 private:
  void* thd_;
};

struct answer_text {
  std::string text;
};
using arguments = std::vector<std::optional<std::string>>;  // as text; nothing: NULL

struct function_spec {
  char const* name;
  bool gives_number;
  std::size_t least;  // arguments
  std::size_t most;
  char const* usage;  // of the arguments
  base::result<answer_text> (*run)(arguments const& given, caller const& who);
};

std::span<function_spec const> function_specs();

// What an _init function answers when it takes the call not: `message` is the server's buffer, of which it shows 80 bytes.
my_bool refuse(char* message, std::string const& why);

// How plugin_dir knows this library.
std::string library_file_name();

}  // namespace gr::mariadb
