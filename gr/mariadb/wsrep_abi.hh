// The C interface between a MariaDB 10.11 server and its replication provider (interface version "26"), as a 64-bit
// Linux server lays it out. Sizes and offsets are measured facts and checked below; docs name the rules of each call.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct wsrep_uuid {
  union {
    std::uint8_t data[16];
    std::size_t alignment;
  };
};
struct wsrep_gtid {
  wsrep_uuid uuid;
  std::int64_t seqno;
};
struct wsrep_stid {
  wsrep_uuid node;
  std::uint64_t trx;
  std::uint64_t conn;
};
struct wsrep_trx_meta {
  wsrep_gtid gtid;
  wsrep_stid stid;
  std::int64_t depends_on;
};
struct wsrep_buf {
  void const* ptr;
  std::size_t len;
};
struct wsrep_key {
  wsrep_buf const* parts;
  std::size_t parts_num;
};
struct wsrep_ws_handle {
  std::uint64_t trx_id;
  void* opaque;
};
struct wsrep_member_info {
  wsrep_uuid id;
  char name[32];
  char incoming[256];
};
struct wsrep_view_info {
  wsrep_gtid state_id;
  std::int64_t view;
  int status;
  std::uint32_t capabilities;
  int my_idx;
  int memb_num;
  int proto_ver;
  // members[memb_num] follow at members_offset
};
struct wsrep_stats_var {
  char const* name;
  int type;
  union {
    char const* text;
    std::int64_t number;
    double real;
  } value;
};
struct wsrep_po_handle {
  void* opaque;
};
struct wsrep_enc_ctx {
  wsrep_buf const* key;
  char const (*iv)[32];
  void* ctx;
};

using wsrep_logger_cb = void (*)(int level, char const* line);
using wsrep_connected_cb = int (*)(void* app, wsrep_view_info const* view);
using wsrep_view_cb = int (*)(void* app, void* recv_ctx, wsrep_view_info const* view, char const* state,
                              std::size_t length);
using wsrep_sst_request_cb = int (*)(void* app, void** request, std::size_t* length);
using wsrep_encrypt_cb = int (*)(void* app, wsrep_enc_ctx* ctx, wsrep_buf const* in, void* out, int direction,
                                 bool last);
using wsrep_apply_cb = int (*)(void* recv_ctx, wsrep_ws_handle const* handle, std::uint32_t flags,
                               wsrep_buf const* data, wsrep_trx_meta const* meta, bool* exit_loop);
using wsrep_unordered_cb = int (*)(void* recv_ctx, wsrep_buf const* data);
using wsrep_sst_donate_cb = int (*)(void* app, void* recv_ctx, wsrep_buf const* request, wsrep_gtid const* position,
                                    wsrep_buf const* state, bool bypass);
using wsrep_synced_cb = int (*)(void* app);

struct wsrep_init_args {
  void* app_ctx;
  char const* node_name;
  char const* node_address;
  char const* node_incoming;
  char const* data_dir;
  char const* options;
  int proto_ver;
  wsrep_gtid const* state_id;
  wsrep_buf const* state;
  wsrep_logger_cb logger_cb;
  wsrep_connected_cb connected_cb;
  wsrep_view_cb view_cb;
  wsrep_sst_request_cb sst_request_cb;
  wsrep_encrypt_cb encrypt_cb;
  wsrep_apply_cb apply_cb;
  wsrep_unordered_cb unordered_cb;
  wsrep_sst_donate_cb sst_donate_cb;
  wsrep_synced_cb synced_cb;
};

