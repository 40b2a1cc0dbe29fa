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
  go_on();
}

// From the action on that comes next. One that is done aside ends it for now.
void stepping::go_on() {
  for (;;) {
    while (performed_ < actions_.size()) {
      if (leaves_this_member(actions_[performed_])) with_.sync();
      if (busy()) return;
      with_.perform(actions_[performed_++]);
      if (busy()) return;
    }
    actions_.clear();
    performed_ = 0;
    auto* const node = with_.node();
    if (node == nullptr || events_.empty()) break;
    std::vector<xcom::event> const events(std::make_move_iterator(events_.begin()),
                                          std::make_move_iterator(events_.end()));
    events_.clear();
    node->step(events, actions_);
  }
  runs_ = false;
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
    if (!busy()) go_on();
  });
}

bool stepping::keep_alive() {
  auto const now = tick_now();
  auto* const node = with_.node();
  auto* const net = with_.net();
  if (node == nullptr || net == nullptr || now > speaks_until_) return false;
  std::vector<xcom::action> words;
  node->keep_alive(now, words);
  for (auto const& each : words) {
    auto const& word = std::get<xcom::send>(each);
    net->send(word.address, word.what);
  }
  return node->hears_majority();
}

}  // namespace runtime
