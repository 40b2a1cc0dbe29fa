// The C face of the provider: the loader, the 45 slots, the optional services. Every slot goes through `slot`, which finds
// the provider, keeps exceptions inside, and writes a line per call when tracing.
#include <algorithm>
#include <cstring>
#include <exception>

#include "base/ensure.hh"
#include "gr/isolation.hh"
#include "gr/mariadb/make_group.hh"
#include "gr/mariadb/provider.hh"
#include "gr/mariadb/views.hh"

#define QUORATE_EXPORT __attribute__((visibility("default")))

namespace gr::mariadb {
namespace {

// A name as a template argument.
template <std::size_t Size> struct name {
  char text[Size];
  constexpr name(char const (&from)[Size]) { std::copy_n(from, Size, text); }  // NOLINT: implicit on purpose
};

provider* of(wsrep_provider* table) { return static_cast<provider*>(table->ctx); }

// What a call answers when there is no provider any more, or it broke.
template <class Answer> Answer failed() {
  if constexpr (std::is_same_v<Answer, int>) return abi::node_fail;
  if constexpr (!std::is_void_v<Answer> && !std::is_same_v<Answer, int>) return Answer{};
}

void trace(provider& self, char const* call, char const* what) {
  if (self.tracing()) self.log(gr::server::level::info, std::string("call ") + call + ' ' + what);
}
void trace(provider& self, char const* call, int answer) {
  trace(self, call, ("-> " + std::to_string(answer)).c_str());
}

template <name Name, auto Call> struct slot;

template <name Name, class Answer, class... Arguments, Answer (*Call)(provider&, Arguments...)>
struct slot<Name, Call> {
  static Answer call(wsrep_provider* table, Arguments... arguments) noexcept {
    auto* const self = of(table);
    if (self == nullptr) return failed<Answer>();
    try {
      trace(*self, Name.text, "...");
      if constexpr (std::is_same_v<Answer, int>) {
        int const answer = Call(*self, arguments...);
        trace(*self, Name.text, answer);
        return answer;
      } else {
        return Call(*self, arguments...);
      }
    } catch (std::exception const& broken) {
      self->broke(Name.text, broken.what());
      return failed<Answer>();
    }
  }
};

// ---- one function per slot, where the provider's own has another shape ----

int do_init(provider& self, wsrep_init_args const* args) { return self.init(*args); }
std::uint32_t do_capabilities(provider&) { return abi::capabilities; }
int do_options_set(provider& self, char const* list) { return self.options_set(list); }
char* do_options_get(provider& self) { return self.options_get(); }
int do_enc_set_key(provider&, wsrep_buf const*) { return abi::ok; }
int do_connect(provider& self, char const* group, char const* url, char const* donors, bool bootstrap) {
  return self.connect(group, url, donors, bootstrap);
}
int do_disconnect(provider& self) { return self.disconnect(); }
int do_recv(provider& self, void* recv_ctx) { return self.recv(recv_ctx); }
int do_assign_read_view(provider&, wsrep_ws_handle*, wsrep_gtid const*) { return abi::ok; }
int do_certify(provider& self, std::uint64_t conn, wsrep_ws_handle* handle, std::uint32_t flags, wsrep_trx_meta* meta) {
  return self.certify(conn, *handle, flags, *meta);
}
int do_enter(provider& self, wsrep_ws_handle const* handle, wsrep_trx_meta const* meta) {
  return self.commit_order_enter(*handle, *meta);
}
int do_leave(provider& self, wsrep_ws_handle const* handle, wsrep_trx_meta const* meta, wsrep_buf const* error) {
  return self.commit_order_leave(*handle, *meta, error);
}
int do_release(provider& self, wsrep_ws_handle* handle) { return self.release(*handle); }
int do_replay(provider& self, wsrep_ws_handle const* handle, void* ctx) { return self.replay(*handle, ctx); }
int do_abort(provider& self, std::int64_t by, std::uint64_t victim, std::int64_t* victim_seqno) {
  return self.abort_certification(by, victim, victim_seqno);
}
int do_rollback(provider& self, std::uint64_t trx, wsrep_buf const* data) { return self.rollback(trx, data); }
int do_append_key(provider& self, wsrep_ws_handle* handle, wsrep_key const* keys, std::size_t count, int kind, bool) {
  return self.append_key(*handle, {keys, count}, kind);
}
int do_append_data(provider& self, wsrep_ws_handle* handle, wsrep_buf const* parts, std::size_t count, int kind, bool) {
  return self.append_data(*handle, {parts, count}, kind);
}
int do_sync_wait(provider& self, wsrep_gtid* upto, int timeout, wsrep_gtid* out) {
  return self.sync_wait(upto, timeout, out);
}
int do_last_committed(provider& self, wsrep_gtid* out) { return self.last_committed_id(out); }
int do_free_connection(provider&, std::uint64_t) { return abi::ok; }
int do_toi_start(provider& self, std::uint64_t conn, wsrep_key const* keys, std::size_t key_count,
                 wsrep_buf const* data, std::size_t data_count, std::uint32_t flags, wsrep_trx_meta* meta) {
  return self.to_execute_start(conn, {keys, key_count}, {data, data_count}, flags, *meta);
}
int do_toi_end(provider& self, std::uint64_t conn, wsrep_buf const* error) { return self.to_execute_end(conn, error); }
int do_preordered_collect(provider&, wsrep_po_handle*, wsrep_buf const*, std::size_t, bool) {
  return abi::not_implemented;
}
int do_preordered_commit(provider&, wsrep_po_handle*, wsrep_uuid const*, std::uint32_t, int, bool) {
  return abi::not_implemented;
}
int do_sst_sent(provider& self, wsrep_gtid const* position, int rc) {
  self.sst_sent(*position, rc);
  return abi::ok;
}
int do_sst_received(provider& self, wsrep_gtid const* position, wsrep_buf const*, int rc) {
  self.sst_received(*position, rc);
  return abi::ok;
}
int do_snapshot(provider&, wsrep_buf const*, char const*) { return abi::not_implemented; }
wsrep_stats_var* do_stats_get(provider& self) { return self.stats_get(); }
void do_stats_free(provider& self, wsrep_stats_var* vars) { self.stats_free(vars); }
void do_stats_reset(provider& self) { self.stats_reset(); }
std::int64_t do_pause(provider& self) { return self.pause(); }
int do_resume(provider& self) {
  self.resume();
  return abi::ok;
}
int do_desync(provider& self) {
  self.desync();
  return abi::ok;
}
int do_resync(provider& self) {
  self.resync();
  return abi::ok;
}
int do_lock(provider&, char const*, bool, std::uint64_t, std::int64_t) { return abi::not_implemented; }
int do_unlock(provider&, char const*, std::uint64_t) { return abi::ok; }
bool do_is_locked(provider&, char const*, std::uint64_t*, wsrep_uuid*) { return false; }

// The server calls it twice.
void free_provider(wsrep_provider* table) {
  auto* const self = of(table);
  table->ctx = nullptr;
  delete self;
}

void fill_lifecycle(wsrep_provider& table) {
  table.init = slot<"init", do_init>::call;
  table.capabilities = slot<"capabilities", do_capabilities>::call;
  table.options_set = slot<"options_set", do_options_set>::call;
  table.options_get = slot<"options_get", do_options_get>::call;
  table.enc_set_key = slot<"enc_set_key", do_enc_set_key>::call;
  table.connect = slot<"connect", do_connect>::call;
  table.disconnect = slot<"disconnect", do_disconnect>::call;
  table.recv = slot<"recv", do_recv>::call;
  table.sst_sent = slot<"sst_sent", do_sst_sent>::call;
  table.sst_received = slot<"sst_received", do_sst_received>::call;
  table.stats_get = slot<"stats_get", do_stats_get>::call;
  table.stats_free = slot<"stats_free", do_stats_free>::call;
  table.stats_reset = slot<"stats_reset", do_stats_reset>::call;
  table.pause = slot<"pause", do_pause>::call;
  table.resume = slot<"resume", do_resume>::call;
  table.desync = slot<"desync", do_desync>::call;
  table.resync = slot<"resync", do_resync>::call;
  table.free = free_provider;
}

void fill_transactions(wsrep_provider& table) {
  table.assign_read_view = slot<"assign_read_view", do_assign_read_view>::call;
  table.certify = slot<"certify", do_certify>::call;
  table.commit_order_enter = slot<"commit_order_enter", do_enter>::call;
  table.commit_order_leave = slot<"commit_order_leave", do_leave>::call;
  table.release = slot<"release", do_release>::call;
  table.replay_trx = slot<"replay_trx", do_replay>::call;
  table.abort_certification = slot<"abort_certification", do_abort>::call;
  table.rollback = slot<"rollback", do_rollback>::call;
  table.append_key = slot<"append_key", do_append_key>::call;
  table.append_data = slot<"append_data", do_append_data>::call;
  table.sync_wait = slot<"sync_wait", do_sync_wait>::call;
  table.last_committed_id = slot<"last_committed_id", do_last_committed>::call;
  table.free_connection = slot<"free_connection", do_free_connection>::call;
  table.to_execute_start = slot<"to_execute_start", do_toi_start>::call;
  table.to_execute_end = slot<"to_execute_end", do_toi_end>::call;
}

void fill_unused(wsrep_provider& table) {
  table.preordered_collect = slot<"preordered_collect", do_preordered_collect>::call;
  table.preordered_commit = slot<"preordered_commit", do_preordered_commit>::call;
  table.snapshot = slot<"snapshot", do_snapshot>::call;
  table.lock = slot<"lock", do_lock>::call;
  table.unlock = slot<"unlock", do_unlock>::call;
  table.is_locked = slot<"is_locked", do_is_locked>::call;
}

wsrep_allowlist_service allowlist{};

}  // namespace
}  // namespace gr::mariadb

