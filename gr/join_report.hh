// Keeps the record of the join under way: takes what the member knows, tick by tick, and says what is worth a line of the log.
//
// Owner:  gr::member. Sees no clock: ticks are handed in.
// Always: (1) a record that is over does not change until the next join begins;
//         (2) progress is said at most every progress_line_ticks.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/ticks.hh"
#include "gr/join_record.hh"

namespace gr {

struct join_progress {  // as of now
  join_phase phase = join_phase::choosing;
  std::string method;
  base::uuid donor;
  std::string donor_name;
  std::int64_t done = 0;
  std::int64_t left = -1;
  std::int64_t received = 0;  // of done and left, those that are here
  std::uint64_t attempts = 0;
  std::uint64_t attempts_max = 0;
  std::string last_error;
};

class join_report {
 public:
  void begin();
  void decided(join_decision what);
  void copied() { ++record_.copies; }
  void read(std::size_t bytes) { record_.bytes += static_cast<std::int64_t>(bytes); }
  // The answer is a line for the error log, when one is due.
  std::optional<std::string> progressed(base::tick_count now, join_progress const& what);
  void end(join_phase how, std::string const& error);

  [[nodiscard]] bool runs() const { return joins_ > 0 && !is_over(record_.phase); }
  [[nodiscard]] join_record const& record() const { return record_; }
  // How many joins began, and how many things worth keeping happened: for whoever stores the record.
  [[nodiscard]] std::uint64_t joins() const { return joins_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  struct sample {
    base::tick_count at;
    std::int64_t done = 0;
  };
  void measure(base::tick_count now);
  [[nodiscard]] std::string line() const;

  join_record record_;
  std::optional<base::tick_count> began_;  // the first tick of it
  base::tick_count now_;
  std::optional<base::tick_count> said_;
  std::deque<sample> samples_;  // about one a second
  std::uint64_t joins_ = 0;
  std::uint64_t changes_ = 0;
  std::uint32_t decisions_ = 0;
};

}  // namespace gr
