#include "sim/exit_watch.hh"

#include <fmt/format.h>

#include <utility>

#include "sim/failure.hh"

namespace sim {

void exit_watch::tries_again(std::string const& who, std::uint64_t may) {
  check(out_, [&] { return who + " is out of its group when it asks to be taken in again"; });
  check(!acted_, [&] { return who + " does nothing by itself any more once it has acted"; });
  ++attempts_;
  check(attempts_ <= may,
        [&] { return fmt::format("{} comes back in {} attempts at most, not {}", who, may, attempts_); });
}

void exit_watch::acts(std::string const& who) {
  check(out_, [&] { return who + " is out of its group when it acts on that"; });
  check(!std::exchange(acted_, true), [&] { return who + " acts once on being out of its group"; });
}

void exit_watch::takes_write(std::string const& who) const {
  check(!out_, [&] { return who + " takes no write from the moment it dropped out until it is ONLINE"; });
}

bool exit_watch::online() {
  bool const came_back = attempts_ > 0;
  *this = {};
  return came_back;
}

}  // namespace sim
