// A number that one process keeps current and another reads as often as it likes: eight bytes of a file that both have mapped.
// Any thread. Cost of a set or a get: a store or a load, no system call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hh"

namespace runtime {

class shared_count {
 public:
  // Begins at 0, whatever the file held. Errors: the system's, with the file's name.
  static base::result<shared_count> make(std::string const& path);
  // Of a process that made it. Errors: there is no such file, or it holds no number.
  static base::result<shared_count> look(std::string const& path);

  void set(std::uint64_t value) const;  // only by who made it
  [[nodiscard]] std::uint64_t get() const;

 private:
  explicit shared_count(std::shared_ptr<std::uint64_t> where) : where_(std::move(where)) {}
  static base::result<shared_count> map(std::string const& path, int flags, int access);

  std::shared_ptr<std::uint64_t> where_;  // unmapped with the last copy
};

}  // namespace runtime
