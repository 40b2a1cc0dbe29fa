#include <array>

#include "gr/options.hh"

namespace gr {
namespace {

constexpr auto absent = std::to_array<absent_option>({
    {"group_replication_start_on_boot",
     "a server with wsrep_on and a wsrep_cluster_address joins when it starts; SET GLOBAL wsrep_cluster_address = '' "
     "leaves, and setting the address again joins"},
    {"group_replication_view_change_uuid",
     "a view takes a position among the transactions of the group, the same on all members"},
    {"group_replication_gtid_assignment_block_size",
     "positions are given out one by one in the order all members agree on, so no member needs a block of its own"},
    {"group_replication_enforce_update_everywhere_checks",
     "a row that a foreign key points to is certified together with the row that points, so cascades need no check; "
     "wsrep_mode = REQUIRED_PRIMARY_KEY refuses tables without a primary key"},
    {"group_replication_auto_increment_increment",
     "the server does it: with wsrep_auto_increment_control, ON by default, auto_increment_increment is the number of "
     "members and auto_increment_offset this one's number, set anew with each view"},
    {"group_replication_communication_stack",
     "members have one way to speak, an endpoint of their own; tables say XCOM, which is what tools expect of that"},
    {"group_replication_communication_debug_options", "debug = ON in wsrep_provider_options logs every call"},
    {"group_replication_communication_max_message_size",
     "messages travel in pieces of 256 KiB whatever their size, and heartbeats pass between the pieces"},
    {"group_replication_poll_spin_loops", "no thread spins: one thread owns all that is agreed on"},
    {"group_replication_tls_source", "certificates are named by group_replication_ssl_*"},
    {"group_replication_allow_local_lower_version_join",
     "versions are compared by the protocol they speak: see group_replication_communication_protocol"},
    {"group_replication_advertise_recovery_endpoints",
     "a joiner reads a donor's log over the connection that members have anyway"},
    {"group_replication_recovery_use_ssl", "recovery speaks as members speak: group_replication_ssl_mode"},
    {"group_replication_recovery_ssl_ca", "group_replication_ssl_ca"},
    {"group_replication_recovery_ssl_capath", "group_replication_ssl_capath"},
    {"group_replication_recovery_ssl_cert", "group_replication_ssl_cert"},
    {"group_replication_recovery_ssl_cipher", "group_replication_ssl_cipher"},
    {"group_replication_recovery_ssl_key", "group_replication_ssl_key"},
    {"group_replication_recovery_ssl_crl", "group_replication_ssl_crl"},
    {"group_replication_recovery_ssl_crlpath", "group_replication_ssl_crlpath"},
    {"group_replication_recovery_ssl_verify_server_cert", "group_replication_ssl_mode = VERIFY_IDENTITY"},
    {"group_replication_recovery_tls_version", "TLS 1.2 and 1.3 are spoken, nothing older"},
    {"group_replication_recovery_tls_ciphersuites", "group_replication_tls_ciphersuites"},
    {"group_replication_recovery_public_key_path", "recovery logs in nowhere: there is no account and no password"},
    {"group_replication_recovery_get_public_key", "recovery logs in nowhere: there is no account and no password"},
    {"group_replication_recovery_compression_algorithms", "group_replication_recovery_compression"},
    {"group_replication_recovery_zstd_compression_level",
     "each range of the log is packed at the level that is quick, see group_replication_recovery_compression"},
    {"group_replication_preemptive_garbage_collection",
     "what the certifier may forget it forgets a little with each transaction, never in a sweep"},
    {"group_replication_preemptive_garbage_collection_rows_threshold",
     "what the certifier may forget it forgets a little with each transaction, never in a sweep"},
    {"group_replication_ip_whitelist", "the old name of group_replication_ip_allowlist"},
    {"group_replication_single_primary_fast_mode",
     "certifying costs one lookup a row and is the same with one primary and with many"},
    {"group_replication_majority_after_mode",
     "AFTER waits for every ONLINE member, since a reader may ask any of them (docs/consistency.md)"},
    {"group_replication_broadcast_gtid_executed_period", "every heartbeat carries what its member has applied"},
    {"group_replication_applier_batch_size_threshold", "there is no relay log that could be written in batches"},
    {"group_replication_xcom_cache_mode", "group_replication_message_cache_size is taken as it is needed"},
    {"group_replication_auto_evict_timeout", "a slow member is not put out for being slow"},
    {"group_replication_certification_loop_chunk_size",
     "what the certifier may forget it forgets a little with each transaction, never in a sweep"},
    {"group_replication_certification_loop_sleep_time",
     "what the certifier may forget it forgets a little with each transaction, never in a sweep"},
    {"group_replication_xcom_ssl_socket_timeout", "a handshake that hangs is given up after a few seconds"},
    {"group_replication_xcom_ssl_accept_retries", "nothing waits for a handshake, so none is retried"},
    {"group_replication_flow_control_stats.*", "components of MySQL; SHOW GLOBAL STATUS LIKE 'wsrep_flow_control%'"},
    {"group_replication_resource_manager.*", "a component of MySQL; a slow member is not put out for being slow"},
    {"group_replication_elect_prefers_most_updated.*",
     "a component of MySQL; see group_replication_primary_election_mode"},
});

}  // namespace

std::span<absent_option const> absent_options() { return absent; }

}  // namespace gr
