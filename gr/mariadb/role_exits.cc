// role_keeper's part in what a server does that dropped out of its group: steps of gr/exit_policy.hh as statements.
#include <iterator>
#include <utility>

#include "gr/mariadb/local_sql.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"
#include "runtime/node_settings.hh"

namespace gr::mariadb {
namespace {

std::string does(exit_action what) {
  std::string const mend = ". Once what is wrong is mended: SET @done = group_replication_start(), or restart it";
  switch (what) {
    case exit_action::read_only: return "stays read-only" + mend;
    case exit_action::offline_mode: return "sends its clients away" + mend;
    case exit_action::abort_server: return "shuts down";
  }
  return {};
}

}  // namespace

exit_settings role_keeper::exit_settings_now() {
  auto const options = shared_state::instance().options();
  exit_settings set;
  set.tries = static_cast<std::uint64_t>(options->number("group_replication_autorejoin_tries"));
  set.interval = std::chrono::milliseconds(options->number("group_replication_autorejoin_interval"));
  set.action = exit_action_named(options->text("group_replication_exit_state_action")).value_or(set.action);
  return set;
}

void role_keeper::take(std::vector<exit_step> steps) {
  steps_.insert(steps_.end(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
}

void role_keeper::note_dropped(std::string const& why, bool may_return) {
  {
    std::lock_guard const hold(mutex_);
    take(exits_.dropped(why, may_return, runtime::since_boot(), exit_settings_now()));
  }
  changed_.notify_all();
}

void role_keeper::note_asked() {
  std::lock_guard const hold(mutex_);
  exits_.asked();
}

void role_keeper::note_online() {
  {
    std::lock_guard const hold(mutex_);
    take(exits_.online());
  }
  changed_.notify_all();
}

std::string role_keeper::exit_text() {
  std::lock_guard const hold(mutex_);
  return exits_.describe(runtime::since_boot(), exit_settings_now());
}

void role_keeper::carry_out(exit_step const& step) {
  std::visit([this](auto const& what) { on(what); }, step);
}

// Outside the group the server refuses statements anyway; who switches that off (wsrep_on, wsrep_dirty_reads) still finds it
// read-only. Somebody else's read_only is left as it is, now and later.
void role_keeper::on(hold_writes const&) {
  auto const now = run_sql("SELECT @@GLOBAL.read_only");
  if (now && !now->empty() && now->front().front() == "0") set_read_only(true);
}

// The role says what it is to be; it may have been said while writes were held.
void role_keeper::on(release_writes const&) {
  if (std::exchange(sent_away_, false)) (void)try_statement("SET GLOBAL wsrep_reject_queries = NONE");
  done_.reset();
}

void role_keeper::on(come_back const& step) {
  auto const tries = exit_settings_now().tries;
  auto const address = cluster_address();
  log_warning("attempt " + std::to_string(step.attempt) + " of " + std::to_string(tries) +
              " to come back to the group at " + address);
  bool const done = !address.empty() && try_statement("SET GLOBAL wsrep_cluster_address = " + quoted(address));
  if (done && shared_state::instance().status().connected) return;
  std::lock_guard const hold(mutex_);
  if (exits_.now_in() != exit_policy::phase::trying) return;  // the group has said why
  take(exits_.dropped("the group at " + address + " could not be joined", true, runtime::since_boot(),
                      exit_settings_now()));
}

void role_keeper::on(act_on_exit const& step) {
  log_error("this server is out of the group (" + step.why + "), and " + does(step.what) +
            " (group_replication_exit_state_action)");
  if (step.what == exit_action::offline_mode) sent_away_ = try_statement("SET GLOBAL wsrep_reject_queries = ALL_KILL");
  if (step.what == exit_action::abort_server) (void)try_statement("SHUTDOWN");
}

}  // namespace gr::mariadb
