// A server's lives: how its process starts, stops, dies and comes back. What it does with actions: server_driver.cc;
// the application in it: server_application.cc.
#include "sim/server.hh"

#include <fmt/format.h>

#include "sim/describe.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

base::uuid const group_uuid = base::make_uuid(0x67726f7570, 0x67726f7570);

}  // namespace

server::server(std::size_t number, world& shared, xcom::member_role role)
    : name_(fmt::format("n{}", number + 1)),
      address_(name_ + ":33061"),
      world_(shared),
      random_(shared.random.next()),
      uuid_(base::make_uuid((number + 1) * 0x1111111111111111U, random_.next())),
      role_(role),
      disk_(std::make_shared<disk>(name_, base::prng(random_.next()))) {
  world_.net.attach(address_, [this](auto const& from, auto const& what) { receive(from, what); });
}

void server::open_log() {
  ++life_;
  log_ = std::make_unique<xcom::agreed_log>(world_.with.log, disk_);
  tick_period_ = micros(random_.between(9800, 10200));  // no two clocks run alike
  tick_offset_ = base::tick_count(random_.between(1, 1'000'000));
  started_ = world_.clock.now();
}

void server::bootstrap() {
  open_log();
  check(log_->open().has_value(), "an empty log opens");
  incarnation_ = incarnation_used_ = 1;
  auto const self = self_in_site(1, role_, base::blob::copy_of("first"));
  demand(log_->begin(identity(1), false));
  node_ = std::make_unique<xcom::node>(config(1), xcom::begin_group{group_uuid, self, {}}, base::prng(random_.next()));
  world_.watch.bootstrapped(node_->current_site());
  world_.watch.joined(id(), {}, {});
  acceptor_ = id();
  xcom::checkpoint const first{{}, node_->current_site(), {}, base::encode(app_state{})};
  demand(log_->store(first));
  demand(log_->sync());
  data_ = flushed_ = database{};
  online_from_ = xcom::slot_no(1);
  world_.trace(name_, "bootstraps the group");
  begin_delivery(first, {});
  tick();
}

void server::start() {
  if (is_running()) return;
  left_ = false;
  ++world_.count.restarts;
  bool const memory_is_whole = !power_lost_ || world_.with.durable == durability::disk;
  try {
    go_on(memory_is_whole);
  } catch (process_killed const&) { crash(); }
}

void server::go_on(bool memory_is_whole) {
  open_log();
  auto found = log_->open();
  if (!found) {
    check(power_lost_, "a log that was not lost with the power opens: " + found.error().text);
    disk_->wipe();
    data_ = flushed_ = std::nullopt;
    log_ = std::make_unique<xcom::agreed_log>(world_.with.log, disk_);
    found = log_->open();
    check(found.has_value(), "an empty log opens");
  }
  if (world_.traces())
    for (auto const& notice : found->notices) world_.trace(name_, "log: " + notice);
  if (found->empty || !memory_is_whole) {
    join();
  } else {
    power_lost_ = false;
    resume_membership(*found);
  }
  tick();
}

void server::join() {
  incarnation_ = incarnation_used_ + 1;
  std::vector<std::string> seeds;
  for (auto const* each : world_.servers) seeds.push_back(each->address_);
  world_.trace(name_, fmt::format("asks to join as {}", xcom::to_string(id())));
  node_ = std::make_unique<xcom::node>(
      config(1),
      xcom::begin_joining{self_in_site(1, xcom::member_role::non_voting, base::blob::copy_of("joining")), seeds},
      base::prng(random_.next()));
}

void server::resume_membership(xcom::recovered_log const& found) {
  auto const boot = found.last.boot + 1;
  auto const& self = found.last.self;
  incarnation_ = self.incarnation;
  world_.trace(name_, fmt::format("restarts as {} boot {}: decided {} promised {} site v{} log from {}, {} undecided",
                                  xcom::to_string(self), boot, found.decided.value(), sim::describe(found.promised),
                                  found.at.version, found.begins.value(), found.undecided.size()));
  world_.watch.reopened(self, found);
  acceptor_ = self;
  demand(log_->begin(identity(boot), true));
  auto const* there = found.at.find(self);
  auto const in_site = self_in_site(boot, there == nullptr ? xcom::member_role::non_voting : there->role,
                                    there == nullptr ? base::blob::copy_of("joining") : there->app);
  node_ = std::make_unique<xcom::node>(config(boot),
                                       xcom::begin_again{group_uuid, in_site, found.at, found.promised, found.decided,
                                                         log_->begins(), found.undecided, false},
                                       base::prng(random_.next()));
  online_from_ = found.decided;
  if (auto const from = own_start()) {
    begin_delivery(*from, any_source());
  } else {
    clone_later();
  }
}

