#include "sim/scenario_words.hh"

#include <algorithm>
#include <array>
#include <vector>

#include "sim/stage.hh"

namespace sim {
namespace {

constexpr std::uint64_t second = 1'000'000;
constexpr std::uint64_t hour = 3600 * second;
constexpr std::uint64_t tick = base::tick_milliseconds * 1000;

using cap = captured;

void wipe(stage& on, cap const& with, server::loss what) {
  on.each(with.servers[0], [what](server& each) { each.wipe(what); });
}

template <void (server::*What)()> void to_each(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { (each.*What)(); });
}

void crash_in(stage& on, cap const& with, bool mid_write) {
  on.each(with.servers[0], [&](server& each) { each.crash_in(with.numbers[0], mid_write); });
}

template <bool Both>
void to_links(stage& on, cap const& with, void (network::*what)(std::string const&, std::string const&)) {
  on.links(with.servers[0], with.servers[1], Both,
           [&](std::string const& from, std::string const& to) { (on.net().*what)(from, to); });
}

template <bool Unreadable> void set_log(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { each.set_log_unreadable(Unreadable); });
}

template <bool Damages> void set_damaging(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { each.set_damaging(Damages); });
}

template <bool Boasts> void set_boasting(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { each.set_boasting(Boasts); });
}

template <bool Slow> void set_applier(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { each.set_slow_applier(Slow); });
}

void slow_link(stage& on, cap const& with) {
  on.links(with.servers[0], with.servers[1], false,
           [&](std::string const& from, std::string const& to) { on.net().set_slow(from, to, with.times[0]); });
}

void step_clock(stage& on, cap const& with) {
  on.each(with.servers[0], [&](server& each) { each.step_clock(base::tick_count(with.times[0].value() / tick)); });
}

void set_clock_rate(stage& on, cap const& with) {
  on.each(with.servers[0], [&](server& each) { each.set_clock_rate(with.numbers[0]); });
}

void place(stage& on, cap const& with) {
  on.each(with.servers[0], [&](server& each) { each.stand_in(static_cast<std::uint32_t>(with.numbers[0])); });
}

void install(stage& on, cap const& with) {
  auto const highest = static_cast<std::uint16_t>(
      std::clamp<std::uint64_t>(with.numbers[0], xcom::protocol_lowest, xcom::protocol_highest));
  on.each(with.servers[0], [&](server& each) { each.install({xcom::protocol_lowest, highest}); });
}

// As it finds them, but for one.
void ask_for(stage& on, cap const& with, std::function<void(xcom::site_rules&, std::uint64_t)> const& change) {
  on.each(with.servers[0], [&](server& each) {
    if (each.node() == nullptr) return;
    auto rules = each.node()->current_site().rules;
    change(rules, with.numbers[0]);
    each.ask_for_rules(rules);
  });
}

void ask_for_protocol(stage& on, cap const& with) {
  ask_for(on, with, [](auto& rules, std::uint64_t to) { rules.protocol = static_cast<std::uint16_t>(to); });
}

void ask_for_concurrency(stage& on, cap const& with) {
  ask_for(on, with, [](auto& rules, std::uint64_t to) { rules.horizon = static_cast<std::uint32_t>(to); });
}

// To the first of those named that is not the leader.
void hand_over(stage& on, cap const& with) {
  server* to = nullptr;
  on.each(with.servers[0], [&](server& each) {
    if (to == nullptr && each.node() != nullptr && !each.node()->is_leader()) to = &each;
  });
  on.each({{whom::kind::leader}}, [&](server& each) {
    if (to != nullptr) each.hand_over_to(to->id());
  });
}

// Somebody who is there asks for it.
void ask_for_roles(stage& on, gr::role_request const& wish) {
  bool asked = false;
  on.each({{whom::kind::all}}, [&](server& each) {
    if (asked || !each.is_online() || each.is_paused()) return;
    each.ask_for_roles(wish);
    asked = true;
  });
}

