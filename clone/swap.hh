// Old data out of a data directory, new data in, name by name, so that whoever is killed in between can go on where it stood.
//
// Why not one rename of the whole directory: it may be a mount point, and the directory above it belongs to somebody else.
// Always: whoever starts a server in the directory finds the old data whole, or the new data whole, or an anchor (the first
//         file of InnoDB's system tablespace) that InnoDB refuses to open:
//         (1) before anything moves, the old anchor gets a second name aside and a guard takes its place, in one rename;
//         (2) the new anchor replaces the guard, in one rename, after everything else has moved;
//         (3) the journal is on disk before (1) and goes after (2), and with it each step can be repeated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/blob.hh"
#include "base/result.hh"

namespace cloning {

struct swap_journal {
  std::string anchor;            // "ibdata1"
  bool anchor_leaves = false;    // false: there was none, and so no data worth the name
  std::string aside;             // where the old data goes, a directory beside the new data's
  std::vector<std::string> out;  // names that leave, the anchor apart
  std::vector<std::string> in;   // names that come, the anchor apart

  template <class Codec> void fields(Codec& c) { c(anchor, anchor_leaves, aside, out, in); }
  friend bool operator==(swap_journal const&, swap_journal const&) = default;
};

// The journal as a file's bytes, and back. Errors: cut short, a checksum that does not hold, a name with a '/'.
base::blob journal_bytes(swap_journal const& what);
base::result<swap_journal> parse_journal(base::blob const& bytes);

enum class room : std::uint8_t {
  data,   // the data directory
  aside,  // where the old data goes
  fresh,  // where the new data was prepared
};

// The file system, in the words of a swap.
class swap_files {
 public:
  virtual ~swap_files() = default;
  virtual bool holds(room where, std::string const& name) = 0;
  // In one rename. A file in the way is replaced.
  virtual base::result<void> move(room from, room to, std::string const& name) = 0;
  // A second name for the file of that name in `data`, in `aside`.
  virtual base::result<void> link_aside(std::string const& name) = 0;
  // Something InnoDB refuses takes the place of the file of that name in `data`, in one rename.
  virtual base::result<void> guard(std::string const& name) = 0;
  // What was done so far stays done when the machine stops here.
  virtual base::result<void> sync() = 0;
};

// From wherever it stood to the end. Called again after an error or a kill, it goes on. Cost: one rename a name.
base::result<void> carry_out(swap_journal const& what, swap_files& files);

}  // namespace cloning
