#include "runtime/node_settings.hh"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>

#include "base/ensure.hh"

namespace runtime {
namespace {

void add_names(std::string const& list, std::vector<std::string>& to) {
  constexpr char const* blanks = " \t";
  for (std::size_t at = 0; at < list.size();) {
    auto const comma = std::min(list.find(',', at), list.size());
    auto const first = list.find_first_not_of(blanks, at);
    if (first < comma) to.push_back(list.substr(first, list.find_last_not_of(blanks, comma - 1) - first + 1));
    at = comma + 1;
  }
}

}  // namespace

std::chrono::milliseconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  auto const whole = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  return std::chrono::duration_cast<std::chrono::milliseconds>(whole);
}

base::tick_count tick_now() { return base::tick_count(static_cast<std::uint64_t>(since_boot() / tick_length)); }

std::uint64_t milliseconds_now() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

base::prng make_prng() {
  std::random_device device;
  return base::prng(static_cast<std::uint64_t>(device()) << 32 | device());
}

base::tick_count ticks_of(std::int64_t milliseconds) {
  return base::tick_count(
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(milliseconds) / base::tick_milliseconds));
}

base::uuid new_member_uuid() {
  auto random = make_prng();
  return base::make_time_uuid(milliseconds_now(), random.next(), random.next());
}

base::uuid new_arbiter_uuid() {
  auto id = new_member_uuid();
  id.bytes[0] = 0xff;  // a time that never comes
  return id;
}

std::optional<base::uuid> group_wanted(gr::option_store const& options) {
  auto const named = base::parse_uuid(options.text("group_replication_group_name"));
  return named ? std::optional(*named) : std::nullopt;  // the store takes a UUID or nothing
}

base::result<void> check_group(gr::option_store const& options, base::uuid const& history) {
  auto const wanted = group_wanted(options);
  if (!wanted || *wanted == history) return {};
  return base::fail("group_replication_group_name is " + base::to_string(*wanted) + ", and this is the group " +
                    base::to_string(history) + ": set the one that is right, or none");
}

xcom::node_config node_settings(gr::option_store const& options, xcom::member_id const& self, std::uint64_t boot) {
  xcom::node_config config;
  config.self = self;
  config.boot = boot;
  config.suspect_ticks = ticks_of(options.number("group_replication_communication_flp_timeout"));
  config.expel_ticks = ticks_of(options.number("group_replication_member_expel_timeout"));
  config.rules.horizon = static_cast<std::uint32_t>(options.number("group_replication_write_concurrency"));
  config.rules.each_zone = options.flag("group_replication_zone_id_sync_mode");
  config.cache_bytes_max = static_cast<std::size_t>(options.number("group_replication_message_cache_size"));
  return config;
}

base::result<void> check_protocol(xcom::site const& at) {
  xcom::protocol_range const ours;
  if (ours.holds(at.rules.protocol)) return {};
  return base::fail("the group speaks protocol " + std::to_string(at.rules.protocol) +
                    ", this version of the library " + xcom::to_string(ours) +
                    ": start with the version that ran here last, or a newer one");
}

xcom::log_config log_settings(gr::option_store const& options, log_keeping const& kept) {
  xcom::log_config config;
  config.torn_anywhere = !kept.same_host_boot && kept.durable != gr::durability::disk;
  config.retain_bytes = static_cast<std::uint64_t>(options.number("group_replication_log_retention_size"));
  return config;
}

gr::durability durability_of(gr::option_store const& options) {
  auto const durable = gr::durability_named(options.text("group_replication_durability"));
  ensure(durable.has_value());  // the store takes no other
  return *durable;
}

gr::recovery_settings recovery_settings_of(gr::option_store const& options, std::string const& named) {
  auto const number = [&](char const* name) { return static_cast<std::uint64_t>(options.number(name)); };
  gr::recovery_settings set;
  set.donor_threshold = number("group_replication_donor_threshold");
  set.clone_threshold = number("group_replication_clone_threshold");
  bool const random = options.text("group_replication_donor_policy") == "RANDOM";
  set.policy = random ? recovery::donor_policy::random : recovery::donor_policy::balanced;
  add_names(options.text("group_replication_donor_list"), set.donors);
  add_names(named, set.donors);
  set.retry_count = number("group_replication_recovery_retry_count");
  set.reconnect_ticks = ticks_of(options.number("group_replication_recovery_reconnect_interval")).value();
  set.progress_ticks = ticks_of(options.number("group_replication_recovery_progress_timeout")).value();
  set.donors_at_once = number("group_replication_recovery_donors");
  set.online_when_certified = options.text("group_replication_recovery_complete_at") == "TRANSACTIONS_CERTIFIED";
  return set;
}

base::packing recovery_packing_of(gr::option_store const& options) {
  auto const packing = base::parse_packing(options.text("group_replication_recovery_compression"));
  ensure(packing.has_value());  // the store takes no other
  return *packing;
}

gr::flow_settings flow_settings_of(gr::option_store const& options) {
  auto const named = [](char const* name) { return std::string("group_replication_flow_control_") + name; };
  auto const number = [&](char const* name) { return static_cast<std::uint64_t>(options.number(named(name))); };
  auto const ticks = [&](char const* name) { return number(name) / base::tick_milliseconds; };
  auto const mode = options.text(named("mode"));
  gr::flow_settings set;
  set.mode = mode == "DISABLED"   ? gr::flow_mode::disabled
             : mode == "MAJORITY" ? gr::flow_mode::majority
                                  : gr::flow_mode::quota;
  set.certifier_threshold = number("certifier_threshold");
  set.applier_threshold = number("applier_threshold");
  set.applier_bytes = number("applier_bytes");
  set.lag_ticks = ticks("replay_lag_behind");
  set.min_quota = number("min_quota");
  set.min_recovery_quota = number("min_recovery_quota");
  set.max_quota = number("max_quota");
  set.member_quota_percent = static_cast<unsigned>(number("member_quota_percent"));
  set.period_ticks = ticks("period");
  set.hold_percent = static_cast<unsigned>(number("hold_percent"));
  set.release_percent = static_cast<unsigned>(number("release_percent"));
  set.quarantine_ticks = ticks("quarantine_time");
  return set;
}

gr::allowlist allowlist_of(gr::option_store const& options) {
  auto const parsed = gr::allowlist::parse(options.text("group_replication_ip_allowlist"));
  ensure(parsed.has_value());  // the store takes no other
  return *parsed;
}

}  // namespace runtime
