// The processes of messages_bench, seen by the one that measures: forked, told what to do, asked, and gone in the end.
//
// Owner:  the measuring process's only thread.
// Errors: exceptions, for main(): a run that cannot be measured is over.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "bench/messages/member.hh"

namespace bench {

// Far more than any step takes: a group that does not come together must not hold up who waits for the table.
inline constexpr auto patience = std::chrono::seconds(20);

// Ending by a signal still has to take the directory away.
void catch_signals();
// Sleeps; ends early, by an exception, when a signal came.
void wait_for(double seconds);

class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(temporary_directory const&) = delete;
  temporary_directory& operator=(temporary_directory const&) = delete;
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  std::string path_;
};

// A member's process, from here. It does not outlive this, nor the process that made it.
class child {
 public:
  child(std::string directory, unsigned number, member_config const& config);
  ~child();
  child(child const&) = delete;
  child& operator=(child const&) = delete;

  void give(order const& what) const;
  [[nodiscard]] report take(report::kind due) const;
  void signal(int number) const;

 private:
  [[noreturn]] static void be_member(int control, std::string directory, unsigned number, member_config const& config,
                                     pid_t parent) noexcept;
  pid_t pid_ = -1;
  int control_ = -1;
};

using reports = std::vector<report>;

// The first member founded the group and leads it.
class group {
 public:
  group(std::string const& directory, member_config const& config);

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] child const& at(std::size_t number) const { return all_.at(number); }
  void load(std::size_t number, std::size_t payload_min, std::size_t payload_max, std::size_t outstanding) const;
  // Of all members, or of all but one that cannot answer: its report is empty.
  [[nodiscard]] reports sample() const { return sample_but(all_.size()); }
  [[nodiscard]] reports sample_but(std::size_t number) const;

 private:
  [[nodiscard]] reports collect(report::kind due, std::size_t but) const;

  std::deque<child> all_;
};

}  // namespace bench