std::string uuid_of_first(stage const& on, cap const& with) {
  auto const named = on.find(with.servers[0]);
  return named.empty() ? std::string{} : base::to_string(named.front()->id().uuid);
}

void switch_primary(stage& on, cap const& with) {
  auto const patience = std::chrono::milliseconds(with.times[0].value() / 1000);
  ask_for_roles(on, {gr::role_request::kind::set_primary, uuid_of_first(on, with), patience});
}

// All of them alike.
void spoil(stage& on, cap const& with) {
  std::vector<std::string> names;
  on.each(with.servers[0], [&](server& each) { names.push_back(each.name()); });
  on.spoil(with.numbers[0], names);
}

void weigh(stage& on, cap const& with) {
  on.each(with.servers[0], [&](server& each) { each.weigh(static_cast<std::uint32_t>(with.numbers[0])); });
}

void fail(stage& on, cap const& with) {
  on.each(with.servers[0], [](server& each) { each.fail("its server cannot apply a transaction"); });
}

constexpr std::array commands{
    command_phrase{"start SERVERS", [](stage& on, cap const& with) { on.start(with.servers[0]); }},
    command_phrase{"crash SERVERS", to_each<&server::crash>},
    command_phrase{"crash SERVERS in NUMBER actions", [](stage& on, cap const& with) { crash_in(on, with, false); }},
    command_phrase{"crash SERVERS in NUMBER actions mid-write",
                   [](stage& on, cap const& with) { crash_in(on, with, true); }},
    command_phrase{"cut-power SERVERS", to_each<&server::lose_power>},
    command_phrase{"wipe data SERVERS", [](stage& on, cap const& with) { wipe(on, with, server::loss::data); }},
    command_phrase{"wipe log SERVERS", [](stage& on, cap const& with) { wipe(on, with, server::loss::log); }},
    command_phrase{"wipe both SERVERS", [](stage& on, cap const& with) { wipe(on, with, server::loss::both); }},
    command_phrase{"pause SERVERS", to_each<&server::pause>},
    command_phrase{"hold-up SERVERS", to_each<&server::hold_up>},
    command_phrase{"resume SERVERS", to_each<&server::resume>},
    command_phrase{"leave SERVERS", to_each<&server::leave>},
    command_phrase{"fail SERVERS", fail},
    command_phrase{"force SERVERS", [](stage& on, cap const& with) { on.force(with.servers[0]); }},
    command_phrase{"fill-disk SERVERS", to_each<&server::fill_disk>},
    command_phrase{"wear-disk SERVERS", to_each<&server::wear_disk>},
    command_phrase{"free-disk SERVERS", to_each<&server::free_disk>},
    command_phrase{"break-log SERVERS", set_log<true>},
    command_phrase{"mend-log SERVERS", set_log<false>},
    command_phrase{"kill-in-exchange SERVERS", to_each<&server::die_in_exchange>},
    command_phrase{"damage-log SERVERS", set_damaging<true>},
    command_phrase{"stop-damaging SERVERS", set_damaging<false>},
    command_phrase{"boast SERVERS", set_boasting<true>},
    command_phrase{"be-honest SERVERS", set_boasting<false>},
    command_phrase{"slow-applier SERVERS", set_applier<true>},
    command_phrase{"fast-applier SERVERS", set_applier<false>},
    command_phrase{"clock SERVERS ahead TIME", step_clock},
    command_phrase{"clock SERVERS rate PERCENT", set_clock_rate},
    command_phrase{"cut SERVERS -> SERVERS",
                   [](stage& on, cap const& with) { to_links<false>(on, with, &network::cut); }},
    command_phrase{"cut SERVERS <-> SERVERS",
                   [](stage& on, cap const& with) { to_links<true>(on, with, &network::cut); }},
    command_phrase{"mend SERVERS -> SERVERS",
                   [](stage& on, cap const& with) { to_links<false>(on, with, &network::mend); }},
    command_phrase{"mend SERVERS <-> SERVERS",
                   [](stage& on, cap const& with) { to_links<true>(on, with, &network::mend); }},
    command_phrase{"clog SERVERS -> SERVERS",
                   [](stage& on, cap const& with) { to_links<false>(on, with, &network::clog); }},
    command_phrase{"free SERVERS -> SERVERS",
                   [](stage& on, cap const& with) { to_links<false>(on, with, &network::free); }},
    command_phrase{"slow SERVERS -> SERVERS by TIME", slow_link},
    command_phrase{"loss PERCENT", [](stage& on, cap const& with) { on.set_loss(with.numbers[0]); }},
    command_phrase{"place SERVERS in zone NUMBER", place},
    command_phrase{"install protocol NUMBER on SERVERS", install},
    command_phrase{"ask SERVERS for protocol NUMBER", ask_for_protocol},
    command_phrase{"ask SERVERS for concurrency NUMBER", ask_for_concurrency},
    command_phrase{"hand-over to SERVERS", hand_over},
    command_phrase{"switch-primary to SERVERS patience TIME", switch_primary},
    command_phrase{"single-primary SERVERS",
                   [](stage& on, cap const& with) {
                     ask_for_roles(on, {gr::role_request::kind::single_primary, uuid_of_first(on, with), {}});
                   }},
    command_phrase{"multi-primary",
                   [](stage& on, cap const&) {
                     ask_for_roles(on, {gr::role_request::kind::multi_primary, {}, {}});
                   }},
    command_phrase{"weigh SERVERS NUMBER", weigh},
    command_phrase{"spoil in NUMBER positions on SERVERS", spoil},
    command_phrase{"heal", [](stage& on, cap const&) { on.heal(); }},
    command_phrase{"load on SERVERS", [](stage& on, cap const& with) { on.set_load(with.servers[0], true); }},
    command_phrase{"load off SERVERS", [](stage& on, cap const& with) { on.set_load(with.servers[0], false); }},
    command_phrase{"wait", [](stage&, cap const&) {}},
};

