#include <array>

#include "gr/options.hh"

namespace gr {
namespace {

using enum option_kind;
using enum option_change;

constexpr std::int64_t year_ms = 31536000000;
constexpr std::int64_t int64_max = INT64_MAX;
constexpr std::int64_t int32_max = INT32_MAX;

constexpr option_spec of_text(std::string_view name, std::string_view aliases, std::string_view initial,
                              option_change change, std::string_view description) {
  return {name, aliases, text, initial, 0, 0, "", "", change, false, description};
}
constexpr option_spec of_form(option_spec spec, std::string_view form) {
  spec.unit = form;
  return spec;
}
constexpr option_spec of_switch(std::string_view name, std::string_view aliases, std::string_view initial,
                                option_change change, std::string_view description) {
  return {name, aliases, boolean, initial, 0, 1, "", "", change, false, description};
}
constexpr option_spec of_choice(std::string_view name, std::string_view aliases, std::string_view initial,
                                std::string_view choices, option_change change, std::string_view description) {
  return {name, aliases, choice, initial, 0, 0, "", choices, change, false, description};
}
constexpr option_spec of_number(std::string_view name, std::string_view aliases, std::string_view initial,
                                std::int64_t low, std::int64_t high, std::string_view unit, option_change change,
                                std::string_view description) {
  return {name, aliases, integer, initial, low, high, unit, "", change, false, description};
}
constexpr option_spec of_bytes(std::string_view name, std::string_view aliases, std::string_view initial,
                               std::int64_t low, std::int64_t high, option_change change,
                               std::string_view description) {
  return {name, aliases, bytes, initial, low, high, "bytes", "", change, false, description};
}
constexpr option_spec of_time(std::string_view name, std::string_view aliases, std::string_view initial,
                              std::int64_t low_ms, std::int64_t high_ms, option_change change,
                              std::string_view description) {
  return {name, aliases, duration, initial, low_ms, high_ms, "seconds", "", change, false, description};
}
constexpr option_spec of_group(option_spec spec) {
  spec.scope = option_scope::group;
  return spec;
}
constexpr option_spec equal_everywhere(option_spec spec) {
  spec.scope = option_scope::equal;
  return spec;
}
constexpr option_spec always(option_spec spec, std::string_view why) {
  spec.why_fixed = why;
  return spec;
}
// Known to Galera's users, without a counterpart here.
constexpr option_spec of_nothing(std::string_view name, std::string_view initial) {
  return {name, "", text, initial, 0, 0, "", "", at_once, true, "accepted for Galera's users; has no effect"};
}

constexpr auto table = std::to_array<option_spec>({
    // Where and with whom.
    equal_everywhere(of_form(
        of_text("group_replication_group_name", "", "", next_start,
                "UUID of the group's GTIDs. A group that begins with an empty server gets it; a member does not "
                "join, or begin, a group that has another. Empty: any, and made at bootstrap"),
        "a UUID, or nothing")),
    of_text("group_replication_local_address", "", "", next_start, "host:port of this member's group endpoint"),
    of_text("group_replication_group_seeds", "", "", next_start, "host:port list of members to ask for admission"),
    of_switch("group_replication_bootstrap_group", "", "OFF", next_start, "the next connect creates the group"),
    of_text(
        "group_replication_force_members", "", "", at_once,
        "host:port list of the members to go on with after a majority was lost for good. What only the lost ones held "
        "is lost, and they must not come back as they are"),
    of_text("gmcast.listen_addr", "", "", next_start, "tcp://host:port this member listens at"),
    of_text("base_host", "", "", next_start, "host the others reach this member at"),
    of_number("base_port", "", "4567", 1, 65535, "", next_start,
              "port of the group endpoint when no other option names one"),
    of_switch("pc.bootstrap", "", "OFF", at_once,
              "goes on with the members that are reachable, like group_replication_force_members with their addresses"),
    of_form(
        of_text("group_replication_ip_allowlist", "", "AUTOMATIC", at_once,
                "who may connect to the group endpoint. AUTOMATIC: private networks and this host. Looked at when a "
                "connection is made"),
        "addresses, networks and host names, separated by commas, or AUTOMATIC"),
    // Roles.
    of_switch(
        "group_replication_single_primary_mode", "", "ON", fixed,
        "one member takes writes, the others read: of a group this member founds, and otherwise what the group has. "
        "Changed by group_replication_switch_to_single_primary_mode() and its like"),
    of_number("group_replication_member_weight", "pc.weight", "50", 0, 100, "%", at_once,
              "preference at a primary election"),
    of_choice("group_replication_primary_election_mode", "", "WEIGHT_ONLY", "WEIGHT_ONLY,GTID_FIRST,WEIGHT_FIRST",
              fixed,
              "what an election looks at first: of a group this member founds, and otherwise what the group has"),
    always(of_switch("group_replication_arbitrator", "", "OFF", fixed, "whether this is an arbiter"),
           "a server holds data. An arbiter, which votes and holds none, is a program of its own: grarb"),
    of_number("group_replication_zone_id", "gmcast.segment", "0", 0, 255, "", next_start,
              "data centre of this member: donors in it are preferred, and see group_replication_zone_id_sync_mode"),
    of_group(of_switch("group_replication_zone_id_sync_mode", "", "ON", at_once,
                       "where members stand in several zones, a commit waits until a member of each that is not silent "
                       "holds it")),
    of_switch("group_replication_non_voting", "", "OFF", next_start,
              "this member follows and takes writes, and never counts towards a majority. A group has up to 9 members "
              "with a vote and 32 in all"),
    of_choice("group_replication_consistency", "", "EVENTUAL",
              "EVENTUAL,BEFORE_ON_PRIMARY_FAILOVER,BEFORE,AFTER,BEFORE_AND_AFTER", at_once,
              "what new sessions are promised about reads at other members; docs/consistency.md. Each has its own"),
    of_choice("group_replication_exit_state_action", "", "READ_ONLY", "READ_ONLY,ABORT_SERVER,OFFLINE_MODE", at_once,
              "what this server does once it is out of the group and comes back no more by itself. In each case writes "
              "are held; "
              "OFFLINE_MODE sends its clients away too, ABORT_SERVER shuts it down"),
    always(of_switch("group_replication_paxos_single_leader", "", "ON", next_start,
                     "one member orders the messages of all"),
           "there is always one leader here, and any member takes its place at once when it fails"),
    // Failure detection.
    of_time("group_replication_communication_flp_timeout", "evs.suspect_timeout", "1", 100, 60000, at_once,
            "silence after which a member is suspected"),
    of_time("group_replication_member_expel_timeout", "", "5", 0, 3600000, at_once,
            "time between suspicion and expulsion"),
    of_time("group_replication_unreachable_majority_timeout", "", "5", 0, year_ms, at_once,
            "how long commits under way wait without a majority before they end with an unknown outcome; 0: for ever"),
    of_number(
        "group_replication_autorejoin_tries", "", "3", 0, 2016, "attempts", at_once,
        "to come back by itself, one after the other, once this member gave up: its log could not be written, no donor "
        "was left, the group refused it. Whom the group went on without it asks again without end"),
    of_time("group_replication_autorejoin_interval", "", "300", 1000, 300000, at_once,
            "between those attempts; the first one is made at once"),
    // The log and messages.
    equal_everywhere(of_choice(
        "group_replication_durability", "", "OS", "MEMORY,OS,DISK", next_start,
        "what a member has done with a message before it acknowledges it. MEMORY: nothing, as in Galera: nothing is "
        "lost while a majority stays up, and after all were killed a human begins again with the most advanced. OS: "
        "written it to its log: all may be killed at once. DISK: synced that to the disk: all may lose power at once")),
    of_bytes("group_replication_message_cache_size", "gcache.size", "1G", 134217728, int64_max, at_once,
             "memory for messages others may still need; more of them stay on disk"),
    of_bytes("group_replication_log_retention_size", "gcache.keep_pages_size", "4G", 0, int64_max, at_once,
             "log kept on disk at most, for members to come back incrementally; what members of the group still need "
             "is kept beyond that"),
    of_time("group_replication_log_retention_time", "", "3600", 0, year_ms, at_once,
            "log older than this is removed before log_retention_size is reached, unless a member that is away needs "
            "it; such a member is remembered for a week. 0: by size only"),
    of_bytes("group_replication_disk_watermark", "", "64M", 0, int64_max, at_once,
             "with less room than this where its data is, a member leaves the group in order, unless it is the last "
             "one with "
             "data, and comes back by itself once there is more; below twice as much it warns. 0: never"),
    of_bytes("group_replication_transaction_size_limit", "repl.max_ws_size", "2147483647", 0, 2147483647, at_once,
             "a larger transaction is refused; 0: no limit"),
    of_bytes("group_replication_compression_threshold", "", "1000000", 0, 4294967295, at_once,
             "rows of a larger transaction are packed, with zstd, by the member that commits it, and travel and are "
             "logged so. 0: none. Not "
             "while the group speaks a protocol below 5"),
    of_number("group_replication_request_time_threshold", "", "0", 0, 100000, "milliseconds", at_once,
              "a transaction whose ordering took so long, or longer, is a line in the error log; 0: none"),
    of_group(of_number("group_replication_write_concurrency", "", "200", 10, 200, "slots", at_once,
                       "agreements in flight, at most")),
    of_group(of_text("group_replication_communication_protocol", "", "", at_once,
                     "number of the protocol the group shall speak from now on. It never rises by itself: until it is "
                     "raised, members can go back to the version of the library they ran before")),
    // Security.
    equal_everywhere(of_choice(
        "group_replication_ssl_mode", "socket.ssl", "DISABLED", "DISABLED,REQUIRED,VERIFY_CA,VERIFY_IDENTITY",
        next_start,
        "TLS between members, and what is asked of their certificates. socket.ssl = yes: VERIFY_CA, unless something "
        "else is set here. All with TLS, or none")),
    of_text("group_replication_ssl_ca", "socket.ssl_ca", "", next_start,
            "PEM file of the authorities that members' certificates come from; neither this nor ssl_capath: the "
            "certificate is its own"),
    of_text("group_replication_ssl_capath", "socket.ssl_ca_path", "", next_start, "directory of such files, hashed"),
    of_text("group_replication_ssl_cert", "socket.ssl_cert", "", next_start, "PEM file of this member's certificate"),
    of_text("group_replication_ssl_key", "socket.ssl_key", "", next_start, "PEM file of its private key"),
    of_text("group_replication_ssl_password_file", "socket.ssl_password_file", "", next_start,
            "file whose first line opens the private key"),
    of_text("group_replication_ssl_crl", "socket.ssl_crl", "", next_start, "PEM file of revoked certificates"),
    of_text("group_replication_ssl_crlpath", "", "", next_start, "directory of such files, hashed"),
    of_text("group_replication_ssl_cipher", "socket.ssl_cipher", "", next_start,
            "OpenSSL list of ciphers for TLS 1.2; empty: OpenSSL's own"),
    of_text("group_replication_tls_ciphersuites", "", "", next_start,
            "OpenSSL list of suites for TLS 1.3; empty: OpenSSL's own"),
    of_switch("socket.ssl_reload", "", "OFF", at_once,
              "set to 1: reads the files above again, for connections made from then on"),
    // Flow control.
    of_choice("group_replication_flow_control_mode", "", "QUOTA", "DISABLED,QUOTA,MAJORITY", at_once,
              "for whom writers wait. DISABLED: this member's for nobody, and nobody's for it. QUOTA: for the slowest "
              "member. "
              "MAJORITY: for the slowest but for as many as are no majority"),
    of_number("group_replication_flow_control_certifier_threshold", "", "25000", 0, int32_max, "transactions", at_once,
              "what a member may have received and not certified yet. Writers are slowed from half of it on"),
    of_number("group_replication_flow_control_applier_threshold", "gcs.fc_limit", "25000", 0, int32_max, "transactions",
              at_once, "what a member may have certified and not applied yet. Writers are slowed from half of it on"),
    of_bytes("group_replication_flow_control_applier_bytes", "", "32M", 0, int64_max, at_once,
             "the same in bytes; 0: any number"),
    of_time("group_replication_flow_control_replay_lag_behind", "", "60", 0, 86400000, at_once,
            "the same in time, as far as the member's speed tells; 0: any time"),
    of_number("group_replication_flow_control_min_quota", "", "0", 0, int32_max, "transactions", at_once,
              "what the whole group may order in a period, however far a member is behind. 0: a twentieth of the lower "
              "of the "
              "two thresholds"),
    of_number("group_replication_flow_control_min_recovery_quota", "", "0", 0, int32_max, "transactions", at_once,
              "the same where only RECOVERING members are behind. 0: nobody waits for these"),
    of_number("group_replication_flow_control_max_quota", "", "0", 0, int32_max, "transactions", at_once,
              "what the whole group may order in a period at most, even if nobody is slow; 0: no cap"),
    of_number(
        "group_replication_flow_control_member_quota_percent", "", "0", 0, 100, "%", at_once,
        "this member's part of what the group may order. 0: an equal one among those that write, and what the others "
        "leave"),
    of_time("group_replication_flow_control_period", "", "1", 1000, 60000, at_once,
            "what quotas are counted in and a member's speed is measured over. Limits change more often than that"),
    of_number(
        "group_replication_flow_control_hold_percent", "", "10", 0, 100, "%", at_once,
        "how much less the group orders than a slow member applies, while that one's backlog is at three quarters of "
        "its bound"),
    of_number("group_replication_flow_control_release_percent", "", "50", 0, 1000, "%", at_once,
              "growth of the limit in a period once nobody is slow any more, for two periods; then there is none. 0: "
              "none at once"),
    of_time("group_replication_flow_control_max_wait_time", "", "10", 1000, 86400000, at_once,
            "longest wait of one transaction; then it goes on whatever the limit is"),
    of_time(
        "group_replication_flow_control_quarantine_time", "", "3600", 0, year_ms, at_once,
        "a member that has been at or beyond a bound for so long, so that writers are held to min_quota for it, leaves "
        "the group by itself, catches up and comes back, if two others and a majority keep up. 0: never"),
    // Recovery.
    of_number("group_replication_clone_threshold", "", "9223372036854775807", 1, int64_max, "transactions", at_once,
              "a joiner that misses this many copies a whole server"),
    of_number("group_replication_donor_threshold", "", "9223372036854775807", 1, int64_max, "transactions", at_once,
              "a donor must miss fewer than this many"),
    of_choice("group_replication_donor_policy", "", "BALANCED", "RANDOM,BALANCED", at_once,
              "order of the donors that are left. RANDOM: each is equally likely. BALANCED: fewest donations, not the "
              "primary, same zone, smallest lag"),
    of_text("group_replication_donor_list", "", "", at_once,
            "members to ask first, in this order and whatever their lag: names, host:port of group endpoints or UUIDs, "
            "separated by commas. Those of wsrep_sst_donor come behind them, and then everybody else"),
    of_number("group_replication_recovery_retry_count", "", "10", 0, 31536000, "attempts", at_once,
              "donors tried in all; one that says that its log does not reach back far enough does not count"),
    of_time("group_replication_recovery_reconnect_interval", "", "60", 0, year_ms, at_once,
            "pause when no donor is left"),
    of_time("group_replication_recovery_progress_timeout", "", "30", 1000, year_ms, at_once,
            "a donor that brings nothing new for so long is replaced by the next one. While this member has to apply "
            "first what it holds, no donor is waited for"),
    of_number(
        "group_replication_recovery_donors", "", "2", 1, 9, "members", at_once,
        "members a joiner reads the log from at once: the donor and those that would be asked after it. A range of "
        "the log comes from each, and one that is slow or gone costs no more than its range"),
    of_choice("group_replication_recovery_compression", "", "LZ4", "NONE,LZ4,ZSTD", at_once,
              "how this member packs ranges of the log for others"),
    of_form(
        of_text("group_replication_join_plan_position", "", "", at_once,
                "information_schema.REPLICATION_GROUP_JOIN_PLAN tells, beside the usual cases, what would happen to "
                "a member that stood there"),
        "a position, a GTID set, or nothing"),
    // Clone: the transfer method wsrep_sst_method = clone.
    of_choice(
        "group_replication_clone_keep_old", "", "UNTIL_ONLINE", "NEVER,UNTIL_ONLINE,ALWAYS", at_once,
        "what becomes of the data a clone replaced: removed at once, removed when the member is ONLINE, or kept in "
        ".clone/kept.TIME of the data directory for a human"),
    of_choice("group_replication_clone_compression", "", "ZSTD", "ZSTD,LZ4,NONE", at_once,
              "how a donor packs what it sends"),
    of_number("group_replication_clone_streams", "", "2", 1, 16, "connections", at_once,
              "connections a donor sends over at once, each packed and encrypted on a thread of its own"),
    of_bytes("group_replication_clone_max_rate", "", "0", 0, int64_max, at_once,
             "bytes a second a donor sends at most; 0: no limit"),
    of_switch(
        "group_replication_clone_trial_start", "", "ON", at_once,
        "a joiner starts a server on the data it has copied, for reading only, before that takes the place of the "
        "old; if it does not start, the old data stays"),
    of_number("group_replication_clone_backlog_max", "", "5000", 0, 2147483647, "transactions", at_once,
              "a donor with more than this to apply itself holds the clone it sends until half of it is left; 0: it "
              "never does"),
    of_time("group_replication_clone_reconnect_timeout", "", "60", 1000, 3600000, at_once,
            "how long donor and joiner try to go on where a lost connection ended before the copy counts as failed"),
    of_choice("group_replication_recovery_complete_at", "", "TRANSACTIONS_APPLIED",
              "TRANSACTIONS_CERTIFIED,TRANSACTIONS_APPLIED", at_once, "when a joiner is ONLINE"),
    of_time("group_replication_components_stop_timeout", "", "5", 2000, year_ms, at_once,
            "how long a member that leaves waits for the group to take note; then it goes unannounced"),
    // This binding.
    of_time("repl.causal_read_timeout", "", "PT30S", 1, 3600000, at_once,
            "longest wait of a causal read, and of a commit for the other members (consistency AFTER)"),
    of_number("gmcast.isolate", "", "0", 0, 2, "", at_once,
              "not 0: sends and hears nothing, as if its network were cut"),
    of_switch("debug", "", "OFF", at_once, "logs every call of the server"),
    // Galera's own affairs.
    of_nothing("allocator.disk_pages_encryption", "no"),
    of_nothing("allocator.encryption_cache_page_size", "32K"),
    of_nothing("allocator.encryption_cache_size", "16777216"),
    of_nothing("base_dir", ""),
    of_nothing("cert.log_conflicts", "no"),
    of_nothing("cert.optimistic_pa", "yes"),
    of_nothing("evs.auto_evict", "0"),
    of_nothing("evs.causal_keepalive_period", "PT1S"),
    of_nothing("evs.debug_log_mask", "0x1"),
    of_nothing("evs.delay_margin", "PT1S"),
    of_nothing("evs.delayed_keep_period", "PT30S"),
    of_nothing("evs.evict", ""),
    of_nothing("evs.inactive_check_period", "PT0.5S"),
    of_nothing("evs.inactive_timeout", "PT15S"),
    of_nothing("evs.info_log_mask", "0"),
    of_nothing("evs.install_timeout", "PT7.5S"),
    of_nothing("evs.join_retrans_period", "PT1S"),
    of_nothing("evs.keepalive_period", "PT1S"),
    of_nothing("evs.max_install_timeouts", "3"),
    of_nothing("evs.send_window", "4"),
    of_nothing("evs.stats_report_period", "PT1M"),
    of_nothing("evs.use_aggregate", "true"),
    of_nothing("evs.user_send_window", "2"),
    of_nothing("evs.version", "1"),
    of_nothing("evs.view_forget_timeout", "P1D"),
    of_nothing("gcache.dir", ""),
    of_nothing("gcache.encryption", "no"),
    of_nothing("gcache.encryption_cache_page_size", "32K"),
    of_nothing("gcache.encryption_cache_size", "16777216"),
    of_nothing("gcache.keep_pages_count", "0"),
    of_nothing("gcache.keep_plaintext_size", "128M"),
    of_nothing("gcache.mem_size", "0"),
    of_nothing("gcache.name", "galera.cache"),
    of_nothing("gcache.page_size", "128M"),
    of_nothing("gcache.recover", "yes"),
    of_nothing("gcache.debug", "0"),
    of_nothing("gcomm.thread_prio", ""),
    of_nothing("gcs.check_appl_proto", "1"),
    of_nothing("gcs.fc_auto_evict_threshold", "0.75"),
    of_nothing("gcs.fc_auto_evict_window", "0"),
    of_nothing("gcs.fc_debug", "0"),
    of_nothing("gcs.fc_factor", "1.0"),
    of_nothing("gcs.fc_master_slave", "no"),
    of_nothing("gcs.fc_single_primary", "no"),
    of_nothing("gcs.max_packet_size", "64500"),
    of_nothing("gcs.max_throttle", "0.25"),
    of_nothing("gcs.recv_q_hard_limit", "9223372036854775807"),
    of_nothing("gcs.recv_q_soft_limit", "0.25"),
    of_nothing("gcs.sync_donor", "no"),
    of_nothing("gcs.vote_policy", "0"),
    of_nothing("gmcast.group", ""),
    of_nothing("gmcast.mcast_addr", ""),
    of_nothing("gmcast.mcast_ttl", "1"),
    of_nothing("gmcast.peer_timeout", "PT3S"),
    of_nothing("gmcast.time_wait", "PT5S"),
    of_nothing("gmcast.version", "0"),
    of_nothing("ist.recv_addr", ""),
    of_nothing("ist.recv_bind", ""),
    of_nothing("pc.announce_timeout", "PT3S"),
    of_nothing("pc.checksum", "false"),
    of_nothing("pc.ignore_quorum", "false"),
    of_nothing("pc.ignore_sb", "false"),
    of_nothing("pc.linger", "PT20S"),
    of_nothing("pc.npvo", "false"),
    of_nothing("pc.recovery", "true"),
    of_nothing("pc.version", "0"),
    of_nothing("pc.wait_prim", "true"),
    of_nothing("pc.wait_prim_timeout", "PT30S"),
    of_nothing("pc.wait_restored_prim_timeout", "PT0S"),
    of_nothing("protonet.backend", "asio"),
    of_nothing("protonet.version", "0"),
    of_nothing("repl.commit_order", "3"),
    of_nothing("repl.key_format", "FLAT8"),
    of_nothing("repl.proto_max", "11"),
    of_nothing("socket.checksum", "2"),
    of_nothing("socket.dynamic", "false"),
    of_nothing("socket.recv_buf_size", "auto"),
    of_nothing("socket.send_buf_size", "auto"),
    of_nothing("socket.ssl_compression", "YES"),
    of_nothing("socket.ssl_verify", ""),
});

}  // namespace

std::span<option_spec const> option_table() { return table; }

bool is_command(option_spec const& spec) {
  return spec.name == "group_replication_force_members" || spec.name == "pc.bootstrap" ||
         spec.name == "group_replication_communication_protocol";
}

}  // namespace gr
