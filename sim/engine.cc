#include "sim/engine.hh"

#include <fmt/format.h>

#include "certifier/write_set.hh"
#include "gr/packed_rows.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

constexpr std::uint64_t slow_factor = 100;
constexpr std::uint64_t flush_one_in = 4;
constexpr std::uint64_t at_once_one_in = 4;
constexpr std::uint64_t everywhere_one_in = 8;
constexpr std::size_t apply_at_once = 16;  // threads of the applier
constexpr std::string_view schema = "shop";
constexpr std::string_view table = "stock";

certifier::write_set keys_of(transaction const& what) {
  certifier::write_set keys;
  if (what.everything) {
    std::string_view const path[] = {schema, table};
    keys.add(path, certifier::key_kind::exclusive);
  }
  for (auto const& each : what.rows) {
    auto const row = std::to_string(each.row);
    std::string_view const path[] = {schema, table, row};
    keys.add(path, each.reference ? certifier::key_kind::reference : certifier::key_kind::exclusive);
  }
  return keys;
}

}  // namespace

engine::engine(std::string const& name, std::string address, world& shared, storage& data, engine_ports ports,
               bool runs)
    : name_(name),
      address_(std::move(address)),
      world_(shared),
      data_(data),
      ports_(std::move(ports)),
      ran_before_(runs),
      up_(runs) {
  next_ = position() + 1;
}

// ---- clients ----

bool engine::lock(transaction const& wanted) {
  if (wanted.everything && !locks_.empty()) return false;
  for (auto const& each : wanted.rows) {
    auto const held = locks_.find(each.row);
    if (held != locks_.end() && (held->second < 0 || !each.reference)) return false;
  }
  for (auto const& each : wanted.rows) {
    auto& held = locks_[each.row];
    held = each.reference ? held + 1 : -1;
  }
  return true;
}

void engine::release(std::uint64_t trx) {
  auto const at = local_.find(trx);
  if (at == local_.end()) return;
  for (auto const& each : at->second.rows) {
    auto const held = locks_.find(each.row);
    if (held->second <= 1)
      locks_.erase(held);
    else
      --held->second;
  }
  local_.erase(at);
}

std::optional<gr::local_write_set> engine::execute(base::prng& random) {
  transaction what;
  what.id = ++world_.count.submitted;
  what.everything = random.chance(1, 200);
  std::map<std::uint32_t, bool> rows;  // and whether it is only referred to
  if (!what.everything)
    for (auto left = random.between(1, world_.with.keys_max); left > 0; --left)
      rows.emplace(static_cast<std::uint32_t>(random.below(world_.with.rows)), random.chance(1, 8));
  for (auto const& [row, reference] : rows)
    what.rows.push_back({row, reference, data_.live->version(row), random.next()});
  bool const huge = world_.with.payload_huge > 0 && random.chance(1, 50);
  what.padding = base::blob(std::vector<std::uint8_t>(
      huge ? world_.with.payload_huge : random.below(world_.with.payload_max), static_cast<std::uint8_t>(what.id)));
  if (!lock(what)) return std::nullopt;
  gr::local_write_set made;
  made.trx = what.id;
  made.flags = gr::flag_start | gr::flag_end | (what.everything ? gr::flag_isolation : 0U);
  made.last_seen = position();
  made.keys = keys_of(what).encode();
  made.data = base::encode(what);
  made.everywhere = random.chance(1, everywhere_one_in);
  auto const id = what.id;
  if (made.everywhere) wait_everywhere_.insert(id);
  local_.emplace(id, std::move(what));
  return made;
}

void engine::resolve(std::uint64_t trx, gr::ordered const& outcome) {
  auto const at = local_.find(trx);
  check(at != local_.end(), [&] { return fmt::format("{}: a verdict belongs to an open transaction", name_); });
  switch (outcome.outcome) {
    case gr::order_outcome::passed:
      world_.watch.ordered(outcome.seqno, trx, true);
      return enqueue({outcome.seqno, outcome.depends_on, trx, at->second});
    case gr::order_outcome::failed:
      ++world_.count.conflicts;
      world_.watch.ordered(outcome.seqno, trx, false);
      release(trx);
      return enqueue({outcome.seqno, outcome.depends_on, 0, std::nullopt});
    case gr::order_outcome::not_sent:
    case gr::order_outcome::too_big: world_.watch.refused(trx); return release(trx);
    case gr::order_outcome::unknown: ++world_.count.unknown; return release(trx);
  }
}