struct wsrep_provider {
  char const* version;
  int (*init)(wsrep_provider*, wsrep_init_args const*);
  std::uint32_t (*capabilities)(wsrep_provider*);
  int (*options_set)(wsrep_provider*, char const*);
  char* (*options_get)(wsrep_provider*);
  int (*enc_set_key)(wsrep_provider*, wsrep_buf const*);
  int (*connect)(wsrep_provider*, char const* name, char const* url, char const* donor, bool bootstrap);
  int (*disconnect)(wsrep_provider*);
  int (*recv)(wsrep_provider*, void* recv_ctx);
  int (*assign_read_view)(wsrep_provider*, wsrep_ws_handle*, wsrep_gtid const*);
  int (*certify)(wsrep_provider*, std::uint64_t conn, wsrep_ws_handle*, std::uint32_t flags, wsrep_trx_meta*);
  int (*commit_order_enter)(wsrep_provider*, wsrep_ws_handle const*, wsrep_trx_meta const*);
  int (*commit_order_leave)(wsrep_provider*, wsrep_ws_handle const*, wsrep_trx_meta const*, wsrep_buf const* error);
  int (*release)(wsrep_provider*, wsrep_ws_handle*);
  int (*replay_trx)(wsrep_provider*, wsrep_ws_handle const*, void* ctx);
  int (*abort_certification)(wsrep_provider*, std::int64_t bf_seqno, std::uint64_t victim, std::int64_t* victim_seqno);
  int (*rollback)(wsrep_provider*, std::uint64_t trx, wsrep_buf const*);
  int (*append_key)(wsrep_provider*, wsrep_ws_handle*, wsrep_key const*, std::size_t, int kind, bool copy);
  int (*append_data)(wsrep_provider*, wsrep_ws_handle*, wsrep_buf const*, std::size_t, int kind, bool copy);
  int (*sync_wait)(wsrep_provider*, wsrep_gtid* upto, int timeout, wsrep_gtid* out);
  int (*last_committed_id)(wsrep_provider*, wsrep_gtid*);
  int (*free_connection)(wsrep_provider*, std::uint64_t conn);
  int (*to_execute_start)(wsrep_provider*, std::uint64_t conn, wsrep_key const*, std::size_t keys, wsrep_buf const*,
                          std::size_t bufs, std::uint32_t flags, wsrep_trx_meta*);
  int (*to_execute_end)(wsrep_provider*, std::uint64_t conn, wsrep_buf const* error);
  int (*preordered_collect)(wsrep_provider*, wsrep_po_handle*, wsrep_buf const*, std::size_t, bool);
  int (*preordered_commit)(wsrep_provider*, wsrep_po_handle*, wsrep_uuid const*, std::uint32_t, int, bool);
  int (*sst_sent)(wsrep_provider*, wsrep_gtid const*, int rc);
  int (*sst_received)(wsrep_provider*, wsrep_gtid const*, wsrep_buf const* state, int rc);
  int (*snapshot)(wsrep_provider*, wsrep_buf const*, char const*);
  wsrep_stats_var* (*stats_get)(wsrep_provider*);
  void (*stats_free)(wsrep_provider*, wsrep_stats_var*);
  void (*stats_reset)(wsrep_provider*);
  std::int64_t (*pause)(wsrep_provider*);
  int (*resume)(wsrep_provider*);
  int (*desync)(wsrep_provider*);
  int (*resync)(wsrep_provider*);
  int (*lock)(wsrep_provider*, char const*, bool, std::uint64_t, std::int64_t);
  int (*unlock)(wsrep_provider*, char const*, std::uint64_t);
  bool (*is_locked)(wsrep_provider*, char const*, std::uint64_t*, wsrep_uuid*);
  char const* provider_name;
  char const* provider_version;
  char const* provider_vendor;
  void (*free)(wsrep_provider*);
  void* dlh;
  void* ctx;
};

using wsrep_allowlist_cb = int (*)(void* ctx, int key, wsrep_buf const* value);
struct wsrep_allowlist_service {
  wsrep_allowlist_cb allowed;
  void* ctx;
};

}  // extern "C"

