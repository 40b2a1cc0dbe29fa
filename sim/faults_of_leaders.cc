// What strikes a leader, and the moments around the change of one: luck alone finds them too seldom.
#include <algorithm>

#include "sim/faults.hh"

namespace sim {
namespace {

constexpr micros look_every = milliseconds(5);

}  // namespace

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

// Most do not hear it any more and elect another, whom it does not hear: there are two. Then all but the new one hear it
// again, and it hears them: it learns from them what was decided behind its back, while it still leads the few it has.
void faults::unheard_successor() {
  auto* const leads = leader();
  if (leads == nullptr) return;
  ++world_.count.unheard_successors;
  auto others = some_others(*leads, servers_.size());
  auto const few = static_cast<std::ptrdiff_t>(random_.between(0, (servers_.size() - 1) / 2));
  std::vector<server*> deaf(others.begin(), others.begin() + few);
  deaf.push_back(leads);
  others.erase(others.begin(), others.begin() + few);
  set_links({leads}, others, &network::cut);
  // What they say to each other before they suspect it is heard: it knows of no reason to step down.
  auto const before = micros(suspicion().value() - random_.below(suspicion().value() / 4));
  auto const until = world_.clock.now().plus(2 * suspicion().value());
  world_.clock.after(before, [this, deaf, others, until] {
    set_links(others, deaf, &network::cut);
    watch_for_successor(deaf, others, until);
  });
}

void faults::watch_for_successor(std::vector<server*> const& deaf, std::vector<server*> const& others, micros until) {
  auto const succeeds = [](auto const* each) { return each->node() != nullptr && each->node()->is_leader(); };
  auto const at = std::find_if(others.begin(), others.end(), succeeds);
  if (at == others.end() && world_.clock.now() < until)
    return world_.clock.after(look_every, [=, this] { watch_for_successor(deaf, others, until); });
  set_links(others, deaf, &network::mend);
  set_links(deaf, others, &network::mend);
  if (at == others.end()) return;
  std::vector<server*> const successor{*at};
  set_links(successor, deaf, &network::cut);
  set_links(deaf, successor, &network::cut);
  later([this, successor, deaf] {
    set_links(successor, deaf, &network::mend);
    set_links(deaf, successor, &network::mend);
  });
}

void faults::set_links(std::vector<server*> const& from, std::vector<server*> const& to,
                       void (network::*what)(std::string const&, std::string const&)) {
  for (auto const* each : from)
    for (auto const* other : to) (world_.net.*what)(each->address(), other->address());
}

}  // namespace sim
