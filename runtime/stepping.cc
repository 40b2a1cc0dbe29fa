#include "runtime/stepping.hh"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "runtime/node_settings.hh"

namespace runtime {
namespace {

constexpr std::uint64_t speaks_ticks_min = 100;            // what anything may take
constexpr std::size_t speaks_bytes_per_tick = 100U << 10;  // of a slow disk, 10 MB/s
constexpr std::uint64_t bytes_waiting_max = 64U << 20;     // of what is read while the node stands still

bool leaves_this_member(xcom::action const& what) {
  return std::holds_alternative<xcom::send>(what) || std::holds_alternative<xcom::serve_log>(what) ||
         std::holds_alternative<xcom::deliver>(what) || std::holds_alternative<xcom::send_welcome>(what);
}

}  // namespace

stepping::stepping(boost::asio::io_context& strand, parts with)
    : strand_(strand), with_(std::move(with)), aside_(strand) {}

void stepping::hear(xcom::member_id const& from, xcom::wire_message what) {
  auto const& waits = events_.emplace_back(xcom::received{from, std::move(what)});
  settle_soon();
  if (!busy()) return;
  auto* const net = with_.net();
  if (auto* const node = with_.node()) node->hear(std::get<xcom::received>(waits));
  // What comes in meanwhile waits in memory, until it is too much.
  if (net != nullptr && net->counters().bytes_read - bytes_read_before_ > bytes_waiting_max) net->hold_reading(true);
}

void stepping::settle() {
  if (std::exchange(runs_, true)) return;
  for (auto* node = with_.node(); node != nullptr && !events_.empty(); node = with_.node()) {
    std::vector<xcom::event> const events(std::make_move_iterator(events_.begin()),
                                          std::make_move_iterator(events_.end()));
    events_.clear();
    node->step(events, actions_);
    carry_out();
    if (busy()) return;
  }
  runs_ = false;
}

// The rest of the step, from the action on that comes next. One that is done aside ends it for now.
void stepping::carry_out() {
  while (performed_ < actions_.size()) {
    if (leaves_this_member(actions_[performed_])) with_.sync();
    if (busy()) return;
    auto const& next = actions_[performed_++];
    note_heartbeat(next);
    with_.perform(next);
    if (busy()) return;
  }
  actions_.clear();
  performed_ = 0;
}

void stepping::note_heartbeat(xcom::action const& what) {
  auto const* sent = std::get_if<xcom::send>(&what);
  auto const* said = sent == nullptr ? nullptr : std::get_if<xcom::heartbeat>(&sent->what);
  if (said == nullptr) return;
  said_ = *said;
  said_at_ = tick_now();
}

void stepping::settle_soon() {
  if (std::exchange(*soon_, true)) return;
  boost::asio::post(strand_, [this, weak = std::weak_ptr<bool>(soon_)] {
    auto const soon = weak.lock();
    if (!soon) return;
    *soon = false;
    settle();
  });
}

std::uint64_t stepping::submissions_waiting() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(events_, [](auto const& each) { return std::holds_alternative<xcom::submitted>(each); }));
}

void stepping::do_aside(std::size_t bytes, std::function<void()> work, std::function<void()> then) {
  speaks_until_ = tick_now().plus(speaks_ticks_min + bytes / speaks_bytes_per_tick);
  if (auto const* net = with_.net()) bytes_read_before_ = net->counters().bytes_read;
  aside_.begin(std::move(work), [this, then = std::move(then)] {
    if (auto* const net = with_.net()) net->hold_reading(false);
    then();
    if (!busy()) carry_out();
    if (busy()) return;
    runs_ = false;
    settle_soon();  // behind who waits
  });
}

void stepping::tick_when_free(std::function<void()> what) {
  if (std::exchange(tick_waits_, true)) return;
  when_free([this, what = std::move(what)] {
    tick_waits_ = false;
    what();
  });
}

void stepping::tick(base::tick_count now) {
  if (auto const* net = with_.net())
    for (auto const& each : net->arriving()) push(xcom::arriving{each});
  push(xcom::ticked{now});
  settle();
}

bool stepping::keep_alive() {
  auto const now = tick_now();
  auto* const node = with_.node();
  auto* const net = with_.net();
  if (node == nullptr || net == nullptr || now > speaks_until_ || !said_) return false;
  if (now.value() - said_at_.value() < node->config().heartbeat_ticks.value()) return false;
  std::vector<xcom::action> words;
  if (!node->keep_alive(now, *said_, words)) return false;
  said_at_ = now;
  for (auto const& each : words) {
    auto const& word = std::get<xcom::send>(each);
    net->send(word.address, word.what);
  }
  return true;
}

}  // namespace runtime
