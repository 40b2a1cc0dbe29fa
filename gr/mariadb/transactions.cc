#include "gr/mariadb/transactions.hh"

#include <new>

#include "base/ensure.hh"

namespace gr::mariadb {
namespace {

constexpr std::size_t key_parts_max = 16;

bool add_key(certifier::write_set& into, wsrep_key const& key, certifier::key_kind kind) {
  if (key.parts_num > key_parts_max) return false;
  std::array<std::string_view, key_parts_max> parts;
  for (std::size_t at = 0; at < key.parts_num; ++at)
    parts[at] = {static_cast<char const*>(key.parts[at].ptr), key.parts[at].len};
  into.add(std::span(parts).first(key.parts_num), kind);
  return true;
}

}  // namespace

abi::status local_transaction::append_keys(std::span<wsrep_key const> keys, certifier::key_kind kind) {
  try {
    for (auto const& key : keys)
      if (!add_key(keys_, key, kind)) poison_ = abi::node_fail;
  } catch (std::bad_alloc const&) { poison_ = abi::node_fail; }
  return poison_;
}

abi::status local_transaction::append_data(std::span<wsrep_buf const> parts, std::int64_t bytes_max) {
  try {
    for (auto const& part : parts) {
      auto const* bytes = static_cast<std::uint8_t const*>(part.ptr);
      if (bytes_max != 0 && collected_.size() + part.len > static_cast<std::uint64_t>(bytes_max)) {
        poison_ = abi::size_exceeded;
        break;
      }
      collected_.insert(collected_.end(), bytes, bytes + part.len);
    }
  } catch (std::bad_alloc const&) { poison_ = abi::node_fail; }
  return poison_;
}

local_transaction::ready local_transaction::begin_certification(std::uint64_t conn, std::uint32_t flags,
                                                                commit_order const& order) {
  ready out;
  data_ = base::blob(std::move(collected_));
  collected_ = {};
  std::lock_guard const hold(mutex_);
  // Read before must_abort: whoever applied a position up to this one and was in our way has marked us before it left.
  seqno_t const last_seen = order.last_left();
  if (poison_ != abi::ok || must_abort_) {
    out.status = poison_ != abi::ok ? poison_ : abi::conn_fail;
    return out;
  }
  ensure(state_ == state::executing);
  state_ = state::certifying;
  conn_ = conn;
  flags_ = flags;
  verdict_ = {};
  out.write_set = {trx_, conn, flags, last_seen, keys_.encode(), data_};
  return out;
}

void local_transaction::note_verdict(ordered const& verdict) {
  std::lock_guard const hold(mutex_);
  if (state_ != state::certifying) return;  // told before
  verdict_ = verdict;
  passed_ = verdict.outcome == order_outcome::passed;
  state_ = passed_ ? state::certified : verdict.outcome == order_outcome::failed ? state::rejected : state::executing;
}

local_transaction::certified local_transaction::end_certification() {
  std::lock_guard const hold(mutex_);
  returned_ = true;
  switch (verdict_.outcome) {
    case order_outcome::passed: return {must_abort_ ? abi::bf_abort : abi::ok, verdict_};
    case order_outcome::failed: return {abi::trx_fail, verdict_};
    case order_outcome::too_big: return {abi::size_exceeded, verdict_};
    case order_outcome::not_sent:
    case order_outcome::unknown: break;
  }
  return {abi::conn_fail, verdict_};
}

void local_transaction::withdraw() {
  std::lock_guard const hold(mutex_);
  state_ = state::executing;
  verdict_ = {order_outcome::unknown, -1, -1, "the group was left while this commit waited for the server to resume"};
  passed_ = false;
}

void local_transaction::note_replay() {
  std::lock_guard const hold(mutex_);
  must_abort_ = true;  // and stays so: nobody aborts it a second time
}

void local_transaction::note_entered() {
  std::lock_guard const hold(mutex_);
  state_ = state::entered;
}

void local_transaction::note_left() {
  std::lock_guard const hold(mutex_);
  state_ = state::left;
}

bool local_transaction::rewind() {
  std::lock_guard const hold(mutex_);
  bool const fragment = state_ == state::left && passed_ && (flags_ & (flag_end | flag_rollback)) == 0;
  if (!fragment) return false;
  keys_.clear();
  data_ = {};
  state_ = state::executing;
  verdict_ = {};
  flags_ = 0;
  passed_ = must_abort_ = returned_ = false;
  return true;
}

local_transaction::abort_answer local_transaction::abort(seqno_t by, commit_order& order) {
  std::lock_guard const hold(mutex_);
  switch (state_) {
    case state::executing:
    case state::certifying: must_abort_ = true; return {abi::ok, -1};
    case state::rejected:
    case state::entered:
    case state::left: return {abi::not_allowed, verdict_.seqno};
    case state::certified: break;
  }
  if (verdict_.seqno < by) return {abi::not_allowed, verdict_.seqno};
  if (must_abort_) return {abi::ok, verdict_.seqno};
  // Before certify has answered, its answer tells the client; afterwards only the gate can.
  if (returned_ && !order.interrupt(verdict_.seqno)) return {abi::not_allowed, verdict_.seqno};
  must_abort_ = true;
  return {abi::ok, verdict_.seqno};
}

local_transaction::snapshot local_transaction::look() const {
  std::lock_guard const hold(mutex_);
  bool const has_seqno = verdict_.outcome == order_outcome::passed || verdict_.outcome == order_outcome::failed;
  return {has_seqno ? verdict_.seqno : -1, verdict_.depends_on, conn_, flags_, passed_, state_ == state::left};
}

local_transaction& transactions::of(wsrep_ws_handle& handle) {
  if (handle.opaque != nullptr) return *static_cast<local_transaction*>(handle.opaque);
  auto made = std::make_shared<local_transaction>(handle.trx_id);
  handle.opaque = made.get();
  auto& home = shard_of(handle.trx_id);
  std::lock_guard const hold(home.mutex);
  home.held.insert_or_assign(handle.trx_id, std::move(made));
  return *static_cast<local_transaction*>(handle.opaque);
}

std::shared_ptr<local_transaction> transactions::find(std::uint64_t trx) const {
  auto const& home = shard_of(trx);
  std::lock_guard const hold(home.mutex);
  auto const found = home.held.find(trx);
  return found == home.held.end() ? nullptr : found->second;
}

void transactions::forget(std::uint64_t trx) {
  std::shared_ptr<local_transaction> last;  // dies after the lock
  auto& home = shard_of(trx);
  std::lock_guard const hold(home.mutex);
  if (auto const found = home.held.find(trx); found != home.held.end()) {
    last = std::move(found->second);
    home.held.erase(found);
  }
}

std::size_t transactions::size() const {
  std::size_t total = 0;
  for (auto const& each : shards_) {
    std::lock_guard const hold(each.mutex);
    total += each.held.size();
  }
  return total;
}

}  // namespace gr::mariadb
