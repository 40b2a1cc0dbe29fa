// How a member begins (found a group, come back with a whole log, ask to be taken in) and how it ends.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "gr/beginning.hh"
#include "gr/history.hh"
#include "gr/isolation.hh"
#include "runtime/live_group.hh"
#include "runtime/log_files.hh"
#include "runtime/node_settings.hh"

namespace runtime {
namespace {

using gr::server;

base::uuid random_uuid() {
  auto random = make_prng();
  return base::make_uuid(random.next(), random.next());
}

// With the log in the page cache a member is the one it was as long as the host has not restarted.
}  // namespace

base::result<void> live_group::listen() {
  transport_config config;
  config.listen_address = options_.listen_host + ":" + std::to_string(options_.listen_port);
  config.self_address = own_address_;
  config.group_name = group_name_;
  config.self = self_;
  config.boot = boot_;
  config.allowed = allowlist_of(*options_.options);
  config.tls = tls_;
  transport_callbacks calls;
  calls.on_message = [this](xcom::member_id const& from, xcom::wire_message what) {
    if (gr::isolated()) return;
    steps_->hear(from, std::move(what));
  };
  calls.on_link_lost = [this](std::string const& address) {
    steps_->push(xcom::link_lost{address});
    steps_->settle_soon();
  };
  calls.on_rejected = [this](std::string const& address, std::string const& why) {
    if (std::exchange(refusals_[address], why) != why)
      say(server::level::error, address + " refused this member: " + why);
    if (connecting_) {
      connecting_->answer(base::fail(address + " refused this member: " + why));
      connecting_.reset();
    }
  };
  calls.on_untrusted = [this](std::string const& address, std::string const& why) { note_untrusted(address, why); };
  // A connection that ends is a reason to warn only between members: who has left, or leaves, closes it in order.
  calls.on_log = [this](std::string const& line) {
    bool const between_members = node_ && !closing_ && node_->is_member() &&
                                 std::ranges::any_of(node_->current_site().members, [&](auto const& each) {
                                   return line.find(each.address) != std::string::npos;
                                 });
    say(between_members ? server::level::warning : server::level::info, line);
  };
  if (net_) net_->close();
  net_ = std::make_unique<transport>(io_, config, std::move(calls));
  return net_->listen();
}

base::result<xcom::recovered_log> live_group::open_log(log_keeping const& kept) {
  durable_ = durability_of(*options_.options);
  auto const files = make_log_files(options_.data_dir, durable_);
  late_ = files.late;
  log_ = std::make_unique<xcom::agreed_log>(log_settings(*options_.options, kept), files.all);
  auto found = log_->open();
  if (!found) return found.error();
  for (auto const& each : found->notices) say(server::level::warning, "agreed log: " + each);
  return found;
}

base::result<void> live_group::begin(gr::connect_request const& request) {
  own_address_ = options_.own_host + ":" + std::to_string(options_.own_port);
  own_place_.reset();
  server_donors_ = request.donors;
  joins_.emplace(options_.data_dir);
  auto const kept = read_log_keeping(options_.data_dir);
  auto found = open_log(kept);
  if (!found) return found.error();
  auto const verdicts = gr::judged_up_to(*log_, options_.start ? options_.start->seqno : -1);
  if (!verdicts) return verdicts.error();
  auto const choice = gr::choose_beginning({*found, log_->checkpoints(), *verdicts, options_.start, own_address_,
                                            request.bootstrap, kept.same_host_boot, kept.durable});
  if (!choice.why.empty()) say(choice.level, choice.why);
  was_member_ = gr::holds_history(*found);
  switch (choice.how) {
    case gr::beginning::found_group: return found_group(*found);
    case gr::beginning::go_on_alone: return come_back(*found, *verdicts, true);
    case gr::beginning::come_back: return come_back(*found, *verdicts, false);
    case gr::beginning::come_back_to_leave: return come_back_to_leave(*found);
    case gr::beginning::ask_to_join: break;
  }
  become_new_incarnation(was_member_ ? found->last.self : xcom::member_id{new_member_uuid(), 0});
  own_uuid_ = self_.uuid;
  log_name_ = found->last.group;  // what its slots say of our data is asked before it is begun anew
  if (auto done = listen(); !done) return done;
  return ask_to_join();
}

// Above the one before, also when the clock was set back.
void live_group::become_new_incarnation(xcom::member_id const& before) {
  self_ = {before.uuid, std::max(before.incarnation + 1, milliseconds_now())};
  boot_ = 1;
}

// A new log whose GTIDs go on from the data's position, or begin at 1.
base::result<void> live_group::found_group(xcom::recovered_log const& found) {
  if (!found.empty && found.decided.value() > 0 && !(options_.start && options_.start->seqno >= 0))
    return base::fail(
        "the agreed log in " + options_.data_dir +
        " holds a group's history, but the position of the server's "
        "data is not known, so the two cannot be joined. Start with --wsrep_start_position=<what mariadbd "
        "--wsrep-recover prints>, or move the group_replication.*.log files away to found a new group from "
        "the data as it is");
  if (final_role() != xcom::member_role::voter)
    return base::fail("a group cannot begin with a member that has no vote: set group_replication_non_voting = OFF");
  bool const has_data = options_.start && options_.start->seqno >= 0;
  if (has_data)
    if (auto right = check_group(*options_.options, options_.start->group); !right) return right;
  become_new_incarnation(found.empty ? xcom::member_id{new_member_uuid(), 0} : found.last.self);
  own_uuid_ = self_.uuid;
  log_name_ = random_uuid();
  if (auto done = listen(); !done) return done;
  gr::replicated_state state;
  state.history = has_data ? options_.start->group : group_wanted(*options_.options).value_or(random_uuid());
  state.seqno = state.forgotten = has_data ? options_.start->seqno : 0;
  xcom::checkpoint const at{xcom::slot_no{}, {}, {}, gr::encode_state({state, first_roles(state.seqno)})};
  if (auto done = log_->begin({log_name_, self_, boot_}, false); !done) return done;
  note_host_boot();
  say(server::level::info, "founding a new group with history " + base::to_string(state.history) + " at position " +
                               std::to_string(state.seqno));
  make_member(member_configuration());
  make_node(xcom::begin_group{log_name_, self_entry(gr::member_status::online), at});
  step_member(gr::founded{at});
  return {};
}

base::result<void> live_group::take_up_log(xcom::recovered_log const& found) {
  if (auto done = check_protocol(found.at); !done) return done;
  if (auto done = check_group(*options_.options, gr::history_of(log_->checkpoints())); !done) return done;
  self_ = found.last.self;
  own_uuid_ = self_.uuid;
  boot_ = found.last.boot + 1;
  log_name_ = found.last.group;
  if (auto done = listen(); !done) return done;
  if (auto done = log_->begin({log_name_, self_, boot_}, true); !done) return done;
  note_host_boot();
  return {};
}

base::result<void> live_group::come_back(xcom::recovered_log const& found, gr::judged const& verdicts, bool alone) {
  if (auto done = take_up_log(found); !done) return done;
  auto config = member_configuration();
  auto const from = gr::own_beginning(log_->checkpoints(), verdicts, config.base);
  if (!from) return base::fail("the agreed log has no checkpoint for position " + std::to_string(config.base));
  say(server::level::info, "coming back as " + xcom::to_string(self_) + ", boot " + std::to_string(boot_) +
                               ": data at " + std::to_string(config.base) + ", log decided to slot " +
                               std::to_string(found.decided.value()) + ", " + std::to_string(found.undecided.size()) +
                               " slots accepted above it" +
                               (alone ? "; going on ALONE from here, as --wsrep-new-cluster asks" : ""));
  make_member(std::move(config));
  make_node(gr::coming_back(found, self_entry(gr::member_status::recovering), alone));
  step_member(gr::resumed{from->from, node_->current_site(), from->judged});
  return {};
}

// Nothing is delivered meanwhile: the member machine stays OFFLINE. tick() sees when the place can be given up.
base::result<void> live_group::come_back_to_leave(xcom::recovered_log const& found) {
  if (auto done = take_up_log(found); !done) return done;
  say(server::level::info,
      "the position of this server's data is not known, or not in the agreed log (after a crash mariadbd "
      "--wsrep-recover prints "
      "it): coming back as " +
          xcom::to_string(self_) + " to give its place up in order and be taken in anew");
  gives_up_place_ = true;
  make_member(member_configuration());
  make_node(gr::coming_back(found, self_entry(gr::member_status::recovering), false));
  return {};
}

base::result<void> live_group::ask_to_join() {
  std::vector<std::string> others;
  for (auto const& each : seeds_)
    if (each != own_address_) others.push_back(each);
  if (others.empty())
    return base::fail("there is no other member to ask: wsrep_cluster_address names only this one (" + own_address_ +
                      "). To found a new group start with --wsrep-new-cluster (galera_new_cluster)");
  make_member(member_configuration());
  make_node(xcom::begin_joining{joiner_entry(), others});
  return {};
}

// Expelled while the server runs: a new incarnation goes on delivering where the old one stopped. One that never delivered
// begins anew.
void live_group::join_again(xcom::site const& at) {
  step_member(gr::quorum{false, {}});
  answer_all_as_unknown("this member is no longer in the group");
  bool const never_delivered = !node_->is_delivering();
  bool const keeps_place = member_->compares();
  if (never_delivered && !keeps_place && !member_->waits_for_majority() && !gives_up_place_)
    return close_group("this member was expelled while it joined: start the server again", true);
  if (!never_delivered) {
    own_place_ = node_->checkpoint_here();
    own_place_->app = member_->state_blob();
  } else if (!keeps_place) {
    own_place_.reset();
  }
  std::vector<std::string> seeds = seeds_;
  for (auto const& each : at.members) seeds.push_back(each.address);
  become_new_incarnation(self_);
  bool const by_itself = std::exchange(steps_aside_since_, std::nullopt).has_value();
  if (std::exchange(gives_up_place_, false))
    say(server::level::info, "the old place is given up; asking to be taken in as " + xcom::to_string(self_));
  else if (by_itself)
    say(server::level::info, "left to catch up; asking to be taken in again as " + xcom::to_string(self_));
  else
    say(server::level::warning,
        "the group went on without this member; asking to be taken in again as " + xcom::to_string(self_));
  steps_->forget_events();
  if (auto done = listen(); !done) return close_group(done.error().text, true);
  if (never_delivered && !keeps_place) make_member(member_configuration());
  make_node(xcom::begin_joining{joiner_entry(), seeds});
}

// Only once the log speaks for the incarnation that goes on: until then it may speak for one that a restart of the host
// made forget, and a process killed on the way must not find it fit to come back as.
void live_group::note_host_boot() {
  if (late_) log_failed(late_->drain());
  log_failed(write_log_keeping(options_.data_dir, durable_));
}

void live_group::make_node(xcom::beginning how) {
  node_.emplace(node_settings(*options_.options, self_, boot_), std::move(how), make_prng());
  // The node knows what it delivers from on; that the log on disk reaches further back it has yet to be told.
  log_begins_ = {};
  protocol_ = node_->is_member() ? node_->current_site().rules.protocol : xcom::protocol_lowest;
  if (node_->is_member()) net_->speak(protocol_);
  arm_timer();
}

void live_group::make_member(gr::member_config config) {
  if (joins_) joins_->expect_another();
  member_.emplace(std::move(config), make_prng());
}

gr::member_config live_group::member_configuration() const {
  gr::member_config config;
  auto const& options = *options_.options;
  config.self = self_;
  config.boot = boot_;
  config.role = final_role();
  config.zone = static_cast<std::uint32_t>(options.number("group_replication_zone_id"));
  config.old_log = options_.data_dir + "/" + diverged_segments;
  config.facts = own_facts(gr::member_status::recovering);
  if (options_.start && options_.start->seqno >= 0) {
    config.history = options_.start->group;
    config.base = options_.start->seqno;
  }
  config.server_runs = options_.server_runs;
  config.recovery = recovery_settings_of(options, server_donors_);
  config.flow = flow_settings_of(options);
  return config;
}

xcom::member_role live_group::final_role() const {
  return options_.options->flag("group_replication_non_voting") ? xcom::member_role::non_voting
                                                                : xcom::member_role::voter;
}

gr::member_facts live_group::own_facts(gr::member_status status) const {
  gr::member_facts facts{options_.node_name, options_.incoming, options_.server_version, status, options_.alike};
  for (auto& each : gr::settings_to_tell(*options_.options)) facts.alike.push_back(std::move(each));
  return facts;
}

// Who joins does not know yet whether the group understands its settings.
xcom::site_member live_group::self_entry(gr::member_status status) const {
  xcom::site_member entry;
  entry.id = self_;
  entry.address = own_address_;
  entry.weight = static_cast<std::uint32_t>(options_.options->number("group_replication_member_weight"));
  entry.zone = static_cast<std::uint32_t>(options_.options->number("group_replication_zone_id"));
  entry.boot = boot_;
  auto facts = own_facts(status);
  if (status != gr::member_status::online) facts.alike.clear();
  entry.app = base::encode(facts);
  return entry;
}

// Without a vote until it is level with the group, or for good.
xcom::site_member live_group::joiner_entry() const {
  auto entry = self_entry(gr::member_status::recovering);
  entry.role = final_role() == xcom::member_role::voter ? xcom::member_role::joining : final_role();
  return entry;
}

// The server is told that nothing comes any more, and nobody keeps waiting. From here on only connect() leads back.
void live_group::close_group(std::string const& why, bool may_return) {
  if (gave_up_) return;
  gave_up_ = true;
  say(server::level::error, "leaving the group: " + why);
  answer_all_as_unknown(why);
  end_waits_for_verdicts(why);
  if (connecting_) {
    connecting_->answer(base::fail(why));
    connecting_.reset();
  }
  if (node_ && node_->is_member()) steps_->push(xcom::leave_group{});
  if (node_ && member_ && log_) publish_status();  // the last time
  server_.deliver(gr::group_closed{why, may_return});
}

void live_group::finish_leaving() {
  answer_all_as_unknown("this member leaves the group");
  end_waits_for_verdicts("this member leaves the group");
  timer_.cancel();
  if (net_) net_->close();
  if (!gave_up_) server_.deliver(gr::group_closed{});
  gave_up_ = true;
  if (log_) log_failed(log_->sync());
  if (late_) log_failed(late_->drain());
  if (leaving_) leaving_->answer(true);
  leaving_.reset();
}

}  // namespace runtime
