#include "gr/mariadb/shared.hh"

#include <cstdio>

namespace gr::mariadb {

shared_state::shared_state() : options_(std::make_shared<gr::option_store>()) {}

shared_state& shared_state::instance() {
  static auto* const one = new shared_state();  // never destroyed: the library's two halves end in either order
  return *one;
}

std::shared_ptr<gr::group> shared_state::current_group() const {
  std::lock_guard const hold(mutex_);
  return group_;
}

void shared_state::set_group(std::shared_ptr<gr::group> group) {
  std::lock_guard const hold(mutex_);
  group_.swap(group);  // the one before ends with the argument, after the lock is gone
}

gr::group_status shared_state::status() const {
  if (auto const group = current_group()) return group->status();
  gr::group_status none;
  none.state = "OFFLINE";
  return none;
}

gr::server_role shared_state::role() const {
  std::lock_guard const hold(mutex_);
  return role_;
}

void shared_state::set_role(gr::server_role role) {
  bool const closed = role.single && !role.writes;
  gate_.store(closed ? write_gate::closed : role.drains ? write_gate::no_new : write_gate::open);
  {
    std::lock_guard const hold(mutex_);
    bool const took_writes = role_.primary && role_.writes;
    if (!role.primary)
      takes_over_ = false;
    else if (!role.writes || !took_writes)
      takes_over_ = true;
    role_ = std::move(role);
  }
  role_changed_.notify_all();
}

void shared_state::note_carried_out(gr::server_role const& role) {
  {
    std::lock_guard const hold(mutex_);
    if (role.writes && role_.writes) takes_over_ = false;
  }
  role_changed_.notify_all();
}

bool shared_state::await_takeover(std::chrono::steady_clock::time_point until) {
  if (!takes_over_.load(std::memory_order_relaxed)) return true;
  std::unique_lock lock(mutex_);
  return role_changed_.wait_until(lock, until, [this] { return !takes_over_; });
}

void shared_state::log(gr::server::level how, std::string const& line) const {
  if (auto const call = logger_.load())
    call(static_cast<int>(how), line.c_str());
  else
    std::fprintf(stderr, "group_replication: %s\n", line.c_str());
}

}  // namespace gr::mariadb
