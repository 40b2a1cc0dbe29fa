#include "tests/gr_mariadb/solo_group.hh"

#include <cstdlib>
#include <random>

namespace gr::mariadb {
namespace {

base::uuid random_uuid() {
  std::random_device chance;
  auto const half = [&] { return static_cast<std::uint64_t>(chance()) << 32 | chance(); };
  return base::make_uuid(half(), half());
}

}  // namespace

gr::view solo_group::view_at(gr::seqno_t seqno, std::int64_t number) const {
  gr::view now;
  now.group = group_;
  now.seqno = seqno;
  now.number = number;
  now.status = gr::view_status::primary;
  now.members.push_back({self_, options_.node_name, options_.incoming});
  now.my_index = 0;
  return now;
}

solo_group::solo_group(gr::group_options options, gr::server& server)
    : options_(std::move(options)), server_(server), echo_(std::getenv("QUORATE_SOLO_ECHO") != nullptr) {}

base::result<void> solo_group::connect(gr::connect_request const& request) {
  if (!request.bootstrap) return base::fail("a group of one can only be begun, not joined");
  std::lock_guard const hold(mutex_);
  self_ = random_uuid();
  group_ = options_.start ? options_.start->group : random_uuid();
  last_ = options_.start ? options_.start->seqno : 0;
  open_ = true;
  server_.deliver(gr::connected_to_group{view_at(last_ + 1, 1)});
  if (options_.start) server_.deliver(gr::resume_at{view_at(last_, 0)});
  ++last_;
  server_.deliver(gr::view_installed{view_at(last_, 1)});
  server_.deliver(gr::caught_up{});
  return {};
}

void solo_group::disconnect() {
  std::lock_guard const hold(mutex_);
  if (std::exchange(open_, false)) server_.deliver(gr::group_closed{});
}

gr::ordered solo_group::order(gr::local_write_set write_set) {
  std::lock_guard const hold(mutex_);
  if (!open_) return {gr::order_outcome::not_sent, -1, -1, "the group is closed"};
  ++last_;
  gr::ordered const verdict{gr::order_outcome::passed, last_, last_ - 1, ""};
  server_.note_ordered(write_set.trx, verdict);
  if (echo_ && (write_set.flags & gr::flag_isolation) == 0) deliver_locked(echo_of(write_set));
  return verdict;
}

void solo_group::order_later(gr::local_write_set write_set) {
  gr::remote_write_set event;
  event.source = {self_, write_set.trx, write_set.conn};
  event.flags = write_set.flags;
  event.data = write_set.data;
  (void)deliver_remote(std::move(event));
}

// The same rows once more, as if another member had written them: work for the appliers, and brute force for the clients.
gr::remote_write_set solo_group::echo_of(gr::local_write_set const& write_set) const {
  gr::remote_write_set event;
  event.source = {base::make_uuid(1, 1), write_set.trx, write_set.conn};
  event.flags = write_set.flags;
  event.data = write_set.data;
  return event;
}

gr::seqno_t solo_group::deliver_remote(gr::remote_write_set write_set) {
  std::lock_guard const hold(mutex_);
  return open_ ? deliver_locked(std::move(write_set)) : -1;
}

gr::seqno_t solo_group::deliver_locked(gr::remote_write_set write_set) {
  write_set.seqno = ++last_;
  if (write_set.depends_on < 0) write_set.depends_on = last_ - 1;
  server_.deliver(std::move(write_set));
  return last_;
}

base::result<gr::seqno_t> solo_group::causal_position(std::chrono::milliseconds) {
  std::lock_guard const hold(mutex_);
  if (!open_) return base::fail("the group is closed");
  return last_;
}

void solo_group::set_desynced(bool desynced) {
  std::lock_guard const hold(mutex_);
  if (open_ && !desynced) server_.deliver(gr::caught_up{});
}

gr::group_status solo_group::status() const {
  std::lock_guard const hold(mutex_);
  gr::group_status now;
  now.group = group_;
  now.self = self_;
  now.last_ordered = now.stable = last_;
  now.connected = now.have_quorum = now.online = open_;
  now.view_number = 1;
  now.state = open_ ? "ONLINE" : "OFFLINE";
  if (open_) now.members.push_back({self_, "127.0.0.1", 3306, "ONLINE", "PRIMARY", "", "XCOM", "", last_, true, true});
  return now;
}

}  // namespace gr::mariadb
