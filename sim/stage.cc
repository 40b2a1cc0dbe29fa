#include "sim/stage.hh"

#include <fmt/format.h>

#include <algorithm>

#include "sim/failure.hh"

namespace sim {

stage::stage(scenario const& what, std::uint64_t seed, std::FILE* trace_to)
    : world_(what.with, base::prng(seed)), clients_(what.with.servers) {
  throw_on_broken_claims();
  world_.trace_to = trace_to;
  world_.net.set_quality(world_.with.links);
  for (std::size_t number = 0; number < world_.with.servers; ++number) {
    servers_.push_back(std::make_unique<server>(number, world_, what.roles.at(number)));
    servers_.back()->set_exits(world_.with.exits, base::prng(seed + number));
    world_.servers.push_back(servers_.back().get());
  }
}

// ---- what a line does ----

// The first one ever founds the group.
void stage::start(std::vector<whom> const& which) {
  for (auto* each : find(which)) {
    if (std::exchange(founded_, true))
      each->start();
    else
      each->bootstrap();
  }
}

void stage::force(std::vector<whom> const& which) {
  auto const named = find(which);
  std::vector<xcom::member_id> who;
  who.reserve(named.size());
  for (auto const* each : named) who.push_back(each->id());
  if (!named.empty()) named.front()->force(who);
}

void stage::each(std::vector<whom> const& which, std::function<void(server&)> const& what) {
  for (auto* each : find(which)) what(*each);
}

void stage::links(std::vector<whom> const& from, std::vector<whom> const& to, bool both_ways,
                  std::function<void(std::string const&, std::string const&)> const& what) {
  for (auto const* one : find(from))
    for (auto const* other : find(to)) {
      if (one == other) continue;
      what(one->address(), other->address());
      if (both_ways) what(other->address(), one->address());
    }
}

void stage::heal() {
  world_.net.heal();
  world_.net.set_quality(world_.with.links);
}

void stage::set_loss(std::uint64_t percent) {
  constexpr std::uint32_t ppm_of_a_percent = 10'000;
  auto quality = world_.net.quality();
  quality.loss_ppm = static_cast<std::uint32_t>(percent) * ppm_of_a_percent;
  world_.net.set_quality(quality);
}

void stage::spoil(std::uint64_t ahead, std::vector<std::string> const& servers) {
  ++world_.count.spoiled;
  auto& next = world_.spoiled[world_.watch.last_position() + static_cast<gr::seqno_t>(ahead)];
  next = {{servers.begin(), servers.end()}, world_.count.spoiled};
}

void stage::set_load(std::vector<whom> const& which, bool on) {
  for (auto* each : find(which)) {
    auto const at = std::find_if(servers_.begin(), servers_.end(), [&](auto const& one) { return one.get() == each; });
    auto& its = clients_[static_cast<std::size_t>(at - servers_.begin())];
    its.wanted = on;
    if (on && !std::exchange(its.there, true)) work(*each, its);
  }
}

void stage::work(server& which, clients& its) {
  auto const wait = micros(world_.random.below(2 * world_.with.think_time.value() + 1));
  world_.clock.after(wait, [this, &which, &its] {
    its.there = its.wanted;
    if (!its.there) return;
    which.submit();
    work(which, its);
  });
}

// ---- what a line asks ----

bool stage::is_donor(server const& which) const {
  return std::ranges::any_of(servers_, [&](auto const& each) { return each->donor() == which.id(); });
}

std::vector<server*> stage::find(std::vector<whom> const& which) const {
  std::vector<server*> found;
  for (auto const& each : servers_) {
    bool const leads = each->node() != nullptr && each->node()->is_leader();
    bool const wanted = std::any_of(which.begin(), which.end(), [&](whom const& name) {
      switch (name.what) {
        case whom::kind::one: return servers_[name.number].get() == each.get();
        case whom::kind::all: return true;
        case whom::kind::leader: return leads;
        case whom::kind::followers: return !leads;
        case whom::kind::primary: return each->writes();
        case whom::kind::secondaries: return !each->writes();
        case whom::kind::donors: return is_donor(*each);
      }
      return false;
    });
    if (wanted) found.push_back(each.get());
  }
  return found;
}

// Of nobody nothing is true: a leader that is not there is no leader that is ONLINE.
bool stage::all_of(std::vector<whom> const& which, std::function<bool(server const&)> const& holds) const {
  auto const found = find(which);
  return !found.empty() && std::all_of(found.begin(), found.end(), [&](auto const* each) { return holds(*each); });
}

bool stage::sites_have(std::uint64_t members) const {
  return std::all_of(servers_.begin(), servers_.end(), [&](auto const& each) {
    return !each->is_online() || each->node()->current_site().members.size() == members;
  });
}

bool stage::same_data() const {
  database const* first = nullptr;
  for (auto const& each : servers_) {
    if (!each->is_online()) continue;
    if (!each->is_idle()) return false;
    auto const& its = *each->data();
    if (its.given_up() != world_.watch.given_up_at(its.position())) return false;
    if (first != nullptr && (its.position() != first->position() || its.fingerprint() != first->fingerprint()))
      return false;
    first = &its;
  }
  return first != nullptr;
}

bool stage::nothing_lost() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [&](auto const& each) { return !each->is_online() || each->data()->position() >= must_hold_; });
}

void stage::report(story_report& to) const {
  to.simulated = now();
  to.happened = world_.clock.done();
  to.steps = world_.count.steps;
  to.sent = world_.net.count().sent;
  to.history = world_.watch.history();
}

std::string stage::dump() const {
  std::string text;
  for (auto const& each : servers_) text += each->describe() + "\n";
  return text + world_.count.describe() + "\n";
}

}  // namespace sim