// ---- claims ----

template <std::uint64_t statistics::*Counter> bool at_most(stage const& on, cap const& with) {
  return on.count().*Counter <= with.numbers[0];
}
template <std::uint64_t statistics::*Counter> bool at_least(stage const& on, cap const& with) {
  return on.count().*Counter >= with.numbers[0];
}

bool online(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [](server const& each) { return each.is_online() && each.node()->have_quorum(); });
}
bool not_online(stage const& on, cap const& with) {
  return on.all_of(with.servers[0],
                   [](server const& each) { return !each.is_online() || !each.node()->have_quorum(); });
}
bool down(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [](server const& each) { return !each.is_running(); });
}

bool leads(stage const& on, cap const& with) {
  auto const which = on.find(with.servers[0]);
  return std::ranges::any_of(which,
                             [](auto const* each) { return each->node() != nullptr && each->node()->is_leader(); });
}

// Of all servers, these and no others take writes, by what each believes of itself.
bool only_write(stage const& on, cap const& with) {
  auto const named = on.find(with.servers[0]);
  auto const all = on.find({{whom::kind::all}});
  return !named.empty() && std::ranges::all_of(all, [&](server const* each) {
    return each->writes() == (std::ranges::find(named, each) != named.end());
  });
}
bool writers(stage const& on, cap const& with) {
  auto const all = on.find({{whom::kind::all}});
  return static_cast<std::uint64_t>(std::ranges::count_if(all, &server::writes)) == with.numbers[0];
}
bool epoch_at_most(stage const& on, cap const& with) {
  return on.all_of({{whom::kind::all}}, [&](server const& each) {
    return each.member() == nullptr || each.member()->roles().epoch <= with.numbers[0];
  });
}

template <class Value> bool rules_have(stage const& on, cap const& with, Value xcom::site_rules::*what) {
  return on.all_of({{whom::kind::all}}, [&](server const& each) {
    return !each.is_online() || each.node()->current_site().rules.*what == with.numbers[0];
  });
}

// Of the join under way, or the last one.
template <class Holds> bool of_join(stage const& on, cap const& with, Holds const& holds) {
  return on.all_of(with.servers[0], [&](server const& each) {
    return each.member() != nullptr && each.member()->report().joins() > 0 && holds(each.member()->report().record());
  });
}

