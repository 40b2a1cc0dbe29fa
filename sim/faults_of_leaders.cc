// What strikes a leader, and the moments around the change of one: luck alone finds them too seldom.
#include <algorithm>

#include "sim/faults.hh"

namespace sim {

server* faults::leader() {
  auto const leads = [](auto const& each) {
    return each->node() != nullptr && each->node()->is_leader() && !each->is_paused();
  };
  auto const at = std::find_if(servers_.begin(), servers_.end(), leads);
  return at == servers_.end() ? nullptr : at->get();
}

std::vector<server*> faults::some_others(server const& than, std::size_t count) {
  std::vector<server*> others;
  for (auto const& each : servers_)
    if (each.get() != &than) others.push_back(each.get());
  random_.shuffle(others);
  others.resize(std::min(others.size(), count));
  return others;
}

micros faults::suspicion() const {
  return milliseconds(world_.with.node.suspect_ticks.value() * base::tick_milliseconds);
}

void faults::silence(server& which) {
  if (random_.chance(1, 2)) {
    which.crash();
    restart_later(which);
  } else if (which.is_running() && !which.is_paused()) {
    which.pause();
    later([&which] { which.resume(); });
  }
}

// What it says reaches a few only, a bare majority at best, then it is gone: what it decided last its successor has to find
// out. Should that one be half heard in its turn, two ballots have left different values in the same slot.
void faults::half_heard() {
  auto* const leads = leader();
  if (leads == nullptr) return;
  ++world_.count.half_heard;
  auto const deaf = some_others(*leads, random_.between((servers_.size() - 1) / 2, servers_.size() - 1));
  for (auto const* each : deaf) world_.net.cut(leads->address(), each->address());
  if (random_.chance(1, 2)) {
    auto const next = micros(suspicion().value() + 300'000 + random_.below(suspicion().value()));
    world_.clock.after(next, [this] {
      if (world_.clock.now() < until_) half_heard();
    });
  }
  world_.clock.after(micros(random_.between(1000, 300'000)), [this, leads, deaf] {
    silence(*leads);
    for (auto const* each : deaf) world_.net.mend(leads->address(), each->address());
  });
}

// It is gone, and its last words arrive one by one in the middle of the election they have caused.
void faults::late_words() {
  auto* const leads = leader();
  if (leads == nullptr) return;
  ++world_.count.late_words;
  for (auto* each : some_others(*leads, servers_.size())) {
    world_.net.clog(leads->address(), each->address());
    auto const patience = suspicion().value() + random_.below(suspicion().value());
    world_.clock.after(micros(patience), [this, leads, each] { world_.net.free(leads->address(), each->address()); });
  }
  world_.clock.after(micros(random_.between(1000, 300'000)), [this, leads] { silence(*leads); });
}

void faults::hand_over() {
  auto* const leads = leader();
  if (leads == nullptr) return;
  ++world_.count.hand_overs;
  auto const others = some_others(*leads, 1);
  if (!others.empty()) leads->hand_over_to(others.front()->id());
}

// Most do not hear it any more and elect another, whom it does not hear: there are two, and it goes on with the few it has.
void faults::unheard_successor() {
  auto* const leads = leader();
  if (leads == nullptr) return;
  ++world_.count.unheard_successors;
  auto others = some_others(*leads, servers_.size());
  auto const few = random_.between(0, (servers_.size() - 1) / 2);
  std::vector<server*> const loyal(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(few));
  others.erase(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(few));
  for (auto const* each : others) world_.net.cut(leads->address(), each->address());
  auto const until = micros(suspicion().value() + random_.below(suspicion().value() / 2));
  world_.clock.after(until, [this, leads, loyal, others] {
    for (auto const* each : others) world_.net.mend(leads->address(), each->address());
    auto const succeeds = [leads](auto const* each) {
      return each != leads && each->node() != nullptr && each->node()->is_leader();
    };
    auto const at = std::find_if(others.begin(), others.end(), succeeds);
    if (at == others.end()) return;
    auto deaf = loyal;
    deaf.push_back(leads);
    for (auto const* each : deaf) world_.net.cut((*at)->address(), each->address());
    later([this, from = *at, deaf] {
      for (auto const* each : deaf) world_.net.mend(from->address(), each->address());
    });
  });
}

}  // namespace sim
