// A server's lives: how its process starts, stops, dies and comes back. What it does with the node's actions:
// server_driver.cc; with the member's: server_member.cc; out of its group: server_exits.cc.
#include "sim/server.hh"

#include <fmt/format.h>

#include "gr/beginning.hh"
#include "gr/giving_up_place.hh"
#include "gr/history.hh"
#include "sim/describe.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

constexpr micros connect_patience = seconds(60);
constexpr micros leave_patience = seconds(5);

}  // namespace

server::server(std::size_t number, world& shared, xcom::member_role role)
    : name_(fmt::format("n{}", number + 1)),
      address_(name_ + ":33061"),
      world_(shared),
      random_(shared.random.next()),
      role_(role),
      disk_(std::make_shared<disk>(name_, base::prng(random_.next()))) {
  world_.net.attach(address_,
                    [this](auto const& from, auto protocol, auto const& what) { receive(from, protocol, what); });
}

void server::force(std::vector<xcom::member_id> const& who) {
  auto const objection = node_->why_not_forced(who);
  check(objection.empty(), [&] { return name_ + " can go on with those named: " + objection; });
  world_.watch.forced(who);
  post(xcom::force_members{who});
}

void server::ask_for_rules(xcom::site_rules const& rules) {
  if (!node_ || paused_) return;
  world_.trace(name_, "asks for " + xcom::to_string(rules));
  post(xcom::change_rules{rules});
}

void server::hand_over_to(xcom::member_id const& who) { post(xcom::transfer_leadership{who}); }

void server::ask_for_roles(gr::role_request const& wish) {
  if (!takes_writes() || paused_) return;
  auto const change = member_->role_change_for(wish);
  world_.trace(name_, change ? "asks for other roles" : "cannot ask for other roles: " + change.error().text);
  if (!change) return;
  ++world_.count.roles_asked;
  guarded([&] {
    order(base::encode(gr::ordered_message(*change)), false);
    drain();
  });
}

void server::weigh(std::uint32_t weight) {
  weight_ = weight;
  if (node_ && !paused_) post(xcom::set_weight{weight});
}

// ---- beginning ----

void server::bootstrap() {
  ++life_;
  running_ = true;
  log_ = std::make_unique<xcom::agreed_log>(world_.with.log, disk_);
  check(log_->open().has_value(), "an empty log opens");
  data_.live = database(base::make_uuid(random_.next(), random_.next()), 0, world_.with.rows);
  begin();
  found_group();
  tick();
}

void server::start() {
  if (is_running() && (paused_ || exits_.now_in() != gr::exit_policy::phase::ended)) return;
  if (is_running()) {
    world_.trace(name_, "is restarted");
    flush();
    die();
  }
  left_ = false;
  ++world_.count.restarts;
  guarded([this] {
    ++life_;
    running_ = true;
    finish_exchange();
    if (std::exchange(quarantined_, false)) data_ = {};
    begin();
    try {
      connect();
    } catch (cannot_begin const& why) {
      world_.trace(name_, fmt::format("does not start: {}", why.what()));
      throw process_killed();
    }
  });
}

// Looks for the group with what is on the disk, when the process begins and when it comes back while it runs (runtime:
// live_group::begin). `beginning_`: a log that cannot be written now says so to whoever wanted this.
void server::connect() {
  if (disk_low_) throw cannot_begin("too little room on its disk");
  beginning_ = true;
  log_ = std::make_unique<xcom::agreed_log>(world_.with.log, disk_);
  auto found = log_->open();
  if (!found) {  // it says so, and somebody moves the log away
    bool const may_be_damaged = lost_power_ && world_.with.durable != durability::disk;
    check(may_be_damaged, "a log that was not lost with the power opens: " + found.error().text);
    disk_->wipe();
    log_ = std::make_unique<xcom::agreed_log>(world_.with.log, disk_);
    found = log_->open();
    check(found.has_value(), "an empty log opens");
  }
  for (auto const& notice : found->notices) world_.trace(name_, "log: " + notice);
  // It would not start, and says so (runtime/node_settings.cc).
  if (!found->empty && !speaks_.holds(found->at.rules.protocol)) {
    install({});
    if (engine_->up()) throw cannot_begin("the group speaks another protocol");
    speaks_ = installed_;
  }
  std::optional<gr::start_position> position;
  if (data_.live) position = gr::start_position{data_.live->history(), data_.live->position()};
  auto const verdicts = gr::judged_up_to(*log_, position ? position->seqno : -1);
  check(verdicts.has_value(), "a log that opens can be read");
  auto const choice = gr::choose_beginning({*found, log_->checkpoints(), *verdicts, position, address_, false,
                                            noted_host_boot_ == host_boot_, world_.with.durable});
  if (!choice.why.empty()) world_.trace(name_, choice.why);
  check_beginning(choice, *found);
  lost_power_ = false;
  after(connect_patience, [this] {
    if (reached_) return;
    give_up("no majority of the group answered in time", true);
    drain();
  });
  if (choice.how == gr::beginning::come_back) {
    come_back(*found, *verdicts);
  } else if (choice.how == gr::beginning::come_back_to_leave) {
    come_back_to_leave(*found);
  } else {
    auto const uuid =
        gr::holds_history(*found) ? found->last.self.uuid : base::make_uuid(random_.next(), random_.next());
    self_ = {uuid, std::max(found->last.self.incarnation + 1, next_incarnation())};
    log_name_ = found->last.group;
    ask_to_join();
  }
  beginning_ = false;
  tick();
}

