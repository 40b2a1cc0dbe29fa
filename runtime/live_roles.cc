// Who takes the writes (gr/primary.cc), as this member's options begin it, its users change it, and its clock limits it.
#include <ctime>
#include <utility>

#include "runtime/live_group.hh"
#include "runtime/node_settings.hh"

namespace runtime {
namespace {

constexpr auto patience = std::chrono::seconds(10);
constexpr char const* mode_option = "group_replication_single_primary_mode";
constexpr char const* election_option = "group_replication_primary_election_mode";

}  // namespace

// Of a group that this member founds. Who joins one takes it as it is.
gr::group_roles live_group::first_roles(gr::seqno_t position) const {
  auto const& options = *options_.options;
  auto const mode = options.flag(mode_option) ? gr::primary_mode::single : gr::primary_mode::multi;
  auto const elects = gr::election_mode_named(options.text(election_option));
  return gr::founding_roles(mode, elects.value_or(gr::election_mode::weight_only), self_, position);
}

// The variables show what holds, not what this member would have begun with.
void live_group::show_roles_in_options() {
  if (!member_ || !member_->online()) return;
  auto const& roles = member_->roles();
  bool const single = roles.mode == gr::primary_mode::single;
  auto& options = *options_.options;
  auto const show = [&](char const* name, std::string const& before, std::string const& now) {
    if (before == now) return;
    if (auto const set = options.set(name, now, gr::option_store::moment::before_start); !set)
      return say(gr::server::level::warning, set.error().text);
    say(gr::server::level::info, std::string(name) + " is " + now + " in this group");
  };
  show(mode_option, options.flag(mode_option) ? "ON" : "OFF", single ? "ON" : "OFF");
  show(election_option, options.text(election_option), gr::to_string(roles.elects));
}

// A primary that was stopped, or whose host was, finds out that it is late before it hears from anybody. What keeps its
// writes out is the log (gr/roles.hh); the lease keeps it from waiting for an answer, and bounds how long it calls itself
// the primary.
void live_group::renew_lease() {
  bool const single = member_ && member_->roles().mode == gr::primary_mode::single;
  if (!single) return lease_ends_.store(0, std::memory_order_relaxed);
  if (!node_->have_quorum() || node_->finds_its_feet()) return;
  auto const silence = node_->config().suspect_ticks.value() * base::tick_milliseconds;
  lease_ends_.store(since_boot().count() + static_cast<std::int64_t>(silence), std::memory_order_relaxed);
}

bool live_group::lease_is_over() const {
  auto const ends = lease_ends_.load(std::memory_order_relaxed);
  return ends != 0 && since_boot().count() > ends;
}

base::result<void> live_group::change_roles(gr::role_request const& wish) {
  auto const who = std::make_shared<ticket<gr::ordered>>();
  post([this, wish, who] { begin_to_change_roles(wish, who); });
  if (!is_open()) return base::fail("this server is not connected to a group");
  auto const done = who->wait_for(patience);
  if (!done) return base::fail("no answer within " + std::to_string(patience.count()) + " s: is there a majority?");
  return done->outcome == gr::order_outcome::passed ? base::result<void>{} : base::fail(done->why);
}

void live_group::begin_to_change_roles(gr::role_request const& wish, waiter const& who) {
  auto const refuse = [&](std::string const& why) { who->answer({gr::order_outcome::not_sent, -1, -1, why}); };
  if (auto const why = why_refused(); !why.empty()) return refuse(why);
  auto const change = member_->role_change_for(wish);
  if (!change) return refuse(change.error().text);
  auto const seq = next_seq();
  waiting_[seq.value()] = who;
  step_member(gr::awaited{seq});
  steps_->push(xcom::submitted{seq, base::encode(gr::ordered_message(*change))});
}

gr::role_status live_group::describe_roles() const {
  auto const& roles = member_->roles();
  gr::role_status shown;
  shown.epoch = roles.epoch;
  shown.single = roles.mode == gr::primary_mode::single;
  shown.primary = roles.primary.uuid;
  if (roles.switching) shown.switching_to = roles.switching->to.uuid;
  shown.lift_read_only = roles.actions.lift_read_only;
  shown.start_channels = roles.actions.start_channels;
  shown.actions_version = roles.actions.version;
  shown.own = member_->role();
  shown.news = member_->role_news();
  return shown;
}

}  // namespace runtime
