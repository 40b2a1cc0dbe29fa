#include "sim/faults.hh"

#include <algorithm>

namespace sim {

faults::faults(world& shared, std::vector<std::unique_ptr<server>>& servers, base::prng troubles)
    : world_(shared), servers_(servers), random_(shared.random.next()), troubles_(troubles) {
  auto const& rates = world_.with.faults;
  kinds_ = {{rates.crash, &faults::crash},
            {rates.crash_in_write, &faults::crash_in_write},
            {rates.crash_all, &faults::crash_all},
            {rates.power, &faults::power},
            {rates.disk_full, &faults::disk_full},
            {rates.partition, &faults::partition},
            {rates.one_way, &faults::one_way},
            {rates.clog, &faults::clog},
            {rates.slow_link, &faults::slow_link},
            {rates.pause, &faults::pause},
            {rates.slow_applier, &faults::slow_applier},
            {rates.leave, &faults::leave},
            {rates.bad_links, &faults::bad_links},
            {rates.wipe, &faults::wipe},
            {rates.half_heard, &faults::half_heard},
            {rates.late_words, &faults::late_words},
            {rates.unheard_successor, &faults::unheard_successor},
            {rates.rules, &faults::rules},
            {rates.hand_over, &faults::hand_over},
            {rates.damage, &faults::damage},
            {rates.roles, &faults::roles},
            {rates.spoil, &faults::spoil}};
  for (auto const& each : kinds_) weights_ += each.weight;
}

void faults::begin(micros until) {
  until_ = until;
  if (weights_ > 0) next();
  if (world_.with.trouble_every > micros(0)) next_trouble();
}

void faults::next_trouble() {
  world_.clock.after(micros(troubles_.below(2 * world_.with.trouble_every.value())), [this] {
    if (world_.clock.now() >= until_) return;
    if (world_.watch.last_position() > 0) trouble();
    next_trouble();
  });
}

// Too little room, which is seen in time, or not.
void faults::trouble() {
  auto& which = *servers_[troubles_.below(servers_.size())];
  auto const lasts = micros(troubles_.between(10'000, seconds(3).value()));
  ++world_.count.disks_in_trouble;
  bool const in_time = troubles_.chance(1, 2);
  if (in_time)
    which.run_low();
  else
    which.wear_disk();
  world_.clock.after(lasts, [&which] {
    which.free_disk();
    which.start();
  });
}

void faults::next() {
  auto const wait = micros(random_.below(2 * world_.with.fault_every.value()));
  world_.clock.after(wait, [this] {
    if (world_.clock.now() >= until_) return;
    // Who dies while founding a group has to be told to found it again; there is nothing to see in that.
    if (world_.watch.last_position() == 0) return next();
    auto pick = random_.below(weights_);
    for (auto const& each : kinds_) {
      if (pick < each.weight) {
        (this->*each.strike)();
        break;
      }
      pick -= each.weight;
    }
    next();
  });
}

// Most faults are short; some outlast every timeout.
void faults::later(std::function<void()> end) {
  auto const longest = random_.chance(1, 4) ? seconds(12) : seconds(2);
  world_.clock.after(micros(random_.between(10'000, longest.value())), std::move(end));
}

server& faults::any_server() { return *servers_[random_.below(servers_.size())]; }

server* faults::any_running() {
  std::vector<server*> running;
  for (auto const& each : servers_)
    if (each->is_running()) running.push_back(each.get());
  return running.empty() ? nullptr : running[random_.below(running.size())];
}

std::pair<server*, server*> faults::any_link() {
  auto const from = random_.below(servers_.size());
  auto const to = (from + random_.between(1, servers_.size() - 1)) % servers_.size();
  return {servers_[from].get(), servers_[to].get()};
}

void faults::restart_later(server& which) {
  if (world_.with.old_programs) which.install({1, random_.chance(1, 2) ? xcom::protocol_highest : std::uint16_t{1}});
  later([&which] { which.start(); });
}

void faults::crash() {
  auto* which = any_running();
  if (which == nullptr) return;
  which->crash();
  restart_later(*which);
}

void faults::crash_in_write() {
  auto* which = any_running();
  if (which == nullptr) return;
  which->crash_in(random_.between(1, 30), random_.chance(1, 2));
  restart_later(*which);
}

void faults::crash_all() {
  for (auto const& each : servers_) {
    if (!each->is_running()) continue;
    each->crash();
    restart_later(*each);
  }
}

void faults::power() {
  auto& which = any_server();
  if (!which.is_running()) return;
  // Before its founder says that there is a group it may leave nothing behind, and a human would begin again.
  if (world_.watch.delivered_up_to() == xcom::slot_no{}) return;
  if (world_.with.durable != durability::disk && !may_forget(which)) return;
  which.lose_power();
  restart_later(which);
}

void faults::wipe() {
  auto& which = any_server();
  if (!which.is_running() || !may_forget(which)) return;
  which.wipe(static_cast<server::loss>(random_.below(3)));
  restart_later(which);
}

// A majority of every site that is or may come into force has to remember what it said.
bool faults::may_forget(server const& which) const {
  // The site that counts on a vote it asked for may come into force behind our back.
  bool const counted = world_.watch.newest_site().votes(which.id());
  if (which.asked_for_vote() && !counted) return false;
  if (site_may_change() || !may_forget(which, world_.watch.newest_site())) return false;
  return std::all_of(servers_.begin(), servers_.end(), [&](auto const& each) {
    return each->node() == nullptr || may_forget(which, each->node()->current_site());
  });
}

bool faults::may_forget(server const& which, xcom::site const& site) const {
  std::size_t remembering = 0;
  std::size_t remembering_up = 0;
  std::size_t up = 0;  // and could put out who is not
  for (auto const& each : servers_) {
    auto const as = each->remembers_as();
    if (!as || !site.votes(*as)) continue;
    bool const runs = each->is_heard();
    if (runs) ++up;
    if (each.get() == &which || !each->data()) continue;
    ++remembering;
    if (runs) ++remembering_up;
  }
  bool const may_shrink = up >= site.majority();
  return remembering >= site.majority() && (!may_shrink || 2 * remembering_up > up);
}

// The site without it needs a majority that is there, or will be back.
bool faults::may_leave(server const& which) const {
  auto site = world_.watch.newest_site();
  std::erase_if(site.members, [&](auto const& each) { return each.id == which.id(); });
  return !site_may_change() && site.voters() >= 2 && may_forget(which, site);
}

// Somebody has asked to be taken out, or a change is on its way: the majority that counts may soon be another one.
bool faults::site_may_change() const {
  return world_.watch.site_change_under_way() ||
         std::any_of(servers_.begin(), servers_.end(), [](auto const& each) { return each->is_leaving(); });
}

void faults::disk_full() {
  auto& which = any_server();
  ++world_.count.disks_full;
  which.fill_disk();
  later([this, &which] {
    which.free_disk();
    restart_later(which);
  });
}

void faults::between_sides(std::vector<bool> const& side,
                           void (network::*what)(std::string const&, std::string const&)) {
  for (std::size_t from = 0; from < servers_.size(); ++from)
    for (std::size_t to = 0; to < servers_.size(); ++to)
      if (side[from] != side[to]) (world_.net.*what)(servers_[from]->address(), servers_[to]->address());
}

void faults::partition() {
  std::vector<bool> side;
  for (std::size_t each = 0; each < servers_.size(); ++each) side.push_back(random_.chance(1, 2));
  ++world_.count.partitions;
  between_sides(side, &network::cut);
  later([this, side] { between_sides(side, &network::mend); });
}

void faults::one_way() {
  auto const [from, to] = any_link();
  ++world_.count.one_way_cuts;
  world_.net.cut(from->address(), to->address());
  later([this, from = from, to = to] { world_.net.mend(from->address(), to->address()); });
}

void faults::clog() {
  auto const [from, to] = any_link();
  ++world_.count.clogs;
  world_.net.clog(from->address(), to->address());
  later([this, from = from, to = to] { world_.net.free(from->address(), to->address()); });
}

void faults::slow_link() {
  auto const [from, to] = any_link();
  ++world_.count.slow_links;
  world_.net.set_slow(from->address(), to->address(), micros(random_.between(1000, 500'000)));
  later([this, from = from, to = to] { world_.net.set_slow(from->address(), to->address(), micros(0)); });
}

void faults::pause() {
  auto* which = any_running();
  if (which == nullptr) return;
  // By turns: what a stopped process does not say, one that is busy does.
  if ((world_.count.pauses + world_.count.hold_ups) % 2 == 0)
    which->pause();
  else
    which->hold_up();
  later([which] { which->resume(); });
}

void faults::slow_applier() {
  auto& which = any_server();
  ++world_.count.slow_appliers;
  which.set_slow_applier(true);
  later([&which] { which.set_slow_applier(false); });
}

void faults::damage() {
  auto& which = any_server();
  ++world_.count.damages;
  which.set_damaging(true);
  later([&which] { which.set_damaging(false); });
}

void faults::leave() {
  auto* which = any_running();
  if (which == nullptr || !which->is_online() || which->is_paused()) return;
  if (!may_leave(*which)) return;
  which->leave();
  restart_later(*which);
}

// On a few or on many. One at a time: where the words on two are mixed, nobody may be right about both. Only where there are votes:
// without them, or with nobody left to be copied, a human is needed.
void faults::spoil() {
  constexpr gr::seqno_t soon = 20;
  auto const last = world_.watch.last_position();
  if (!world_.spoiled.empty() && last < world_.spoiled.rbegin()->first + soon) return;
  ++world_.count.spoiled;
  auto& next = world_.spoiled[last + static_cast<gr::seqno_t>(random_.between(1, soon))];
  next.error = world_.count.spoiled;
  auto const share = random_.between(1, servers_.size());
  for (auto const& each : servers_)
    if (random_.chance(share, servers_.size())) next.servers.insert(each->name());
}

// Whoever it is that asks, and whatever for.
void faults::rules() {
  auto* which = any_running();
  if (which == nullptr || which->node() == nullptr) return;
  ++world_.count.rules_asked;
  auto wanted = which->node()->current_site().rules;
  wanted.protocol = static_cast<std::uint16_t>(random_.between(
      world_.with.faults.spoil > 0 ? xcom::protocol_with_votes : xcom::protocol_lowest, xcom::protocol_highest));
  if (random_.chance(1, 2)) wanted.horizon = static_cast<std::uint32_t>(random_.between(1, 20));
  if (random_.chance(1, 2)) wanted.each_zone = !wanted.each_zone;
  which->ask_for_rules(wanted);
}

// Anybody, about anybody: who may not be asked for is refused, there or in the log.
void faults::roles() {
  auto* which = any_running();
  if (which == nullptr) return;
  using wanted = gr::role_request::kind;
  constexpr std::uint64_t patience_ms_most = 3000;
  gr::role_request wish;
  wish.patience = std::chrono::milliseconds(random_.chance(1, 3) ? 0 : random_.below(patience_ms_most));
  auto const pick = random_.below(10);
  wish.what = pick < 6 ? wanted::set_primary : pick < 8 ? wanted::single_primary : wanted::multi_primary;
  if (wish.what == wanted::set_primary || random_.chance(1, 2)) wish.name = base::to_string(any_server().id().uuid);
  which->ask_for_roles(wish);
  // And whoever is concerned may be gone at any step of it.
  if (!random_.chance(1, 3)) return;
  auto& victim = any_server();
  if (!victim.is_running()) return;
  victim.crash_in(random_.between(1, 60), false);
  restart_later(victim);
}

void faults::bad_links() {
  ++world_.count.bad_links;
  auto worse = world_.with.links;
  worse.loss_ppm = static_cast<std::uint32_t>(random_.between(100'000, 500'000));
  world_.net.set_quality(worse);
  later([this] { world_.net.set_quality(world_.with.links); });
}

void faults::heal() {
  world_.net.heal();
  world_.spoiled.clear();
  for (auto const& each : servers_) {
    each->disarm();
    each->free_disk();
    each->set_slow_applier(false);
    each->set_damaging(false);
    each->install({});
    each->resume();
    each->start();
  }
}

}  // namespace sim
