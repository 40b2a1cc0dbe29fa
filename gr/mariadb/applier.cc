// The server's applier threads: each asks for the next event and does with it what the server wants done.
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "gr/mariadb/clone_care.hh"
#include "gr/mariadb/provider.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/views.hh"
#include "gr/packed_rows.hh"

namespace gr::mariadb {
namespace {

std::string at(seqno_t seqno) { return "position " + std::to_string(seqno); }

// The server's texts are made to be put together.
std::string trimmed(std::string const& text) {
  constexpr auto at_the_ends = " ;";
  auto const from = text.find_first_not_of(at_the_ends);
  return from == text.npos ? text : text.substr(from, text.find_last_not_of(at_the_ends) + 1 - from);
}

// A request is the method's name, 0, and more. All but our own let the donor's commits wait, or its appliers fall behind.
bool blocks_the_donor(base::blob const& request) {
  auto const text = request.text();
  return text.substr(0, text.find('\0')) != "clone";
}

// Whether this applier thread is at another member's DDL.
thread_local bool applying_isolated = false;

}  // namespace

abi::status provider::recv(void* recv_ctx) {
  auto const session = events_.session();
  receivers_.fetch_add(1);
  bool ending = false;
  while (!ending) {
    auto event = events_.take(session);
    if (!event) break;
    ending = std::visit([this, recv_ctx](auto const& each) { return handle(each, recv_ctx); }, *event);
    finish(*event, session);
  }
  receivers_.fetch_sub(1);
  return abi::ok;
}

// The server may connect again as soon as it has seen the final view, hence the session.
void provider::finish(server_event const& event, event_queue::session_no session) {
  if (std::holds_alternative<group_closed>(event))
    events_.close(session);
  else if (is_exclusive(event))
    events_.done();
}

bool provider::handle(remote_write_set const& event, void* recv_ctx) {
  count_.received.fetch_add(1, std::memory_order_relaxed);
  count_.received_bytes.fetch_add(event.data.size(), std::memory_order_relaxed);
  if (order_.last_left() < event.depends_on) count_.apply_waits.fetch_add(1, std::memory_order_relaxed);
  order_.wait_left(event.depends_on);
  if (diverged_.load()) {  // on the way out: what comes now is for a server whose data still is the group's
    order_.skip(event.seqno);
    return false;
  }
  auto const rows =
      event.failed ? base::blob{} : rows_to_apply(event);  // now: unpacked, each may be much larger than what waits
  auto const flags = event.failed ? flag_start | flag_end | flag_rollback : event.flags;
  auto const group = shared_.current_group();
  struct tells_afterwards {
    gr::group* whom;
    ~tells_afterwards() {
      if (whom != nullptr) whom->note_progress();
    }
  } const visible_then{group.get()};
  running_positions::scope const running(appliers_, event.seqno);
  if ((flags & flag_isolation) != 0) appliers_.wait_none_below(event.seqno);
  wsrep_ws_handle const handle{event.source.trx, nullptr};
  wsrep_trx_meta const meta{to_abi(position_group(), event.seqno),
                            {to_abi(event.source.node), event.source.trx, event.source.conn},
                            event.depends_on};
  wsrep_buf const data{rows.data(), rows.size()};
  auto const others = count_.applying.fetch_add(1, std::memory_order_relaxed);
  count_.window_sum.fetch_add(others + 1, std::memory_order_relaxed);
  count_.applied.fetch_add(1, std::memory_order_relaxed);
  count_.distance_sum.fetch_add(static_cast<std::uint64_t>(event.seqno - event.depends_on), std::memory_order_relaxed);
  if (order_.last_left() != event.seqno - 1) count_.applied_out_of_order.fetch_add(1, std::memory_order_relaxed);
  bool exit_loop = false;
  applying_isolated = (flags & flag_isolation) != 0;
  int const answer = server_.apply(recv_ctx, &handle, flags, &data, &meta, &exit_loop);
  applying_isolated = false;
  count_.applying.fetch_sub(1, std::memory_order_relaxed);
  check_applied(event, answer);
  return exit_loop;
}

// What cannot be unpacked is left to the server to fail at, as it does at any rows it cannot read, since only that way does it give an
// error of its own, which is voted on.
base::blob provider::rows_to_apply(remote_write_set const& event) {
  auto rows = rows_of(event.data, event.packed);
  if (rows) return std::move(*rows);
  log(level::error, at(event.seqno) + ": " + rows.error().text);
  constexpr std::size_t event_header_bytes = 19;
  return base::blob(std::vector<std::uint8_t>(event_header_bytes, 0xff));  // an event longer than any may be
}

// The gate must open for the next one whatever the server made of this one.
void provider::check_applied(remote_write_set const& event, int answer) {
  if (answer == abi::success && order_.last_left() >= event.seqno) return;
  if (answer != abi::success && !diverged_)  // else it was said when the error text came
    (void)apply_failed(event.seqno, "the server could not apply it (" + std::to_string(answer) + ")");
  order_.give_up(event.seqno);
}

abi::status provider::apply_failed(seqno_t seqno, std::string const& error) {
  auto const text = trimmed(error);
  if (diverged_) {
    log(level::error, at(seqno) + " failed too: " + text);
    return abi::node_fail;
  }
  if (applying_isolated) return statement_failed(seqno, text);
  // The server has moved its own position past this already, without the rows. Killed while it waits, it must not come back
  // as if it held them.
  asks_ = true;
  save_state({{}, -1, false, true});
  auto const group = shared_.current_group();
  auto const settled = group ? group->settle_failure(seqno, text, failed_work::rows) : failure_settlement{};
  auto const rows = ". The rows are in GRA_*_" + std::to_string(seqno) + "_v2.log";
  asks_ = false;
  if (settled.outcome == failure_outcome::given_up) {
    log(level::warning, at(seqno) + " counts as failed: " + settled.why + rows);
    save_as_running();
    return abi::ok;
  }
  log(level::error, at(seqno) + ": " + text + rows);
  if (settled.outcome == failure_outcome::differs)
    note_data_differs(settled.why);
  else
    note_data_differs(
        "it lacks " + at(seqno) + ", and no other member can say whether it should (" + settled.why +
        "). Where no other server can have it back: to go on without that transaction, move the "
        "group_replication.*.log "
        "files away, set safe_to_bootstrap to 1 in grastate.dat, and start with --wsrep-new-cluster: that founds a new "
        "group from this data");
  return abi::node_fail;
}

// DDL, here or of another member. It fails everywhere, mostly; where it did not, the tables differ. Nothing is marked before that
// is known: a mistake in a statement shall not cost who is killed then a copy, nor its server's place in the group where nobody else
// can say.
abi::status provider::statement_failed(seqno_t seqno, std::string const& error) {
  auto const text = trimmed(error);
  auto const group = shared_.current_group();
  auto const settled = group ? group->settle_failure(seqno, text, failed_work::statement) : failure_settlement{};
  if (settled.outcome == failure_outcome::differs) {
    log(level::error, at(seqno) + ", DDL: " + text);
    note_data_differs(settled.why);
    return abi::node_fail;
  }
  log(level::info, at(seqno) + ", DDL, failed: " + text);
  return abi::ok;
}

// Remembered at once: killed on its way out, the server must not come back with this data either.
void provider::note_data_differs(std::string const& why) {
  if (diverged_.exchange(true)) return;
  log(level::error,
      "this member's data differs from the group's: " + why + "; it leaves the group and needs a full copy");
  save_state({{}, -1, false, true});
  leave_in_background("its data differs from the group's");
}

void provider::show(view const& now, void* recv_ctx) {
  abi_view const shown(now);
  if (server_.view(server_.app, recv_ctx, shown.get(), nullptr, 0) != abi::success)
    log(level::error, "the server refused view " + std::to_string(now.number) + " at " + at(now.seqno));
}

bool provider::handle(connected_to_group const& event, void*) {
  if (event.first.my_index >= 0) {
    std::lock_guard const hold(position_mutex_);
    self_ = event.first.members.at(static_cast<std::size_t>(event.first.my_index)).id;
    last_primary_ = event.first;
  }
  abi_view const shown(event.first);
  if (server_.connected(server_.app, shown.get()) != abi::success)
    log(level::error, "the server refused the group's first view");
  return false;
}

bool provider::handle(resume_at const& event, void* recv_ctx) {
  // A server that comes up is told where it stands; one that lost its majority for a while goes on from where it is.
  if (position_group() == event.own.group && order_.last_left() <= event.own.seqno)
    order_.wait_left(event.own.seqno);
  else
    set_position(event.own.group, event.own.seqno);
  save_running(event.own);
  had_view_ = true;
  show(event.own, recv_ctx);
  server_up_ = true;
  return false;
}

bool provider::handle(view_installed const& event, void* recv_ctx) {
  auto const& now = event.now;
  if (now.status != view_status::primary) {
    order_.wait_left(now.seqno);
    show(now, recv_ctx);
    return false;
  }
  if (position_group() != now.group) set_position(now.group, now.seqno - 1);
  order_.wait_left(now.seqno - 1);
  save_running(now);
  show(now, recv_ctx);
  order_.skip(now.seqno);
  had_view_ = server_up_ = true;
  if (auto const group = shared_.current_group()) group->note_progress();
  return false;
}

bool provider::handle(state_needed const&, void*) {
  tell_transfer_program();
  void* request = nullptr;
  std::size_t length = 0;
  int const answer = server_.sst_request(server_.app, &request, &length);
  base::result<base::blob> outcome = base::fail("see the lines of its state transfer script above");
  if (answer == abi::success) outcome = base::blob::copy_of({static_cast<std::uint8_t const*>(request), length});
  std::free(request);
  if (auto const group = shared_.current_group()) group->state_requested(std::move(outcome));
  return false;
}

bool provider::handle(donate_state const& event, void* recv_ctx) {
  order_.wait_left(event.position);
  auto const now =
      order_.freeze();  // the donation names a position, which must not move while the server takes it over
  tell_transfer_program();
  donation_blocks_ = blocks_the_donor(event.request);
  wsrep_buf const request{event.request.data(), event.request.size()};
  donates_ = true;
  wsrep_buf const no_state{nullptr, 0};
  auto const position = to_abi(position_group(), now);
  int const answer = server_.sst_donate(server_.app, recv_ctx, &request, &position, &no_state, false);
  order_.thaw();
  if (answer == abi::success) return false;
  donates_ = false;
  log(level::error, "the server could not begin its donation to " + base::to_string(event.joiner));
  if (auto const group = shared_.current_group()) group->state_sent(now, -ECANCELED);
  return false;
}

// Waits for nobody: a local commit may be behind write sets that are handed out only after this.
bool provider::handle(caught_up const& event, void*) {
  if (!wait_visible(event.after)) return false;
  if (server_.synced(server_.app) != abi::success)
    log(level::warning, "the server did not take note that it is in sync");
  server_up_ = true;
  role_keeper::instance().note_online();
  settle_once();
  return false;
}

// False when the group was left meanwhile.
bool provider::wait_visible(seqno_t position) {
  constexpr auto look_again = std::chrono::milliseconds(200);
  for (;;) {
    auto const until = commit_order::clock::now() + look_again;
    if (is_visible(position, until)) return true;
    if (events_.is_ending()) return false;
  }
}

// The first time this member is ONLINE. Large files take a while to remove, and appliers wait for this one.
void provider::settle_once() {
  std::lock_guard const hold(settler_mutex_);
  if (std::exchange(settled_, true)) return;
  settler_ = std::thread([data_dir = server_.data_dir, options = options_] { settle_clone(data_dir, *options); });
}

bool provider::handle(group_closed const& event, void* recv_ctx) {
  order_.wait_left(gate_.highest());
  auto last = final_view(position_group(), order_.last_left());
  if (recv_ctx != nullptr && had_view_) {  // alone first, as a member that lost the others, then out
    view alone = last;
    alone.members.push_back({self(), server_.node_name, server_.incoming});
    alone.my_index = 0;
    show(alone, recv_ctx);
  }
  save_left();
  left_ = true;
  show(last, recv_ctx);
  if (!event.why.empty()) role_keeper::instance().note_dropped(event.why, event.may_return);
  return true;
}

bool provider::handle(fatal_error const& event, void*) {
  leave_in_background(event.why);
  return false;
}

}  // namespace gr::mariadb
