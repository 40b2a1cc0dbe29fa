// Goal: whoever comes from MySQL or GreatSQL finds each of its variables, or the reason why it is not here; and what is written
// about them has no holes.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "gr/options.hh"

namespace gr {
namespace {

constexpr std::string_view theirs = R"(
group_name start_on_boot local_address group_seeds force_members bootstrap_group poll_spin_loops single_primary_mode
enforce_update_everywhere_checks auto_increment_increment member_weight consistency exit_state_action autorejoin_tries
unreachable_majority_timeout member_expel_timeout message_cache_size communication_max_message_size compression_threshold
transaction_size_limit communication_stack paxos_single_leader gtid_assignment_block_size view_change_uuid
components_stop_timeout allow_local_lower_version_join ip_allowlist ssl_mode tls_source communication_debug_options
recovery_retry_count recovery_reconnect_interval recovery_complete_at recovery_use_ssl recovery_ssl_ca recovery_ssl_capath
recovery_ssl_cert recovery_ssl_cipher recovery_ssl_key recovery_ssl_crl recovery_ssl_crlpath recovery_ssl_verify_server_cert
recovery_tls_version recovery_tls_ciphersuites recovery_public_key_path recovery_get_public_key
recovery_compression_algorithms recovery_zstd_compression_level advertise_recovery_endpoints clone_threshold
flow_control_mode flow_control_certifier_threshold flow_control_applier_threshold flow_control_min_quota
flow_control_min_recovery_quota flow_control_max_quota flow_control_member_quota_percent flow_control_period
flow_control_hold_percent flow_control_release_percent preemptive_garbage_collection
preemptive_garbage_collection_rows_threshold ip_whitelist donor_threshold zone_id zone_id_sync_mode arbitrator
single_primary_fast_mode primary_election_mode majority_after_mode communication_flp_timeout autorejoin_interval
flow_control_replay_lag_behind flow_control_max_wait_time broadcast_gtid_executed_period applier_batch_size_threshold
xcom_cache_mode request_time_threshold auto_evict_timeout certification_loop_chunk_size certification_loop_sleep_time
xcom_ssl_socket_timeout xcom_ssl_accept_retries
)";

bool is_absent(std::string_view name) {
  return std::ranges::any_of(absent_options(), [&](absent_option const& each) { return each.name == name; });
}

TEST(options_document, every_variable_of_theirs_is_here_or_has_a_reason) {
  std::istringstream names{std::string(theirs)};
  for (std::string name; names >> name;) {
    auto const full = "group_replication_" + name;
    bool const here = find_option(full) != nullptr;
    EXPECT_NE(here, is_absent(full)) << full
                                     << (here ? " is here and said not to be" : " is neither here nor explained");
  }
}

TEST(options_document, every_option_is_described) {
  auto const text = options_as_markdown();
  for (auto const& spec : option_table()) {
    EXPECT_FALSE(spec.description.empty()) << spec.name;
    EXPECT_EQ(spec.description.find('|'), std::string_view::npos) << spec.name << ": it would end the cell";
    auto const name = spec.name.starts_with("group_replication_") ? spec.name.substr(18) : spec.name;
    EXPECT_NE(text.find("`" + std::string(name) + "`"), std::string::npos) << spec.name;
  }
}

TEST(options_document, a_name_stands_for_one_option) {
  std::vector<std::string> names;
  for (auto const& spec : option_table()) {
    names.emplace_back(spec.name);
    std::istringstream aliases{std::string(spec.aliases)};
    for (std::string alias; aliases >> alias;) names.push_back(alias);
  }
  std::ranges::sort(names);
  auto const twice = std::ranges::adjacent_find(names);
  EXPECT_EQ(twice, names.end()) << *twice;
}

}  // namespace
}  // namespace gr
