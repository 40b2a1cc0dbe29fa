#include "gr/mariadb/events.hh"

#include <algorithm>

namespace gr::mariadb {
namespace {

bool is_closing(server_event const& event) { return std::holds_alternative<group_closed>(event); }

}  // namespace

bool is_exclusive(server_event const& event) { return !std::holds_alternative<remote_write_set>(event); }

seqno_t position_of(server_event const& event) {
  if (auto const* write_set = std::get_if<remote_write_set>(&event)) return write_set->seqno;
  if (auto const* installed = std::get_if<view_installed>(&event))
    if (installed->now.status == view_status::primary) return installed->now.seqno;
  return -1;
}

void event_queue::open() {
  std::lock_guard const hold(mutex_);
  events_.clear();
  closed_ = closing_ = exclusive_ = false;
  ++session_;
  changed_.notify_all();
}

void event_queue::push(server_event event) {
  std::lock_guard const hold(mutex_);
  if (closed_ || closing_) return;
  closing_ = is_closing(event);
  events_.push_back(std::move(event));
  length_max_ = std::max(length_max_, events_.size());
  samples_total_ += events_.size();
  ++samples_;
  if (closing_ && gate_.close()) drop_held_at_close();
  changed_.notify_one();
}

// Whoever paused the server may only resume it after the group is gone, so what he holds back is not waited for; the log
// has it when this server comes again.
void event_queue::drop_held_at_close() {
  std::erase_if(events_,
                [this](server_event const& event) { return !is_closing(event) && gate_.holds(position_of(event)); });
}

bool event_queue::may_take() {
  if (exclusive_ || events_.empty()) return false;
  return is_closing(events_.front()) || gate_.admit(position_of(events_.front()));
}

server_event event_queue::pop() {
  auto event = std::move(events_.front());
  events_.pop_front();
  exclusive_ = is_exclusive(event);
  return event;
}

event_queue::session_no event_queue::session() const {
  std::lock_guard const hold(mutex_);
  return session_;
}

std::optional<server_event> event_queue::take(session_no session) {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return closed_ || session != session_ || may_take(); });
  if (closed_ || session != session_) return std::nullopt;
  return pop();
}

std::optional<server_event> event_queue::take_now() {
  std::lock_guard const hold(mutex_);
  if (closed_ || !may_take()) return std::nullopt;
  return pop();
}

void event_queue::done() {
  std::lock_guard const hold(mutex_);
  exclusive_ = false;
  changed_.notify_all();
}

void event_queue::close(session_no session) {
  std::lock_guard const hold(mutex_);
  if (session != session_) return;
  closed_ = true;
  events_.clear();
  changed_.notify_all();
}

bool event_queue::is_ending() const {
  std::lock_guard const hold(mutex_);
  return closed_ || closing_;
}

void event_queue::pause_changed() {
  std::lock_guard const hold(mutex_);
  if (closing_) drop_held_at_close();
  changed_.notify_all();
}

event_queue::statistics event_queue::look() const {
  std::lock_guard const hold(mutex_);
  double const average = samples_ == 0 ? 0 : static_cast<double>(samples_total_) / static_cast<double>(samples_);
  return {events_.size(), length_max_, length_min_, average};
}

void event_queue::reset_statistics() {
  std::lock_guard const hold(mutex_);
  length_max_ = events_.size();
  samples_ = samples_total_ = 0;
}

}  // namespace gr::mariadb