// A causal read sees everything that was acknowledged to anybody before it was asked for.
void engine::answer_read(gr::seqno_t acknowledged_before, gr::ordered const& outcome) const {
  if (outcome.outcome != gr::order_outcome::passed) return;
  ++world_.count.reads;
  check(outcome.seqno >= acknowledged_before, [&] {
    return fmt::format("{}: a causal read waits for {}, {} was acknowledged before it", name_, outcome.seqno,
                       acknowledged_before);
  });
}

// ---- from the group ----

void engine::enqueue(change next) {
  check(data_.live.has_value(), [&] { return fmt::format("{} is handed {} without data", name_, next.seqno); });
  check(next.seqno == next_,
        [&] { return fmt::format("{} is handed position {}, the next one is {}", name_, next.seqno, next_); });
  ++next_;
  queue_.emplace_back(std::move(next));
  schedule();
}

void engine::deliver(gr::server_event const& event) {
  // What is not applied yet and cannot be, nobody helps with any more.
  if (auto const* last = std::get_if<gr::group_closed>(&event)) {
    last_ = *last;
    if (closed_ || failing_) return end(*last, false);
  }
  if (closed_) return;
  if (std::holds_alternative<gr::fatal_error>(event)) {  // the process ends, whatever it was about to do
    check(!up_, [&] { return fmt::format("{} runs: its process does not have to end", name_); });
    return close();
  }
  if (auto const* what = std::get_if<gr::remote_write_set>(&event)) {
    change next{what->seqno, what->depends_on, 0, std::nullopt};
    if (!what->failed) {
      auto const rows = gr::rows_of(what->data, what->packed);
      check(rows.has_value(), "packed rows arrive as they were sent");
      auto decoded = base::decode<transaction>(*rows);
      check(decoded.has_value(), "a write set arrives as it was sent");
      next.what = std::move(*decoded);
    }
    world_.watch.ordered(what->seqno, next.what ? next.what->id : 0, !what->failed);
    return enqueue(std::move(next));
  }
  if (auto const* view = std::get_if<gr::view_installed>(&event);
      view != nullptr && view->now.status == gr::view_status::primary) {
    check(connected_, [&] { return fmt::format("{} is connected before its first view", name_); });
    up_ = true;
    world_.watch.ordered(view->now.seqno, 0, false);
    return enqueue({view->now.seqno, view->now.seqno - 1, 0, std::nullopt});
  }
  if (std::holds_alternative<gr::connected_to_group>(event)) {
    check(!connected_, [&] { return fmt::format("{} is connected once", name_); });
    connected_ = true;
  }
  queue_.emplace_back(event);
  schedule();
}

// Now and then an applier is done before the thread that handed it its work goes on.
void engine::schedule() {
  if (working_ || failing_ || queue_.empty()) return;
  working_ = true;
  if (!slow_ && std::holds_alternative<change>(queue_.front()) && world_.random.chance(1, at_once_one_in))
    return work();
  auto const mean = world_.with.apply_time.value() * (slow_ ? slow_factor : 1);
  ports_.after(micros(world_.random.below(2 * mean + 1)), [this] { work(); });
}

void engine::work() {
  working_ = false;
  if (closed_) return;
  if (std::holds_alternative<change>(queue_.front())) {
    apply_together();
  } else {
    auto const event = std::get<gr::server_event>(std::move(queue_.front()));
    queue_.pop_front();
    handle(event);
  }
  schedule();
}

// Everything in front that depends on nothing uncommitted runs at the same time: each reads the rows as they are now.
void engine::apply_together() {
  std::vector<change> batch;
  gr::seqno_t const committed = position();
  while (!queue_.empty() && batch.size() < apply_at_once) {
    auto* const next = std::get_if<change>(&queue_.front());
    if (next == nullptr || (next->depends_on > committed && !batch.empty())) break;
    check(next->depends_on < next->seqno, [&] { return fmt::format("{} depends on what was before it", next->seqno); });
    if (next->depends_on > committed) break;
    if (!what_is_wrong(*next).empty()) break;
    batch.push_back(std::move(*next));
    queue_.pop_front();
  }
  if (batch.empty() && std::get<change>(queue_.front()).depends_on <= committed) return fail();
  check(!batch.empty(), [&] {
    return fmt::format("{} waits for {}, which nobody will commit; it stands at {}", name_,
                       std::get<change>(queue_.front()).depends_on, committed);
  });
  for (auto const& each : batch) commit(each);
  ports_.moved();
  if (world_.random.chance(1, flush_one_in)) ports_.flush();
}

