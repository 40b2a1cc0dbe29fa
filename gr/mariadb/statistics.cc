#include "gr/mariadb/statistics.hh"

#include <algorithm>
#include <chrono>

#include "gr/mariadb/provider.hh"

namespace gr::mariadb {
namespace {

struct local_state {
  int number;
  char const* comment;
};

// `busy`: with a donation that keeps this server from its work, or because it was told that it is.
local_state state_of(group_status const& status, bool busy) {
  if (!status.connected || !status.have_quorum) return {abi::undefined, "Initialized"};
  if (busy && status.online) return {abi::donor, "Donor/Desynced"};
  if (status.online) return {abi::synced, "Synced"};
  if (status.state == "RECOVERING") return {abi::joiner, "Joining"};
  return {abi::undefined, "Initialized"};
}

// In the order of wsrep_local_index; but where there is a primary it comes first. An arbiter has no address that clients
// could use.
std::string addresses_of(group_status const& status) {
  auto members = status.members;
  if (status.roles.single)
    std::ranges::stable_sort(members, {}, [](member_row const& each) { return each.role == "PRIMARY" ? 0 : 1; });
  std::string list;
  for (auto const& each : members) {
    if (each.host.empty()) continue;
    if (!list.empty()) list += ',';
    list += each.host + ':' + std::to_string(each.port);
  }
  return list;
}

// "uuid:address:times suspected" of each member that is not heard.
std::string silent_members(group_status const& status) {
  std::string list;
  for (auto const& each : status.members) {
    if (each.state != "UNREACHABLE") continue;
    if (!list.empty()) list += ',';
    list += base::to_string(each.id) + ':' + each.group_address + ':' + std::to_string(each.suspicions);
  }
  return list;
}

double share(std::int64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double share(std::uint64_t part, std::uint64_t whole) { return share(static_cast<std::int64_t>(part), whole); }

void add_traffic(stats_block& into, own_counters const& own, group_status const& status) {
  into.add("replicated", own.replicated.load());
  into.add("replicated_bytes", own.replicated_bytes.load());
  into.add("repl_keys", status.count.key_count);
  into.add("repl_keys_bytes", own.keys_bytes.load());
  into.add("repl_data_bytes", own.data_bytes.load());
  into.add("repl_other_bytes", std::uint64_t{0});
  into.add("received", own.received.load());
  into.add("received_bytes", own.received_bytes.load());
  into.add("local_commits", own.local_commits.load());
  into.add("local_cert_failures", own.local_cert_failures.load());
  into.add("local_replays", own.local_replays.load());
}

void add_queues(stats_block& into, event_queue::statistics const& queue, group_status const& status) {
  into.add("local_send_queue", status.count.send_queue);
  into.add("local_send_queue_max", status.count.send_queue_max);
  into.add("local_send_queue_min", std::uint64_t{0});
  into.add("local_send_queue_avg", share(status.count.send_queue_sum, status.count.send_queue_looks));
  into.add("local_recv_queue", queue.length + status.count.receive_queue);
  into.add("local_recv_queue_max", std::uint64_t{queue.length_max});
  into.add("local_recv_queue_min", std::uint64_t{queue.length_min});
  into.add("local_recv_queue_avg", queue.length_average);
}

// What Galera's names come to where nobody is stopped: `paused` is the time in which at least one transaction here waited for its
// turn, `sent` how often this member's backlog began to slow writers, `recv` how often its own clients began to be slowed.
void add_flow_control(stats_block& into, flow_status const& flow, status_period const& period) {
  auto const text = [](bool is_so) { return std::string(is_so ? "true" : "false"); };
  into.add("flow_control_paused_ns", flow.count.held_ns);
  into.add("flow_control_paused", period.part_of(flow.count.held_ns));
  into.add("flow_control_sent", flow.asked);
  into.add("flow_control_recv", flow.limits);
  into.add("flow_control_active", text(flow.limited));
  into.add("flow_control_requested", text(flow.asks));
}

void add_parallelism(stats_block& into, own_counters const& own, group_status const& status) {
  auto const applied = own.applied.load();
  into.add("cert_deps_distance", share(own.distance_sum.load(), applied));
  into.add("cert_index_size", status.count.cert_index_rows);
  into.add("cert_bucket_count", status.count.cert_index_rows);
  into.add("cert_interval", share(own.interval_sum.load(), own.ordered.load()));
  into.add("apply_oooe", share(own.applied_out_of_order.load(), applied));
  into.add("apply_oool", 0.0);
  into.add("apply_window", share(own.window_sum.load(), applied));
  into.add("apply_waits", own.apply_waits.load());
  into.add("commit_oooe", 0.0);  // commits are always in order
  into.add("commit_oool", 0.0);
  into.add("commit_window", applied == 0 ? 0.0 : 1.0);
}

void add_members(stats_block& into, group_status const& status) {
  into.add("incoming_addresses", addresses_of(status));
  into.add("cluster_weight", std::to_string(std::ranges::count_if(status.members, &member_row::votes)));
  into.add("evs_delayed", silent_members(status));
  into.add("evs_evict_list", std::string());
  into.add("evs_state", std::string(status.connected ? status.have_quorum ? "OPERATIONAL" : "GATHER" : "CLOSED"));
  into.add("gcomm_uuid", base::to_string(status.self));
}

}  // namespace

void own_counters::reset() {
  for (auto* each : {&local_commits, &local_cert_failures, &local_replays, &local_bf_aborts, &replicated,
                     &replicated_bytes, &keys_bytes, &data_bytes, &received, &received_bytes, &applied,
                     &applied_out_of_order, &apply_waits, &distance_sum, &causal_reads, &ordered, &interval_sum})
    each->store(0, std::memory_order_relaxed);
  window_sum.store(0, std::memory_order_relaxed);
}

void status_period::begin(std::uint64_t held_ns) {
  held_before_ns_ = held_ns;
  began_ns_ = now_ns();
}

double status_period::part_of(std::uint64_t held_ns) const {
  auto const held = held_ns - std::min(held_ns, held_before_ns_.load());
  return std::min(1.0,
                  static_cast<double>(held) / static_cast<double>(std::max<std::int64_t>(1, now_ns() - began_ns_)));
}

std::int64_t status_period::now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void stats_block::add(char const* name, std::int64_t number) {
  vars_.push_back({name, abi::stats_number, {}});
  vars_.back().value.number = number;
}

void stats_block::add(char const* name, std::uint64_t number) {
  add(name, static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX)));
}

