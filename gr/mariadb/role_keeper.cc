#include "gr/mariadb/role_keeper.hh"

#include <algorithm>
#include <chrono>

#include "gr/mariadb/functions.hh"
#include "gr/mariadb/local_sql.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"
#include "runtime/node_settings.hh"

namespace gr::mariadb {
namespace {

constexpr auto look_again = std::chrono::milliseconds(50);  // whether the server is up
constexpr auto client_hears_first = std::chrono::milliseconds(200);

// What the server looks at with each statement and each commit. SET GLOBAL read_only sets it under a lock that waits for
// every open transaction, and that every applier then waits for. Nothing here needs that lock: what gets past is refused in
// the log. Set before the SET, it makes that one find nothing to wait for.
void refuse_writes_at_once() {
  if (auto* const in_force = server_variable<char volatile>("opt_readonly"); in_force != nullptr) *in_force = 1;
}

}  // namespace

std::string role_keeper::cluster_address() {
  auto const* const value = server_variable<char const*>("wsrep_cluster_address");
  return value == nullptr || *value == nullptr ? std::string{} : std::string(*value);
}

role_keeper& role_keeper::instance() {
  static auto* const one = new role_keeper;  // the provider may speak of roles when the plugin is gone
  return *one;
}

void role_keeper::start() {
  std::lock_guard const hold(mutex_);
  ends_ = false;
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void role_keeper::stop() {
  {
    std::lock_guard const hold(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void role_keeper::take(server_role const& now) {
  if (now.single && !now.writes) refuse_writes_at_once();
  {
    std::lock_guard const hold(mutex_);
    wanted_ = now;
    if (!thread_.joinable()) shared_state::instance().note_carried_out(now);
  }
  changed_.notify_all();
}

base::result<void> role_keeper::begin(wish what) {
  {
    std::lock_guard const hold(mutex_);
    auto const address = cluster_address();
    if (what == wish::leave && address.empty()) return base::fail("this server is in no group");
    if (what == wish::join && !leaves_ && shared_state::instance().status().connected)
      return base::fail("this server is in the group already");
    if (what == wish::join && address.empty() && left_address_.empty())
      return base::fail("it is not known where the group is: SET GLOBAL wsrep_cluster_address = 'gr://host:port,...'");
    if (!thread_.joinable()) return base::fail("the plugin group_replication is not loaded");
    wish_ = what;
    exits_.asked();
    leaves_ = what == wish::leave;
  }
  changed_.notify_all();
  return {};
}

void role_keeper::work() {
  sql_thread const held;
  std::unique_lock lock(mutex_);
  while (!ends_) {
    if (!server_takes_statements()) {
      changed_.wait_for(lock, look_again);
      continue;
    }
    if (!functions_there_ &&
        shared_state::instance().provider_is_loaded()) {  // they would hold the library, for nothing
      lock.unlock();
      create_functions();
      lock.lock();
      continue;
    }
    take(exits_.passed(runtime::since_boot(), exit_settings_now()));
    if (auto const task = next_task()) {
      lock.unlock();
      task();
      lock.lock();
    } else {
      wait_for_news(lock);
    }
  }
}

// A member on its way back has a role, and no say yet: that waits until writes are not held any more.
std::function<void()> role_keeper::next_task() {
  if (!steps_.empty()) {
    auto step = std::move(steps_.front());
    steps_.pop_front();
    return [this, step] { carry_out(step); };
  }
  if (wanted_ && wanted_ != done_ && !exits_.holds_writes())
    return [this, now = *wanted_] {
      carry_out(now);
      shared_state::instance().note_carried_out(now);
    };
  if (auto const asked = std::exchange(wish_, std::nullopt)) return [this, what = *asked] { carry_out(what); };
  return {};
}

// An attempt that is due may be made earlier by SET.
void role_keeper::wait_for_news(std::unique_lock<std::mutex>& lock) {
  constexpr auto settings_are_seen = std::chrono::seconds(1);
  auto const due = exits_.due();
  if (!due) return changed_.wait(lock);
  changed_.wait_for(lock, std::clamp<std::chrono::milliseconds>(*due - runtime::since_boot(),
                                                                std::chrono::milliseconds(1), settings_are_seen));
}

bool role_keeper::try_statement(std::string const& statement) {
  auto const done = run_sql(statement);
  if (!done) log_warning(statement + ": " + done.error().text);
  return done.has_value();
}

// On each server by itself: a user's CREATE FUNCTION would go through the group, and to members that have no such file.
void role_keeper::create_functions() {
  functions_there_ = true;  // or said why not; the next start tries again
  auto const file = library_file_name();
  for (auto const& each : function_specs())
    (void)try_statement(std::string("CREATE FUNCTION IF NOT EXISTS ") + each.name + " RETURNS " +
                        (each.gives_number ? "INTEGER" : "STRING") + " SONAME " + quoted(file));
}

void role_keeper::carry_out(server_role const& now) {
  auto const before = std::exchange(done_, now);
  bool const was_primary = before && before->primary;
  if (now.single && !now.writes) {
    set_read_only(true);
  } else if (now.single ? now.lift_read_only && !(before && before->writes && before->single) : set_read_only_) {
    set_read_only(false);
  }
  // Its replication threads pass by read_only, and the log would refuse what they do.
  if (now.single && !now.primary && (was_primary || !before || !before->single)) stop_channels();
  if (now.single && now.writes && now.start_channels && !(before && before->single && before->writes)) start_channels();
}

void role_keeper::set_read_only(bool on) {
  if (on) refuse_writes_at_once();
  set_read_only_ = on;
  (void)try_statement(std::string("SET GLOBAL read_only = ") + (on ? "ON" : "OFF"));
}

void role_keeper::start_channels() {
  auto const channels = run_sql("SHOW ALL SLAVES STATUS");
  if (!channels || channels->empty()) return;
  log_warning("this server is the primary now: its replication channels are started");
  (void)try_statement("START ALL SLAVES");
}

void role_keeper::stop_channels() {
  auto const channels = run_sql("SHOW ALL SLAVES STATUS");
  if (!channels || channels->empty()) return;
  log_warning(
      "this server is a secondary: its replication channels are stopped, what they bring belongs to the primary");
  (void)try_statement("STOP ALL SLAVES");
}

void role_keeper::carry_out(wish what) {
  std::this_thread::sleep_for(client_hears_first);
  auto const address = cluster_address();
  if (!address.empty()) {
    std::lock_guard const hold(mutex_);
    left_address_ = address;
  }
  (void)try_statement("SET GLOBAL wsrep_cluster_address = " + quoted(what == wish::leave ? "" : left_address_));
  std::lock_guard const hold(mutex_);
  if (what == wish::leave) leaves_ = false;
}

}  // namespace gr::mariadb