// What makes a process out of a machine.
void server::begin() {
  speaks_ = installed_;
  tick_period_ = micros(random_.between(9800, 10200));  // no two clocks run alike
  tick_offset_ = base::tick_count(random_.between(1, 1'000'000));
  started_ = world_.clock.now();
  now_ = tick_offset_;
  make_engine(false);
  clones_ = random_.chance(3, 4);
}

// `runs`: the server is up already, and connects anew.
void server::make_engine(bool runs) {
  engine_ports ports;
  ports.after = [this](micros delay, std::function<void()> what) { after(delay, std::move(what)); };
  ports.tell = [this](gr::member_event const& what) {
    guarded([&] {
      step_member(what);
      drain();
    });
  };
  ports.donate = [this](gr::donate_state const& what) { donate(what); };
  ports.flush = [this] { flush(); };
  ports.moved = [this, tell = ports.tell] {
    if (member_ && member_->owes_word()) tell(gr::applied_moved{engine_->position()});
  };
  ports.caught_up = [this] { note_caught_up(); };
  ports.closed = [this](std::string const& why, bool may_return) { dropped(why, may_return); };
  engine_.emplace(name_, address_, world_, data_, std::move(ports), runs);
  engine_->set_slow(slow_applier_);
}

// A voter that lost nothing must find that out: its vote may be needed. It gives that only where its log does not reach back to
// what its data rests on: it was begun anew when the server was taken in again. And without power, also a synced log lost what it
// had been told of late, as its newest checkpoints and verdicts: its data may not fit any more then.
void server::check_beginning(gr::beginning_choice const& choice, xcom::recovered_log const& found) const {
  if (choice.how == gr::beginning::come_back || forgot_ || !acceptor_) return;
  bool const gives_vote = choice.how == gr::beginning::come_back_to_leave;
  if (gives_vote && (!data_.live || lost_power_)) return;
  auto const checkpoints = log_->checkpoints();
  auto const oldest = std::ranges::find_if(checkpoints, gr::is_beginning);
  if (gives_vote && oldest != checkpoints.end() &&
      gr::state_of(*oldest).seqno > world_.watch.bound_at(data_.live->position()))
    return;
  check(!world_.watch.newest_site().votes(*acceptor_) || found.at.find(*acceptor_) == nullptr, [&] {
    return fmt::format("{} comes back as the voter it was, with its log whole and data at {}", name_,
                       data_.live ? data_.live->position() : -1);
  });
}

void server::found_group() {
  self_ = {base::make_uuid(random_.next(), random_.next()), next_incarnation()};
  boot_ = 1;
  log_name_ = base::make_uuid(random_.next(), random_.next());
  gr::replicated_state state;
  state.history = data_.live->history();
  auto const roles = gr::founding_roles(world_.with.mode, world_.with.elects, self_, state.seqno);
  xcom::checkpoint const at{xcom::slot_no{}, {}, {}, gr::encode_state({state, roles})};
  demand(log_->begin({log_name_, self_, boot_}, false));
  noted_host_boot_ = host_boot_;
  acceptor_ = self_;
  demand(log_->sync());
  flush();
  world_.trace(name_, "bootstraps the group");
  make_member();
  make_node(xcom::begin_group{log_name_, self_in_site(gr::member_status::online, role_), at});
  world_.watch.bootstrapped(node_->current_site(), roles);
  world_.watch.joined(self_, {}, {});
  step_member(gr::founded{at});
}

