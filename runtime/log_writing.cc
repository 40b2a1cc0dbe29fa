#include "runtime/log_writing.hh"

#include <memory>
#include <utility>

namespace runtime {
namespace {

// Less is in the page cache almost as soon as another thread is awake.
constexpr std::size_t aside_bytes_min = 4U << 20;

base::result<void> catch_up(kept_log const& where) {
  switch (where.durable) {
    case gr::durability::memory: return where.late->wait_for_room();
    case gr::durability::disk: return where.log.sync();
    case gr::durability::os: break;
  }
  return {};
}

void do_aside(stepping& steps, std::size_t bytes, std::function<base::result<void>()> how, log_outcome then) {
  auto const done = std::make_shared<base::result<void>>();
  steps.do_aside(
      bytes, [how = std::move(how), done] { *done = how(); }, [then = std::move(then), done] { then(*done); });
}

}  // namespace

void write_slot(stepping& steps, kept_log where, xcom::value const& what, std::function<base::result<void>()> how,
                log_outcome then) {
  auto const bytes = xcom::size_in_bytes(what);
  if (bytes < aside_bytes_min) return then(how());
  auto const write = [where, how = std::move(how)] {
    auto const done = how();
    return done ? catch_up(where) : done;
  };
  where.unsynced = false;  // by then, where it matters
  do_aside(steps, bytes, write, std::move(then));
}

void sync_before_answering(stepping& steps, kept_log where, log_outcome then) {
  if (!std::exchange(where.unsynced, false) || where.durable != gr::durability::disk) return;
  do_aside(
      steps, 0, [where] { return where.log.sync(); }, std::move(then));
}

}  // namespace runtime
