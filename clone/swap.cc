#include "clone/swap.hh"

#include <algorithm>

#include "base/codec.hh"

namespace cloning {
namespace {

bool is_plain_name(std::string const& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

base::result<void> guard_anchor(swap_journal const& what, swap_files& files) {
  // Only once: later the guard has that name. So the second name has to be on disk before the guard is.
  if (what.anchor_leaves && !files.holds(room::aside, what.anchor)) {
    if (auto done = files.link_aside(what.anchor); !done) return done;
    if (auto done = files.sync(); !done) return done;
  }
  if (auto done = files.guard(what.anchor); !done) return done;
  return files.sync();
}

}  // namespace

base::blob journal_bytes(swap_journal const& what) {
  auto const body = base::encode(what);
  base::writer file;
  file(base::crc32c(0, body.view()), body);
  return file.finish_flat();
}

base::result<swap_journal> parse_journal(base::blob const& bytes) {
  base::reader file(bytes);
  std::uint32_t crc = 0;
  base::blob body;
  file(crc, body);
  if (auto const whole = file.finish(); !whole) return whole.error();
  if (base::crc32c(0, body.view()) != crc) return base::fail("its checksum does not hold");
  auto what = base::decode<swap_journal>(body);
  if (!what) return what;
  bool const plain = is_plain_name(what->anchor) && is_plain_name(what->aside) &&
                     std::ranges::all_of(what->out, is_plain_name) && std::ranges::all_of(what->in, is_plain_name);
  if (!plain) return base::fail("it names a file outside the data directory");
  return what;
}

base::result<void> carry_out(swap_journal const& what, swap_files& files) {
  if (!files.holds(room::fresh, what.anchor)) return {};  // the last step was done
  if (auto done = guard_anchor(what, files); !done) return done;
  // Two files of one name may be on their way: what is aside already must not be followed there by its successor.
  for (auto const& name : what.out) {
    if (files.holds(room::aside, name) || !files.holds(room::data, name)) continue;
    if (auto done = files.move(room::data, room::aside, name); !done) return done;
  }
  for (auto const& name : what.in) {
    if (!files.holds(room::fresh, name)) continue;
    if (auto done = files.move(room::fresh, room::data, name); !done) return done;
  }
  if (auto done = files.sync(); !done) return done;
  if (auto done = files.move(room::fresh, room::data, what.anchor); !done) return done;
  return files.sync();
}

}  // namespace cloning
