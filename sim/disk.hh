// One server's disk, as the agreed log sees it: files that survive a killed process and may not survive a power failure.
// Owner:  one simulated server; outlives its processes.
// Always: (1) bytes appended before a process died are there for the next one (durability OS);
//         (2) bytes synced are there after a power failure; of the rest a prefix survives, its last sectors perhaps torn.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/prng.hh"
#include "xcom/agreed_log.hh"

namespace sim {

class disk final : public xcom::segment_files {
 public:
  disk(std::string owner, base::prng random);

  std::vector<std::uint64_t> list() override;
  base::result<base::blob> read_all(std::uint64_t segment) override;
  base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) override;
  base::result<void> append(std::uint64_t segment, base::chain const& bytes) override;
  base::result<void> truncate(std::uint64_t segment, std::uint64_t length) override;
  base::result<void> remove(std::uint64_t segment) override;
  base::result<void> sync(std::uint64_t segment) override;
  std::string name(std::uint64_t segment) const override;

  // The next append writes only a part of its bytes and throws process_killed.
  void kill_in_next_append() { kill_next_ = true; }
  void disarm() { kill_next_ = false; }
  // While set, appends fail with "disk full".
  void set_full(bool full) { full_ = full; }
  // While set, some appends fail and others do not, as where a little room is left.
  void set_failing(bool fails) { fails_ = fails; }
  void lose_power();
  void wipe() { files_.clear(); }
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct file {
    std::vector<std::uint8_t> bytes;
    std::size_t synced = 0;
  };
  base::result<file*> find(std::uint64_t segment);

  std::string owner_;
  base::prng random_;
  std::map<std::uint64_t, file> files_;
  bool kill_next_ = false;
  bool full_ = false;
  bool fails_ = false;
};

}  // namespace sim