bool copied(stage const& on, cap const& with) {
  return of_join(on, with, [](gr::join_record const& join) { return join.copies > 0; });
}
bool not_copied(stage const& on, cap const& with) {
  return of_join(on, with, [](gr::join_record const& join) { return join.copies == 0; });
}
bool asked_at_least(stage const& on, cap const& with) {
  return of_join(on, with, [&](gr::join_record const& join) { return join.attempts >= with.numbers[0]; });
}
bool asked_at_most(stage const& on, cap const& with) {
  return of_join(on, with, [&](gr::join_record const& join) { return join.attempts <= with.numbers[0]; });
}

bool backlog_at_most(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [&](server const& each) { return each.to_apply() <= with.numbers[0]; });
}
bool backlog_at_least(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [&](server const& each) { return each.to_apply() >= with.numbers[0]; });
}
bool slowed(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [](server const& each) { return each.slows_writers(); });
}
bool free_of_limits(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [](server const& each) { return !each.slows_writers(); });
}
// Since the line began.
bool acknowledged_at_least(stage const& on, cap const& with) { return on.acknowledged_since() >= with.numbers[0]; }
bool acknowledged_at_most(stage const& on, cap const& with) { return on.acknowledged_since() <= with.numbers[0]; }

bool out(stage const& on, cap const& with) {
  return on.all_of(with.servers[0], [](server const& each) { return each.is_out(); });
}

constexpr std::array claims{
    claim_phrase{"online SERVERS", online},
    claim_phrase{"not online SERVERS", not_online},
    claim_phrase{"down SERVERS", down},
    claim_phrase{"out SERVERS", out},
    claim_phrase{"came back at least NUMBER", at_least<&statistics::came_back>},
    claim_phrase{"came back at most NUMBER", at_most<&statistics::came_back>},
    claim_phrase{"copied SERVERS", copied},
    claim_phrase{"not copied SERVERS", not_copied},
    claim_phrase{"donors asked at least NUMBER by SERVERS", asked_at_least},
    claim_phrase{"donors asked at most NUMBER by SERVERS", asked_at_most},
    claim_phrase{"progress", [](stage const& on, cap const&) { return on.progressed(); }},
    claim_phrase{"no progress", [](stage const& on, cap const&) { return !on.progressed(); }},
    claim_phrase{"same data", [](stage const& on, cap const&) { return on.same_data(); }},
    claim_phrase{"nothing lost", [](stage const& on, cap const&) { return on.nothing_lost(); }},
    claim_phrase{"leader SERVERS", leads},
    claim_phrase{"only SERVERS write", only_write},
    claim_phrase{"writers NUMBER", writers},
    claim_phrase{"epoch at most NUMBER", epoch_at_most},
    claim_phrase{"protocol NUMBER",
                 [](stage const& on, cap const& with) { return rules_have(on, with, &xcom::site_rules::protocol); }},
    claim_phrase{"concurrency NUMBER",
                 [](stage const& on, cap const& with) { return rules_have(on, with, &xcom::site_rules::horizon); }},
    claim_phrase{"members NUMBER", [](stage const& on, cap const& with) { return on.sites_have(with.numbers[0]); }},
    claim_phrase{"expulsions at most NUMBER", at_most<&statistics::expulsions>},
    claim_phrase{"expulsions at least NUMBER", at_least<&statistics::expulsions>},
    claim_phrase{"given up at least NUMBER", at_least<&statistics::given_up>},
    claim_phrase{"given up at most NUMBER", at_most<&statistics::given_up>},
    claim_phrase{"quarantined at least NUMBER", at_least<&statistics::quarantined>},
    claim_phrase{"quarantined at most NUMBER", at_most<&statistics::quarantined>},
    claim_phrase{"diverged at least NUMBER", at_least<&statistics::diverged>},
    claim_phrase{"diverged at most NUMBER", at_most<&statistics::diverged>},
    claim_phrase{"copies at most NUMBER", at_most<&statistics::clones>},
    claim_phrase{"copies at least NUMBER", at_least<&statistics::clones>},
    claim_phrase{"leader changes at most NUMBER", at_most<&statistics::leader_changes>},
    claim_phrase{"log reads at least NUMBER", at_least<&statistics::served>},
    claim_phrase{"damaged ranges at least NUMBER", at_least<&statistics::ranges_damaged>},
    claim_phrase{"crashes at least NUMBER", at_least<&statistics::crashes>},
    claim_phrase{"stepped aside at least NUMBER", at_least<&statistics::stepped_aside>},
    claim_phrase{"stepped aside at most NUMBER", at_most<&statistics::stepped_aside>},
    claim_phrase{"backlog at most NUMBER of SERVERS", backlog_at_most},
    claim_phrase{"backlog at least NUMBER of SERVERS", backlog_at_least},
    claim_phrase{"writers slowed SERVERS", slowed},
    claim_phrase{"writers free SERVERS", free_of_limits},
    claim_phrase{"at least NUMBER acknowledged", acknowledged_at_least},
    claim_phrase{"at most NUMBER acknowledged", acknowledged_at_most},
};