extern "C" {

QUORATE_EXPORT extern char const* wsrep_interface_version;
char const* wsrep_interface_version = gr::mariadb::abi::interface_version;

// The table comes unzeroed: every slot is written.
QUORATE_EXPORT int wsrep_loader(wsrep_provider* table) {
  using namespace gr::mariadb;
  std::memset(table, 0, sizeof *table);
  table->version = abi::interface_version;
  table->provider_name = "Quorate";
  table->provider_version = "0.1.0";
  table->provider_vendor = "Quorate developers";
  fill_lifecycle(*table);
  fill_transactions(*table);
  fill_unused(*table);
  base::set_ensure_handler(base::throw_broken_claim);
  try {
    table->ctx = new provider(make_group, shared_state::instance());
  } catch (std::exception const&) { return abi::fatal; }
  return abi::ok;
}

// Without these two the server refuses to start. Whom to let in is our own allowlist's matter.
QUORATE_EXPORT int wsrep_init_allowlist_service_v1(wsrep_allowlist_service* service) {
  if (service != nullptr) gr::mariadb::allowlist = *service;
  return gr::mariadb::abi::ok;
}
QUORATE_EXPORT void wsrep_deinit_allowlist_service_v1() { gr::mariadb::allowlist = {}; }

// Called inside the server's crash handler: one store, nothing else.
QUORATE_EXPORT int wsrep_node_isolation_mode_set_v1(int mode) {
  if (mode < 0 || mode > 2) return 1;
  gr::isolation_wanted.store(mode != 0, std::memory_order_relaxed);
  return 0;
}

}  // extern "C"
