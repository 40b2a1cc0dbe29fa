// The clients' side: local transactions, DDL in total order, brute force.
#include <array>
#include <chrono>

#include <mysqld_error.h>

#include "gr/mariadb/consistency.hh"
#include "gr/mariadb/provider.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/views.hh"
#include "runtime/node_settings.hh"

namespace gr::mariadb {
namespace {

std::string_view text_of(wsrep_buf const* buffer) {
  if (buffer == nullptr || buffer->ptr == nullptr) return {};
  std::string_view text(static_cast<char const*>(buffer->ptr), buffer->len);
  return text.substr(0, text.find('\0'));
}

bool has_position(ordered const& verdict) {
  return verdict.outcome == order_outcome::passed || verdict.outcome == order_outcome::failed;
}

local_transaction* local_of(wsrep_ws_handle const& handle) { return static_cast<local_transaction*>(handle.opaque); }

}  // namespace

// A statement that writes where nothing may be written, by a client that read_only does not stop. Said here, since the
// server says no more than "deadlock" about what is refused at the commit.
bool provider::is_refused(bool is_new) const {
  auto const gate = shared_.gate();
  if (gate == shared_state::write_gate::open || (gate == shared_state::write_gate::no_new && !is_new)) return false;
  auto const role = shared_.role();
  raise_sql_error(ER_OPTION_PREVENTS_STATEMENT,
                  "The MariaDB server is a member of a single-primary group so it cannot execute this statement: " +
                      (role.drains ? "another member is about to become the primary" : role.why_not));
  return true;
}

abi::status provider::append_key(wsrep_ws_handle& handle, std::span<wsrep_key const> keys, int kind) {
  if (is_refused(handle.opaque == nullptr)) return abi::conn_fail;
  if (kind < 0 || kind > static_cast<int>(certifier::key_kind::exclusive)) return abi::warning;
  return transactions_.of(handle).append_keys(keys, static_cast<certifier::key_kind>(kind));
}

abi::status provider::append_data(wsrep_ws_handle& handle, std::span<wsrep_buf const> parts, int kind) {
  if (kind != abi::ordered_data)
    return abi::ok;  // annotations and unordered events are for readers of a log we do not keep
  return transactions_.of(handle).append_data(parts, options_->number("repl.max_ws_size"));
}

wsrep_trx_meta provider::meta_of(std::uint64_t trx, std::uint64_t conn) const {
  return {no_gtid(), {to_abi(self()), trx, conn}, -1};
}

void provider::wait_for_turn(std::uint64_t trx, std::size_t bytes, std::function<bool()> const& hurries) const {
  if (auto const group = shared_.current_group()) group->wait_for_turn(trx, bytes, hurries);
}

ordered provider::order_now(local_write_set write_set) {
  auto const group = shared_.current_group();
  if (!group) return {order_outcome::not_sent, -1, -1, "this server is in no group"};
  count_.replicated.fetch_add(1, std::memory_order_relaxed);
  count_.data_bytes.fetch_add(write_set.data.size(), std::memory_order_relaxed);
  count_.keys_bytes.fetch_add(write_set.keys.size(), std::memory_order_relaxed);
  count_.replicated_bytes.fetch_add(write_set.data.size() + write_set.keys.size(), std::memory_order_relaxed);
  local_write_set const head{write_set.trx, write_set.conn, write_set.flags, write_set.last_seen, {}, {}};
  auto const began = std::chrono::steady_clock::now();
  auto verdict = group->order(std::move(write_set));
  note_ordering(head, verdict, std::chrono::steady_clock::now() - began);
  return verdict;
}

void provider::note_ordering(local_write_set const& head, ordered const& verdict, std::chrono::nanoseconds taken) {
  if (has_position(verdict)) {
    ordering_.add(taken);
    count_.ordered.fetch_add(1, std::memory_order_relaxed);
    count_.interval_sum.fetch_add(static_cast<std::uint64_t>(verdict.seqno - 1 - head.last_seen),
                                  std::memory_order_relaxed);
  }
  auto const limit = slow_ms_.load(std::memory_order_relaxed);
  auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(taken).count();
  if (limit == 0 || ms < limit) return;
  log(level::warning, "ordering transaction " + std::to_string(head.trx) + " of connection " +
                          std::to_string(head.conn) + " took " + std::to_string(ms) + " ms" +
                          (verdict.seqno < 0 ? "" : ", position " + std::to_string(verdict.seqno)) +
                          " (group_replication_request_time_threshold is " + std::to_string(limit) + " ms)");
}

abi::status provider::certify(std::uint64_t conn, wsrep_ws_handle& handle, std::uint32_t flags, wsrep_trx_meta& meta) {
  auto& trx = transactions_.of(handle);
  meta = meta_of(handle.trx_id, conn);
  if (is_refused(false)) return abi::conn_fail;
  if ((flags & flag_rollback) == 0)
    wait_for_turn(handle.trx_id, trx.collected_bytes(), [&trx] { return trx.must_abort(); });
  if (is_refused(false) || !gate_.enter()) return abi::conn_fail;
  auto ready = trx.begin_certification(conn, flags, order_);
  if (ready.status != abi::ok) return ready.status;
  ready.write_set.everywhere = waits_after(consistency_of_session());
  auto const verdict = order_now(std::move(ready.write_set));
  trx.note_verdict(verdict);
  if (has_position(verdict) && !gate_.let_through(verdict.seqno)) trx.withdraw();
  auto const answer = trx.end_certification();
  if (has_position(answer.verdict)) {
    meta.gtid = to_abi(position_group(), answer.verdict.seqno);
    meta.depends_on = answer.verdict.depends_on;
  }
  return explain(trx, answer);
}

// The server's messages say little, so whatever is not an ordinary conflict goes to the log.
abi::status provider::explain(local_transaction const& trx, local_transaction::certified const& answer) {
  auto const who = [&] {
    return "transaction " + std::to_string(trx.trx()) + " of connection " + std::to_string(trx.look().conn);
  };
  switch (answer.verdict.outcome) {
    case order_outcome::passed: break;
    case order_outcome::failed: count_.local_cert_failures.fetch_add(1, std::memory_order_relaxed); break;
    case order_outcome::unknown:
      log(level::error,
          "outcome unknown: " + who() +
              " was handed to the group, which was lost before the answer; it may be committed elsewhere: " +
              answer.verdict.why);
      break;
    case order_outcome::not_sent:
    case order_outcome::too_big: log(level::warning, who() + " refused: " + answer.verdict.why); break;
  }
  return answer.status;
}

abi::status provider::commit_order_enter(wsrep_ws_handle const& handle, wsrep_trx_meta const& meta) {
  if (order_.enter(meta.gtid.seqno) == commit_order::entry::interrupted) return abi::bf_abort;
  if (auto* trx = local_of(handle)) {
    trx->note_entered();
    commits_.begin(meta.gtid.seqno);
  }
  return abi::ok;
}

void provider::left(seqno_t seqno) {
  order_.leave(seqno);
  if (auto const group = shared_.current_group()) group->note_progress();
}

abi::status provider::commit_order_leave(wsrep_ws_handle const& handle, wsrep_trx_meta const& meta,
                                         wsrep_buf const* error) {
  auto const seqno = meta.gtid.seqno;
  auto const text = text_of(error);
  auto* const trx = local_of(handle);
  abi::status answer = abi::ok;
  if (trx != nullptr) {
    trx->note_left();
    if (trx->look().passed) count_.local_commits.fetch_add(1, std::memory_order_relaxed);
    if (!text.empty())
      log(level::warning, "position " + std::to_string(seqno) + ", a local commit: " + std::string(text));
  } else if (!text.empty()) {
    answer = apply_failed(seqno, std::string(text));  // first: the next one shall not be applied
  }
  left(seqno);
  return answer;
}

void provider::end_commit(seqno_t seqno) {
  commits_.end(seqno);
  if (auto const group = shared_.current_group()) group->note_progress();
}

// Consistency AFTER. It is committed, here and in the group: what can still be said is that it was not seen everywhere in time.
void provider::wait_everywhere(seqno_t seqno) {
  if (!waits_after(consistency_of_session())) return;
  auto const group = shared_.current_group();
  auto const timeout = std::chrono::milliseconds(options_->number("repl.causal_read_timeout"));
  auto const done = group ? group->await_everywhere(seqno, timeout) : base::fail("this server is in no group");
  if (!done)
    raise_sql_warning("this transaction is committed as " + base::to_string(position_group()) + ":" +
                      std::to_string(seqno) + ", but reads at other members may not show it yet: " + done.error().text);
}

abi::status provider::release(wsrep_ws_handle& handle) {
  auto* const trx = local_of(handle);
  if (trx == nullptr) return abi::ok;
  auto const now = trx->look();
  if (now.seqno >= 0) end_commit(now.seqno);
  if (trx->rewind()) return abi::ok;  // a fragment (the server splits LOAD DATA into such)
  if (now.passed && now.has_left) wait_everywhere(now.seqno);
  if (now.seqno >= 0 && !now.has_left) {
    log(level::warning, "transaction " + std::to_string(trx->trx()) + " was released before its position " +
                            std::to_string(now.seqno) + " had left the commit order");
    order_.give_up(now.seqno);
  }
  transactions_.forget(trx->trx());
  handle.opaque = nullptr;
  return abi::ok;
}

abi::status provider::replay(wsrep_ws_handle const& handle, void* ctx) {
  auto* const trx = local_of(handle);
  if (trx == nullptr) return abi::trx_missing;
  auto const now = trx->look();
  if (!now.passed) return abi::trx_fail;
  trx->note_replay();
  order_.clear_interrupt(now.seqno);
  order_.wait_left(now.seqno - 1);  // it failed to be quick once; now nobody below is left to be in its way
  count_.local_replays.fetch_add(1, std::memory_order_relaxed);
  auto meta = meta_of(trx->trx(), now.conn);
  meta.gtid = to_abi(position_group(), now.seqno);
  meta.depends_on = now.depends_on;
  wsrep_buf const data{trx->data().data(), trx->data().size()};
  running_positions::scope const running(appliers_, now.seqno);
  bool exit_loop = false;
  if (server_.apply(ctx, &handle, now.flags, &data, &meta, &exit_loop) == abi::success) return abi::ok;
  note_data_differs("the replay of local transaction " + std::to_string(trx->trx()) + " at position " +
                    std::to_string(now.seqno) + " failed");
  order_.give_up(now.seqno);
  return abi::fatal;
}

abi::status provider::abort_certification(seqno_t by, std::uint64_t victim, std::int64_t* victim_seqno) {
  *victim_seqno = -1;
  auto const trx = transactions_.find(victim);
  if (!trx) return abi::ok;  // holds locks but has written nothing yet: the server ends it alone
  auto const answer = trx->abort(by, order_);
  *victim_seqno = answer.seqno;
  // An applier waits for its locks: it must not wait on for its turn.
  if (auto const group = shared_.current_group()) group->hurry(victim);
  if (answer.status != abi::ok) return answer.status;
  count_.local_bf_aborts.fetch_add(1, std::memory_order_relaxed);
  shared_.conflicts().add_aborted(position_group(), self(), by, static_cast<std::int64_t>(runtime::milliseconds_now()));
  return answer.status;
}

abi::status provider::rollback(std::uint64_t trx, wsrep_buf const* data) {
  auto const group = shared_.current_group();
  if (!group) return abi::conn_fail;
  local_write_set fragment;
  fragment.trx = trx;
  fragment.conn = abi::no_trx;
  fragment.flags = flag_rollback | flag_pa_unsafe;
  fragment.last_seen = order_.last_left();
  if (data != nullptr && data->len != 0)
    fragment.data = base::blob::copy_of({static_cast<std::uint8_t const*>(data->ptr), data->len});
  group->order_later(std::move(fragment));
  return abi::ok;
}

local_write_set provider::isolated_write_set(std::uint64_t conn, std::span<wsrep_key const> keys,
                                             std::span<wsrep_buf const> data, std::uint32_t flags) const {
  wsrep_ws_handle unused{abi::no_trx, nullptr};
  local_transaction collector(unused.trx_id);
  (void)collector.append_keys(keys, certifier::key_kind::exclusive);
  (void)collector.append_data(data, 0);
  return collector.begin_certification(conn, flags | flag_isolation, order_).write_set;
}

abi::status provider::to_execute_start(std::uint64_t conn, std::span<wsrep_key const> keys,
                                       std::span<wsrep_buf const> data, std::uint32_t flags, wsrep_trx_meta& meta) {
  meta = meta_of(abi::no_trx, conn);
  if (is_refused(true)) return abi::not_allowed;  // others it tries again until a time is over
  std::size_t bytes = 0;
  for (auto const& each : data) bytes += each.len;
  wait_for_turn(abi::no_trx, bytes, [] { return false; });  // nobody interrupts DDL
  if (!gate_.enter()) return abi::conn_fail;
  auto write_set = isolated_write_set(conn, keys, data, flags);
  write_set.everywhere = waits_after(consistency_of_session());
  auto verdict = order_now(std::move(write_set));
  if (has_position(verdict) && !gate_.let_through(verdict.seqno))
    verdict = {order_outcome::unknown, -1, -1, "the group was left"};
  if (verdict.outcome != order_outcome::passed) return refuse_isolation(conn, verdict);
  (void)order_.enter(verdict.seqno);  // nobody interrupts DDL: brute force looks victims up by transaction
  appliers_.wait_none_below(verdict.seqno);
  meta.gtid = to_abi(position_group(), verdict.seqno);
  meta.depends_on = verdict.seqno - 1;
  std::lock_guard const hold(isolated_mutex_);
  isolated_[conn] = verdict.seqno;
  return abi::ok;
}

// With no position defined the server neither enters nor leaves, so a position used up is passed over here.
abi::status provider::refuse_isolation(std::uint64_t conn, ordered const& verdict) {
  if (verdict.seqno >= 0) order_.skip(verdict.seqno);
  auto const lost = verdict.outcome == order_outcome::unknown;
  log(lost ? level::error : level::warning, std::string(lost ? "outcome unknown: DDL" : "DDL refused:") +
                                                " of connection " + std::to_string(conn) + ": " + verdict.why);
  if (verdict.outcome == order_outcome::too_big) return abi::size_exceeded;
  return verdict.outcome == order_outcome::failed ? abi::trx_fail : abi::conn_fail;
}

abi::status provider::to_execute_end(std::uint64_t conn, wsrep_buf const* error) {
  seqno_t seqno = -1;
  {
    std::lock_guard const hold(isolated_mutex_);
    auto const found = isolated_.find(conn);
    if (found == isolated_.end()) return abi::ok;  // its start was refused
    seqno = found->second;
    isolated_.erase(found);
  }
  // Its client hears of the error itself, whatever the group makes of it.
  if (auto const text = text_of(error); !text.empty() && !diverged_) (void)statement_failed(seqno, std::string(text));
  left(seqno);
  wait_everywhere(seqno);
  return abi::ok;
}

}  // namespace gr::mariadb