void stats_block::add(char const* name, double real) {
  vars_.push_back({name, abi::stats_real, {}});
  vars_.back().value.real = real;
}

void stats_block::add(char const* name, std::string text) {
  texts_.push_back(std::move(text));
  vars_.push_back({name, abi::stats_text, {}});
  vars_.back().value.text = texts_.back().c_str();
}

wsrep_stats_var* stats_block::finish() {
  vars_.push_back({nullptr, abi::stats_text, {}});
  return vars_.data();
}

wsrep_stats_var* stats_blocks::lend(std::unique_ptr<stats_block> block) {
  auto* const vars = block->finish();
  std::lock_guard const hold(mutex_);
  lent_.emplace(vars, std::move(block));
  return vars;
}

void stats_blocks::free(wsrep_stats_var* vars) {
  std::lock_guard const hold(mutex_);
  lent_.erase(vars);
}

void provider::collect(stats_block& into) const {
  auto const status = shared_.status();
  auto const state = state_of(status, desyncs_.load() != 0 || (status.donating && donation_blocks_.load()));
  into.add("local_state_uuid", base::to_string(position_group()));
  into.add("protocol_version", std::int64_t{1});
  into.add("protocol_application", std::int64_t{4});
  into.add("protocol_replicator", std::int64_t{1});
  into.add("last_committed", order_.last_left());
  add_traffic(into, count_, status);
  add_queues(into, events_.look(), status);
  into.add("local_cached_downto", std::max<seqno_t>(0, status.first_available));
  add_flow_control(into, status.flow, period_);
  add_parallelism(into, count_, status);
  into.add("local_state", std::int64_t{state.number});
  into.add("local_state_comment", std::string(state.comment));
  into.add("causal_reads", count_.causal_reads.load());
  into.add("open_transactions", std::uint64_t{transactions_.size()});
  into.add("open_connections", std::int64_t{0});
  into.add("desync_count", std::to_string(desyncs_.load()));
  add_members(into, status);
  into.add("evs_repl_latency", ordering_.text());
  into.add("gmcast_segment", options_->number("gmcast.segment"));
}

wsrep_stats_var* provider::stats_get() {
  auto block = std::make_unique<stats_block>();
  collect(*block);
  return blocks_.lend(std::move(block));
}

void provider::stats_reset() {
  count_.reset();
  ordering_.reset();
  events_.reset_statistics();
  period_.begin(shared_.status().flow.count.held_ns);
}

}  // namespace gr::mariadb