void server::take_up_log(xcom::recovered_log const& found) {
  self_ = found.last.self;
  boot_ = found.last.boot + 1;
  log_name_ = found.last.group;
  world_.trace(
      name_,
      fmt::format("comes back as {} boot {}: decided {} promised {} site v{} log from {}, {} undecided, "
                  "data at {}",
                  xcom::to_string(self_), boot_, found.decided.value(), sim::describe(found.promised), found.at.version,
                  found.begins.value(), found.undecided.size(), data_.live ? data_.live->position() : -1));
  check(!forgot_, [&] {
    return fmt::format("{} does not come back as {}, whose log may have lost what it said", name_,
                       xcom::to_string(self_));
  });
  world_.watch.reopened(self_, found);
  acceptor_ = self_;
  demand(log_->begin({log_name_, self_, boot_}, true));
  noted_host_boot_ = host_boot_;
}

// Nothing is delivered meanwhile: tick_machines() sees when the place can be given up.
void server::come_back_to_leave(xcom::recovered_log const& found) {
  take_up_log(found);
  gives_up_place_ = true;
  make_member();
  make_node(gr::coming_back(found, self_in_site(gr::member_status::recovering, xcom::member_role::voter), false));
}

void server::come_back(xcom::recovered_log const& found, gr::judged const& verdicts) {
  take_up_log(found);
  auto const from = gr::own_beginning(log_->checkpoints(), verdicts, data_.live->position());
  check(from.has_value(), "a log that fits has a checkpoint to begin from");
  make_member();
  make_node(gr::coming_back(found, self_in_site(gr::member_status::recovering, xcom::member_role::voter), false));
  step_member(gr::resumed{from->from, node_->current_site(), from->judged});
}

void server::ask_to_join() {
  boot_ = 1;
  std::vector<std::string> seeds;
  for (auto const* each : world_.servers)
    if (each != this) seeds.push_back(each->address_);
  world_.trace(name_, fmt::format("asks to join as {}, data at {}", xcom::to_string(self_),
                                  data_.live ? data_.live->position() : -1));
  make_member();
  make_node(xcom::begin_joining{self_in_site(gr::member_status::recovering, joining_role()), seeds});
}

// Expelled while the server runs: a new incarnation goes on delivering where the old one stopped.
void server::join_again(xcom::site const& at) {
  step_member(gr::quorum{false, {}});
  abandon("this member was expelled from the group");
  bool const never_delivered = !node_->is_delivering();
  bool const keeps_place = member_->compares();
  if (never_delivered && !keeps_place && !member_->waits_for_majority() && !gives_up_place_)
    return give_up("this member was expelled while it joined: start the server again", true);
  if (!never_delivered) {
    own_place_ = node_->checkpoint_here();
    own_place_->app = member_->state_blob();
  } else if (!keeps_place) {
    own_place_.reset();
  }
  std::vector<std::string> seeds;
  seeds.reserve(at.members.size());
  for (auto const& each : at.members) seeds.push_back(each.address);
  self_.incarnation = std::max(self_.incarnation + 1, next_incarnation());
  boot_ = 1;
  world_.trace(name_, fmt::format("asks to be taken in again as {}", xcom::to_string(self_)));
  inbox_.clear();
  gives_up_place_ = steps_aside_ = false;
  if (never_delivered && !keeps_place) make_member();
  make_node(xcom::begin_joining{self_in_site(gr::member_status::recovering, joining_role()), seeds});
}

void server::make_node(xcom::beginning how) {
  ++generation_;
  node_.emplace(node_configuration(), std::move(how), base::prng(random_.next()));
  log_begins_ = {};
}

void server::make_member() {
  member_.emplace(member_configuration(), base::prng(random_.next()));
  was_online_ = false;
  donors_tried_.clear();
}

// ---- ending ----

// Nobody keeps waiting, and nothing comes after it until somebody connects this server again.
void server::give_up(std::string const& why, bool may_return) {
  if (gave_up_) return;
  gave_up_ = true;
  ++world_.count.gave_up;
  last_words_ = why;
  world_.trace(name_, "leaves the group: " + why);
  abandon(why);
  if (node_ && node_->is_member()) inbox_.emplace_back(xcom::leave_group{});
  close_group(why, may_return);
}

// The server hears of it behind what it was handed before. One that still starts ends; one whose connect still waits has its
// answer there.
void server::close_group(std::string const& why, bool may_return) {
  if (!engine_->up()) return after(micros(random_.between(1000, 2'000'000)), [this] { stop(); });
  if (exits_.now_in() == gr::exit_policy::phase::trying && !reached_)
    return after(micros(0), [this, why] { connect_failed(why); });
  engine_->deliver(gr::group_closed{why, may_return});
}

void server::fail(std::string const& why) {
  if (!is_running() || paused_) return;
  guarded([&] {
    give_up(why, false);
    drain();
  });
}