namespace gr::mariadb::abi {

inline constexpr char interface_version[] = "26";
inline constexpr std::size_t members_offset = 56;
inline constexpr std::size_t member_name_max = 31;  // bytes, the NUL not counted
inline constexpr std::size_t member_incoming_max = 255;
inline constexpr std::uint64_t no_trx = ~std::uint64_t{0};

enum status : int {
  ok,
  warning,
  trx_missing,
  trx_fail,
  bf_abort,
  size_exceeded,
  conn_fail,
  node_fail,
  fatal,
  not_implemented,
  not_allowed
};
enum callback_status : int { success, failure };
enum view_state : int { primary, non_primary, disconnected };
enum member_state : int { undefined, joiner, donor, joined, synced, error };
enum stats_type : int { stats_text, stats_number, stats_real };
enum data_kind : int { ordered_data, unordered_data, annotation_data };

enum capability : std::uint32_t {
  multi_master = 1U << 0,
  certification = 1U << 1,
  parallel_applying = 1U << 2,
  trx_replay = 1U << 3,
  isolation = 1U << 4,
  can_pause = 1U << 5,
  causal_reads = 1U << 6,
  causal_trx = 1U << 7,
  incremental_write_set = 1U << 8,
  session_locks = 1U << 9,
  distributed_locks = 1U << 10,
  consistency_check = 1U << 11,
  unordered = 1U << 12,
  annotation = 1U << 13,
  preordered = 1U << 14,
  streaming = 1U << 15,
  snapshots = 1U << 16,
  non_blocking_ddl = 1U << 17,
};
// No streaming and no non-blocking DDL. Bits 12 and 14 stand for calls a 10.11 server never makes; Galera's users see them set.
inline constexpr std::uint32_t capabilities = multi_master | certification | parallel_applying | trx_replay |
                                              isolation | can_pause | causal_reads | incremental_write_set | unordered |
                                              preordered;
static_assert(capabilities == 0x517f);

static_assert(sizeof(void*) == 8 && sizeof(std::size_t) == 8);
static_assert(sizeof(wsrep_uuid) == 16 && alignof(wsrep_uuid) == 8);
static_assert(sizeof(wsrep_gtid) == 24);
static_assert(sizeof(wsrep_stid) == 32 && offsetof(wsrep_stid, trx) == 16 && offsetof(wsrep_stid, conn) == 24);
static_assert(sizeof(wsrep_trx_meta) == 64 && offsetof(wsrep_trx_meta, stid) == 24);
static_assert(offsetof(wsrep_trx_meta, depends_on) == 56);
static_assert(sizeof(wsrep_buf) == 16 && sizeof(wsrep_key) == 16 && sizeof(wsrep_ws_handle) == 16);
static_assert(sizeof(wsrep_member_info) == 304 && offsetof(wsrep_member_info, incoming) == 48);
static_assert(offsetof(wsrep_view_info, view) == 24 && offsetof(wsrep_view_info, status) == 32);
static_assert(offsetof(wsrep_view_info, capabilities) == 36 && offsetof(wsrep_view_info, my_idx) == 40);
static_assert(offsetof(wsrep_view_info, memb_num) == 44 && offsetof(wsrep_view_info, proto_ver) == 48);
static_assert(sizeof(wsrep_view_info) == members_offset);
static_assert(sizeof(wsrep_stats_var) == 24 && offsetof(wsrep_stats_var, type) == 8);
static_assert(sizeof(wsrep_po_handle) == 8 && sizeof(wsrep_enc_ctx) == 24);
static_assert(sizeof(wsrep_init_args) == 144 && offsetof(wsrep_init_args, proto_ver) == 48);
static_assert(offsetof(wsrep_init_args, state_id) == 56 && offsetof(wsrep_init_args, logger_cb) == 72);
static_assert(offsetof(wsrep_init_args, apply_cb) == 112 && offsetof(wsrep_init_args, synced_cb) == 136);
static_assert(sizeof(wsrep_provider) == 45 * sizeof(void*));
static_assert(offsetof(wsrep_provider, recv) == 8 * 8 && offsetof(wsrep_provider, certify) == 10 * 8);
static_assert(offsetof(wsrep_provider, sync_wait) == 19 * 8 && offsetof(wsrep_provider, sst_received) == 27 * 8);
static_assert(offsetof(wsrep_provider, pause) == 32 * 8 && offsetof(wsrep_provider, free) == 42 * 8);
static_assert(offsetof(wsrep_provider, ctx) == 44 * 8);

}  // namespace gr::mariadb::abi