void server::crash() {
  if (!is_running()) return;
  world_.trace(name_, "is killed");
  ++world_.count.crashes;
  die();
  for (auto* each : world_.servers)
    if (each != this && random_.chance(1, 2)) each->peer_died(address_);
}

void server::lose_power() {
  data_ = flushed_;
  if (is_running()) die();
  world_.trace(name_, "loses power");
  ++world_.count.power_failures;
  disk_->lose_power();
  power_lost_ = true;
  if (acceptor_) world_.watch.lost_power(*acceptor_);
}

// The process is gone; disk and database stay, the database perhaps where it was last flushed.
void server::die() {
  end_life();
  log_.reset();
  paused_ = false;
  stalled_.clear();
  disarm();
  if (random_.chance(1, 2)) data_ = flushed_;
  flushed_ = data_;
}

void server::end_life() {
  ++life_;
  node_.reset();
  app_.reset();
  to_apply_.clear();
  inbox_.clear();
  online_from_.reset();
  clones_tried_ = 0;
  applying_ = cloning_ = online_ = leaving_ = afresh_ = unsynced_ = reborn_ = false;
}

// The group went on without this incarnation. The process stays, its log too, as far as it was decided.
void server::rejoin() {
  end_life();
  after(micros(random_.below(1'000'000)), [this] { join(); });
  tick();
}

void server::pause() {
  if (!is_running() || paused_) return;
  world_.trace(name_, "is stopped");
  ++world_.count.pauses;
  paused_ = true;
}

void server::resume() {
  if (!paused_) return;
  world_.trace(name_, "goes on");
  paused_ = false;
  auto const waiting = std::exchange(stalled_, {});
  auto const life = life_;
  for (auto const& each : waiting)
    if (life == life_) each();
}

void server::leave() {
  if (!online_) return;
  world_.trace(name_, "leaves");
  ++world_.count.leaves;
  leaving_ = true;
  post(xcom::leave_group{});
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

void server::peer_died(std::string const& address) {
  if (!is_running()) return;
  after(micros(random_.between(100, 3000)), [this, address] {
    if (node_) post(xcom::link_lost{address});
  });
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
    what();
  }
}

void server::tick() {
  after(tick_period_, [this] {
    tick();
    auto const elapsed = (world_.clock.now().value() - started_.value()) / tick_period_.value();
    if (node_) post(xcom::ticked{tick_offset_.plus(elapsed)});
  });
}

xcom::site_member server::self_in_site(std::uint64_t boot, xcom::member_role role, base::blob app) const {
  return {id(), address_, role, 50, boot, std::move(app)};
}

xcom::node_config server::config(std::uint64_t boot) const {
  auto chosen = world_.with.node;
  chosen.self = id();
  chosen.boot = boot;
  return chosen;
}

xcom::log_identity server::identity(std::uint64_t boot) const { return {group_uuid, id(), boot}; }

std::string server::describe() const {
  std::string text = name_ + (is_running() ? paused_ ? " paused" : " running" : left_ ? " left" : " down");
  if (online_) text += " online";
  if (cloning_) text += " cloning";
  if (power_lost_) text += " after power failure";
  if (data_) text += fmt::format(" applied {} ({})", data_->slot.value(), data_->state.describe());
  text += fmt::format(" to apply {}", to_apply_.size());
  if (node_) text += "\n     " + node_->describe();
  if (log_)
    text +=
        fmt::format("\n     log {}..{} {} bytes", log_->begins().value(), log_->decided_up_to().value(), log_->bytes());
  return text;
}

}  // namespace sim