std::optional<xcom::member_id> server::donor() const {
  return member_ && !member_->online() ? member_->donor() : std::nullopt;
}

void server::leave() {
  if (!is_online() || closing_) return;
  world_.trace(name_, "leaves");
  ++world_.count.leaves;
  closing_ = true;
  after(leave_patience, [this] { finish_leaving(); });
  post(xcom::leave_group{});
}

void server::finish_leaving() {
  abandon("this member leaves the group");
  flush();
  left_ = true;
  stop();
}

// In order: what was committed is on the disk.
void server::stop() {
  world_.trace(name_, "stops");
  die();
  start_later();
}

void server::start_later() {
  world_.clock.after(micros(random_.between(10'000, 2'000'000)), [this] { start(); });
}

void server::crash() {
  if (!is_running()) return;
  world_.trace(name_, "is killed");
  ++world_.count.crashes;
  bool const keeps = random_.chance(1, 2);
  die();
  if (!keeps) data_.live = data_.durable;
  for (auto* each : world_.servers)
    if (each != this && random_.chance(1, 2)) each->peer_died(address_);
}

void server::lose_power() {
  if (is_running()) die();
  data_.live = data_.durable;
  world_.trace(name_, "loses power");
  ++world_.count.power_failures;
  disk_->lose_power();
  ++host_boot_;
  lost_power_ = true;
  if (world_.with.durable != durability::disk) forgot_ = true;
  if (acceptor_) world_.watch.lost_power(*acceptor_);
}

void server::wipe(loss what) {
  if (is_running()) die();
  world_.trace(name_, "loses a disk");
  ++world_.count.wipes;
  if (what != loss::log) data_ = {};
  if (what == loss::data) return;
  disk_->wipe();
  held_aside_.reset();
  forgot_ = true;
}

// The process is gone; the disk stays, and the data as it was shown last.
void server::die() {
  end_life();
  running_ = read_only_ = false;
  ++process_;
  exits_ = {};
  exit_watch_.process_ended();
  paused_ = held_up_ = false;
  said_.reset();
  stalled_.clear();
  disarm();
}

void server::end_life() {
  ++life_;
  if (engine_ && engine_->has_dropped_old()) data_ = {};
  node_.reset();
  member_.reset();
  engine_.reset();
  log_.reset();
  inbox_.clear();
  waiting_.clear();
  own_place_.reset();
  chosen_.reset();
  chosen_from_.reset();
  promised_history_.clear();
  majority_lost_ = purged_at_ = {};
  log_begins_ = {};
  first_available_ = applied_before_ = -1;
  budget_ = {};
  waits_for_anybody_ = clients_ = first_waits_ = slowed_for_silent_ = 0;
  unsynced_ = gives_up_place_ = steps_aside_ = away_ = reached_ = closing_ = gave_up_ = was_online_ = false;
  beginning_ = unheard_ = false;
}

// ---- time ----

void server::pause() {
  if (!is_running() || paused_) return;
  world_.trace(name_, "is stopped");
  ++world_.count.pauses;
  paused_ = true;
}

void server::hold_up() {
  if (!is_running() || paused_) return;
  world_.trace(name_, "is held up");
  ++world_.count.hold_ups;
  paused_ = held_up_ = true;
  keep_alive();
}

void server::keep_alive() {
  world_.clock.after(tick_period_, [this, life = life_] {
    if (life != life_ || !held_up_ || !node_ || unheard_) return;
    std::vector<xcom::action> words;
    bool const due = said_ && ticks_now().value() - said_at_.value() >= node_->config().heartbeat_ticks.value();
    if (due && node_->keep_alive(ticks_now(), *said_, words)) said_at_ = ticks_now();
    for (auto& each : words) {
      auto& word = std::get<xcom::send>(each);
      put_on_wire(word.address, std::move(word.what));
    }
    keep_alive();
  });
}

void server::resume() {
  if (!paused_) return;
  world_.trace(name_, "goes on");
  paused_ = held_up_ = false;
  auto const waiting = std::exchange(stalled_, {});
  auto const life = life_;
  for (auto const& each : waiting)
    if (life == life_) guarded(each);
}

void server::crash_in(std::uint64_t actions, bool torn_write) {
  if (!is_running()) return;
  actions_to_crash_ = actions;
  torn_write_ = torn_write;
}

void server::disarm() {
  actions_to_crash_.reset();
  disk_->disarm();
}

void server::free_disk() {
  disk_->set_full(false);
  disk_->set_failing(false);
  disk_low_ = false;
}

void server::set_slow_applier(bool slow) {
  slow_applier_ = slow;
  if (engine_) engine_->set_slow(slow);
}

void server::peer_died(std::string const& address) {
  if (!is_running()) return;
  after(micros(random_.between(100, 3000)), [this, address] { post(xcom::link_lost{address}); });
}

void server::after(micros delay, std::function<void()> what) {
  world_.clock.after(delay, [this, life = life_, what = std::move(what)] {
    if (life == life_) when_awake(what);
  });
}

void server::when_awake(std::function<void()> what) {
  if (paused_) {
    stalled_.push_back(std::move(what));
  } else {
    guarded(what);
  }
}

void server::step_clock(base::tick_count ahead) { tick_offset_ = tick_offset_.plus(ahead.value()); }

void server::set_clock_rate(std::uint64_t percent) {
  constexpr std::uint64_t whole = 100;
  auto const elapsed = (world_.clock.now().value() - started_.value()) / tick_period_.value();
  tick_offset_ = tick_offset_.plus(elapsed);
  started_ = world_.clock.now();
  tick_period_ = micros(base::tick_milliseconds * 1000 * whole / std::max<std::uint64_t>(1, percent));
}

base::tick_count server::ticks_now() const {
  return tick_offset_.plus((world_.clock.now().value() - started_.value()) / tick_period_.value());
}

void server::tick() {
  after(tick_period_, [this] {
    if (!gave_up_ || is_still_leaving()) tick();
    tick_machines(ticks_now());
  });
}

void server::tick_machines(base::tick_count now) {
  now_ = now;
  inbox_.emplace_back(xcom::ticked{now_});
  drain();
  if (!node_ || gave_up_) return;
  last_seen_ = gr::observe(*node_, now_, engine_->position(), first_available_);
  last_seen_.open_transactions = engine_->open_transactions();
  step_member(last_seen_);
  drain();
  if (!is_running()) return;
  if (gives_up_place_ && gr::nobody_needs_the_vote(node_->current_site(), self_, node_->peers()) &&
      ++waits_for_anybody_ == gr::lonely_ticks)
    return join_again(node_->current_site());
  if (gives_up_place_ && node_->have_quorum() && !node_->is_leaving() &&
      gr::may_give_up_place(node_->current_site(), self_, node_->peers()))
    post(xcom::leave_group{});
  check_majority();
  follow_flow();
  if (!is_running()) return;
  watch_disk();
  purge();
}

// ---- what it says of itself ----

std::uint64_t server::next_incarnation() const { return 1000 + world_.clock.now().value() / 1000; }

gr::member_facts server::facts(gr::member_status status) const {
  return {name_, address_, "10.11", status, {{"lower_case_table_names", "0"}}};
}

// Arbiters, too, are brought up here like a server, and vote once they are level.
xcom::member_role server::joining_role() const {
  return role_ == xcom::member_role::non_voting ? role_ : xcom::member_role::joining;
}

xcom::site_member server::self_in_site(gr::member_status status, xcom::member_role role) const {
  auto said = facts(status);
  if (status != gr::member_status::online || speaks_.highest < xcom::protocol_with_settings) said.alike.clear();
  return {self_, address_, role, weight_, boot_, base::encode(said), zone_, speaks_};
}

gr::member_config server::member_configuration() const {
  auto chosen = world_.with.member;
  chosen.self = self_;
  chosen.boot = boot_;
  chosen.facts = facts(gr::member_status::recovering);
  chosen.role = role_;
  if (data_.live) {
    chosen.history = data_.live->history();
    chosen.base = data_.live->position();
    chosen.server_runs = engine_->up();
  }
  return chosen;
}

xcom::node_config server::node_configuration() const {
  auto chosen = world_.with.node;
  chosen.self = self_;
  chosen.boot = boot_;
  chosen.speaks = speaks_;
  return chosen;
}

std::string server::describe() const {
  std::string text = name_ + (is_running() ? paused_ ? " paused" : " running" : left_ ? " left" : " down");
  if (gave_up_ || !last_words_.empty()) text += fmt::format(" ({}said: {})", gave_up_ ? "" : "once ", last_words_);
  if (forgot_) text += " forgot";
  if (data_.live) text += " " + data_.live->describe();
  if (engine_) text += fmt::format(" to apply {}, {} open", engine_->queued(), engine_->open_transactions());
  if (member_) text += "\n     " + member_->describe() + "; " + member_->recovery_line();
  if (node_) text += "\n     " + node_->describe();
  if (log_)
    text +=
        fmt::format("\n     log {}..{} {} bytes", log_->begins().value(), log_->decided_up_to().value(), log_->bytes());
  return text;
}

}  // namespace sim
