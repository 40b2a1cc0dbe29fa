// A simulated data directory while a clone takes the place of what was there: the steps are clone/swap's, and a kill may come
// before any of them.
// Owner:  one simulated server's storage, until it is finished.
// Always: between two steps the directory is the old one, the new one, or one that no server opens.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "clone/swap.hh"
#include "sim/database.hh"

namespace sim {

class data_exchange {
 public:
  data_exchange(bool had_data, database fresh);

  // Goes on from wherever it stood. False: killed before the step of that number (0: the first).
  bool carry_on(std::uint64_t killed_before);
  // Before the journal was on disk nothing has begun. The new data, once the exchange is done.
  [[nodiscard]] database const& fresh() const { return fresh_; }

 private:
  enum class content : std::uint8_t { old, fresh, guard };
  class files;
  void check_directory() const;

  base::blob journal_;
  std::map<std::pair<cloning::room, std::string>, content> names_;
  bool had_data_;
  database fresh_;
};

}  // namespace sim