// ---- settings ----

base::tick_count ticks(std::uint64_t micros_) { return base::tick_count(micros_ / tick); }

// The first ones; the others receive, and are never counted.
void let_vote(scenario& to, std::uint64_t voters) {
  to.roles.assign(to.with.servers, xcom::member_role::non_voting);
  std::fill_n(to.roles.begin(), std::min(voters, to.with.servers), xcom::member_role::voter);
}

using kind = setting::kind;
std::vector<setting> const all_settings{
    {"servers",
     kind::number,
     2,
     xcom::site_members_max,
     [](scenario& to, std::uint64_t value) {
       to.with.servers = value;
       let_vote(to, xcom::site_voters_max);
     },
     {}},
    {"voters", kind::number, 1, xcom::site_voters_max, let_vote, {}},
    {"arbiter",
     kind::number,
     2,
     xcom::site_voters_max,
     [](scenario& to, std::uint64_t value) {
       if (value <= to.roles.size()) to.roles[value - 1] = xcom::member_role::arbiter;
     },
     {}},
    {"durability",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) { to.with.durable = value == 0 ? durability::os : durability::disk; },
     {"OS", "DISK"}},
    {"delay",
     kind::time,
     1,
     second,
     [](scenario& to, std::uint64_t value) {
       to.with.links.delay_min = micros(value);
       to.with.links.delay_max = micros(2 * value);
     },
     {}},
    {"think",
     kind::time,
     100,
     10 * second,
     [](scenario& to, std::uint64_t value) { to.with.think_time = micros(value); },
     {}},
    {"apply", kind::time, 1, second, [](scenario& to, std::uint64_t value) { to.with.apply_time = micros(value); }, {}},
    {"copy",
     kind::time,
     1000,
     600 * second,
     [](scenario& to, std::uint64_t value) { to.with.copy_time = micros(value); },
     {}},
    {"suspect",
     kind::time,
     20 * tick,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.node.suspect_ticks = ticks(value); },
     {}},
    {"expel",
     kind::time,
     0,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.node.expel_ticks = ticks(value); },
     {}},
    {"majority-wait",
     kind::time,
     0,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.majority_ticks = value / tick; },
     {}},
    {"zone-acknowledgements",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) { to.with.node.rules.each_zone = value == 1; },
     {"OFF", "ON"}},
    {"horizon",
     kind::number,
     1,
     xcom::site_rules::horizon_max,
     [](scenario& to, std::uint64_t value) { to.with.node.rules.horizon = static_cast<std::uint32_t>(value); },
     {}},
    {"cache-bytes",
     kind::number,
     100,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.node.cache_bytes_max = value; },
     {}},
    {"fetch-bytes",
     kind::number,
     100,
     1U << 26,
     [](scenario& to, std::uint64_t value) { to.with.node.fetch_bytes_max = static_cast<std::uint32_t>(value); },
     {}},
    {"leave-out-bytes",
     kind::number,
     0,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.node.leave_out_bytes_min = value; },
     {}},
    {"undelivered-bytes",
     kind::number,
     100,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.node.undelivered_bytes_max = value; },
     {}},
    {"checkpoint-bytes",
     kind::number,
     100,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.node.checkpoint_bytes = value; },
     {}},
    {"segment-bytes",
     kind::number,
     500,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.log.segment_bytes = value; },
     {}},
    {"retain-bytes",
     kind::number,
     500,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.log.retain_bytes = value; },
     {}},
    {"payload-bytes",
     kind::number,
     1,
     1U << 24,
     [](scenario& to, std::uint64_t value) { to.with.payload_max = value; },
     {}},
    {"rows", kind::number, 1, 100'000, [](scenario& to, std::uint64_t value) { to.with.rows = value; }, {}},
    {"donor-policy",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) {
       to.with.member.recovery.policy = value == 0 ? recovery::donor_policy::random : recovery::donor_policy::balanced;
     },
     {"RANDOM", "BALANCED"}},
    {"donor-patience",
     kind::time,
     tick,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.member.recovery.progress_ticks = value / tick; },
     {}},
    {"reconnect",
     kind::time,
     0,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.member.recovery.reconnect_ticks = value / tick; },
     {}},
    {"retries",
     kind::number,
     0,
     1000,
     [](scenario& to, std::uint64_t value) { to.with.member.recovery.retry_count = value; },
     {}},
    {"autorejoin-tries",
     kind::number,
     0,
     2016,
     [](scenario& to, std::uint64_t value) { to.with.exits.tries = value; },
     {}},
    {"autorejoin-interval",
     kind::time,
     tick,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.exits.interval = std::chrono::milliseconds(value / 1000); },
     {}},
    {"exit-action",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) { to.with.exits.action = static_cast<gr::exit_action>(value); },
     {"READ_ONLY", "ABORT_SERVER", "OFFLINE_MODE"}},
    {"single-primary",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) {
       to.with.mode = value == 1 ? gr::primary_mode::single : gr::primary_mode::multi;
     },
     {"OFF", "ON"}},
    {"primary-election",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) { to.with.elects = static_cast<gr::election_mode>(value); },
     {"WEIGHT_ONLY", "GTID_FIRST", "WEIGHT_FIRST"}},
    {"donor-threshold",
     kind::number,
     1,
     recovery::donor_threshold_max,
     [](scenario& to, std::uint64_t value) { to.with.member.recovery.donor_threshold = value; },
     {}},
    {"flow-control",
     kind::word,
     0,
     0,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.mode = static_cast<gr::flow_mode>(value); },
     {"DISABLED", "QUOTA", "MAJORITY"}},
    {"backlog",
     kind::number,
     1,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.applier_threshold = value; },
     {}},
    {"backlog-bytes",
     kind::number,
     0,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.applier_bytes = value; },
     {}},
    {"backlog-time",
     kind::time,
     0,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.lag_ticks = value / tick; },
     {}},
    {"min-quota",
     kind::number,
     0,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.min_quota = value; },
     {}},
    {"min-recovery-quota",
     kind::number,
     0,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.min_recovery_quota = value; },
     {}},
    {"max-quota",
     kind::number,
     0,
     1U << 30,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.max_quota = value; },
     {}},
    {"quarantine",
     kind::time,
     0,
     hour,
     [](scenario& to, std::uint64_t value) { to.with.member.flow.quarantine_ticks = value / tick; },
     {}},
    {"clone-threshold",
     kind::number,
     1,
     recovery::clone_threshold_max,
     [](scenario& to, std::uint64_t value) { to.with.member.recovery.clone_threshold = value; },
     {}},
};

}  // namespace

std::span<command_phrase const> command_phrases() { return commands; }
std::span<claim_phrase const> claim_phrases() { return claims; }
std::span<setting const> settings() { return all_settings; }

}  // namespace sim