// The same text wherever the same is wrong.
std::string engine::rows_that_differ(change const& next) const {
  if (!next.what) return {};
  for (auto const& each : next.what->rows)
    if (data_.live->version(each.row) != each.seen)
      return fmt::format("transaction {} at {} finds row {} written at {}, it had met {}", next.what->id, next.seqno,
                         each.row, data_.live->version(each.row), each.seen);
  return {};
}

// Rows differ only after a failure that some applied and others gave up.
std::string engine::what_is_wrong(change const& next) const {
  auto const differ = rows_that_differ(next);
  check(differ.empty() || (next.trx == 0 && world_.watch.has_given_up()), [&] { return name_ + ": " + differ; });
  if (!differ.empty()) return world_.mended.contains(next.seqno) ? "" : differ;
  auto const spoiled = world_.spoiled.find(next.seqno);
  bool const here = spoiled != world_.spoiled.end() && spoiled->second.servers.contains(name_);
  if (!here || !next.what || next.trx != 0) return {};
  return fmt::format("error {}", spoiled->second.error);
}

void engine::fail() {
  failing_ = std::get<change>(std::move(queue_.front()));
  queue_.pop_front();
  ++world_.count.failures;
  world_.trace(name_, fmt::format("cannot apply {}", failing_->seqno));
  if (last_) return end(*last_, false);
  ports_.tell(gr::apply_failed{failing_->seqno, what_is_wrong(*failing_)});
}

void engine::settle(gr::seqno_t seqno, gr::failure_outcome how) {
  if (!failing_ || failing_->seqno != seqno || closed_) return;
  bool const by_hand = !rows_that_differ(*failing_).empty();
  failing_.reset();
  if (how == gr::failure_outcome::unknown && by_hand) world_.mended.insert(seqno);
  if (how != gr::failure_outcome::given_up) return close();
  ++world_.count.given_up;
  world_.watch.settled(seqno);
  data_.live->give_up(seqno);
  world_.watch.committed(name_, *data_.live);
  ports_.moved();
  schedule();
}

void engine::commit(change const& next) {
  if (next.what)
    data_.live->apply(next.seqno, *next.what);
  else
    data_.live->skip(next.seqno);
  world_.watch.committed(name_, *data_.live);
  if (next.trx == 0) return;
  ++world_.count.acknowledged;
  world_.watch.acknowledged(next.trx, next.seqno);
  release(next.trx);
  if (wait_everywhere_.erase(next.trx) > 0) ports_.tell(gr::wait_everywhere{next.trx, next.seqno});
}

void engine::handle(gr::server_event const& event) {
  if (std::holds_alternative<gr::connected_to_group>(event)) return;
  if (auto const* at = std::get_if<gr::resume_at>(&event)) {
    check(connected_, [&] { return fmt::format("{} is connected before it is told where it stands", name_); });
    check(position() == at->own.seqno, [&] {
      return fmt::format("{} is told that it stands at {}, it stands at {}", name_, at->own.seqno, position());
    });
    up_ = true;
  } else if (auto const* view = std::get_if<gr::view_installed>(&event)) {
    ready_ = false;  // without a majority
    check(position() >= view->now.seqno, [&] {
      return fmt::format("{} waits for {} and stands at {}, with nothing to apply", name_, view->now.seqno, position());
    });
  } else if (std::holds_alternative<gr::state_needed>(event)) {
    check(!ran_before_, [&] { return fmt::format("{} runs: it is not asked to take a copy", name_); });
    ports_.tell(gr::state_request_ready{up_ ? base::blob{} : base::blob::copy_of(address_)});
  } else if (auto const* donation = std::get_if<gr::donate_state>(&event)) {
    ports_.donate(*donation);
  } else if (std::holds_alternative<gr::caught_up>(event)) {
    ready_ = true;
    ports_.caught_up();
  } else if (auto const* last = std::get_if<gr::group_closed>(&event)) {
    end(*last, last->may_return);
  }
}

// Said later: whoever is told may begin anew, without what is under way here.
void engine::end(gr::group_closed const& last, bool may_return) {
  ready_ = false;
  closed_ = true;
  ports_.after(micros(0), [closed = ports_.closed, why = last.why, may_return] { closed(why, may_return); });
}

// ---- a copy ----

void engine::begin_to_receive(bool keeps_old) {
  check(!up_, [&] { return fmt::format("{} does not lose the data it serves to a copy", name_); });
  keeps_old_ = keeps_old;
  if (!keeps_old) data_ = {};
  receiving_ = true;
}

void engine::receive(database copy) {
  receiving_ = false;
  data_.live = std::move(copy);
  world_.watch.received_copy(name_, *data_.live);
  ports_.flush();
  next_ = position() + 1;
  up_ = true;
}

}  // namespace sim
