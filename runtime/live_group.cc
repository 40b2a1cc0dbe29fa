#include "runtime/live_group.hh"
#include "runtime/node_settings.hh"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "base/ensure.hh"
#include "gr/packed_rows.hh"
#include "runtime/group.hh"

namespace runtime {
namespace {

// Encoded, a message has to fit one reassembled frame beside its headers.
constexpr std::size_t message_bytes_max = (1ULL << 30) - (1U << 20);
constexpr auto close_patience = std::chrono::seconds(5);
constexpr char const* not_connected = "this member is not connected to a group";

}  // namespace

std::unique_ptr<gr::group> make_group(gr::group_options const& options, gr::server& server) {
  return std::make_unique<live_group>(options, server);
}

live_group::live_group(gr::group_options options, gr::server& server)
    : options_(std::move(options)), server_(server), status_(std::make_shared<gr::group_status>()) {}

live_group::~live_group() { stop_thread(); }

void live_group::start_thread() {
  io_.restart();
  work_.emplace(boost::asio::make_work_guard(io_));
  steps_.emplace(io_, stepping::parts{[this] { return node_ ? &*node_ : nullptr; }, [this] { return net_.get(); },
                                      [this](xcom::action const& what) { perform(what); }, [this] { sync(); }});
  packer_.emplace(io_);
  open_inbox();
  running_ = true;
  thread_ = std::thread([this] { run_strand(); });
}

void live_group::stop_thread() {
  running_ = false;
  if (!thread_.joinable()) return;
  work_.reset();
  io_.stop();
  thread_.join();
  steps_.reset();
  packer_.reset();
  close_inbox(not_connected);
  leave_nobody_waiting(not_connected);
}

void live_group::run_strand() {
  try {
    io_.run();
  } catch (std::exception const& why) { broke(why.what()); }
}

// A broken claim, or no memory: what the machines hold cannot be trusted any more, so none of them is asked again. The
// others see the connections close, go on without this member, and its server stays up for reading.
void live_group::broke(std::string const& why) {
  say(gr::server::level::error, "this member stops taking part in the group, for good until it is restarted: " + why +
                                    ". This is a fault of group replication; please report it with this log");
  if (net_) net_->close();
  close_inbox("this member stopped after a fault: " + why);
  leave_nobody_waiting("this member stopped after a fault: " + why);
  if (connecting_) connecting_->answer(base::fail(why));
  if (leaving_) leaving_->answer(true);
  if (forcing_) forcing_->answer(base::fail(why));
  publish_broken();
  if (!std::exchange(gave_up_, true)) server_.deliver(gr::group_closed{why, false});
}

void live_group::leave_nobody_waiting(std::string const& why) {
  if (!waiting_.empty()) ++clients_life_;  // before anybody is answered
  for (auto const& [seq, who] : std::exchange(waiting_, {})) who->answer({gr::order_outcome::unknown, -1, -1, why});
  for (auto const& [who, answer] : std::exchange(waiting_everywhere_, {})) answer->answer(base::fail(why));
  end_waits_for_verdicts(why);
  for (auto const& each : std::exchange(serving_, {}))
    if (each.who) each.who->answer({gr::order_outcome::not_sent, -1, -1, why});
}

void live_group::publish_broken() {
  auto last = std::make_shared<gr::group_status>(status());
  last->connected = last->have_quorum = last->online = last->donating = false;
  last->state = "ERROR";
  for (auto& each : last->members)
    if (each.is_self) each.state = "ERROR";
  std::lock_guard const lock(status_mutex_);
  status_ = std::move(last);
}

void live_group::open_inbox() {
  std::lock_guard const lock(inbox_mutex_);
  closed_because_.clear();
}

// Whoever comes later is refused, and whoever came and was not served yet: nothing of theirs was handed to the group.
void live_group::close_inbox(std::string const& why) {
  std::vector<to_order> unserved;
  {
    std::lock_guard const lock(inbox_mutex_);
    closed_because_ = why;
    unserved.swap(inbox_);
    work_inbox_.clear();
    inbox_posted_ = false;
  }
  gate_.open();
  for (auto const& each : unserved)
    if (each.who) each.who->answer({gr::order_outcome::not_sent, -1, -1, why});
}

// One wake-up of the strand serves everything posted until it gets there.
bool live_group::post(std::function<void()> work) {
  bool wake = false;
  {
    std::lock_guard const lock(inbox_mutex_);
    if (!closed_because_.empty()) return false;
    work_inbox_.push_back(std::move(work));
    wake = !std::exchange(inbox_posted_, true);
  }
  if (wake) boost::asio::post(io_, [this] { drain_inbox(); });
  return true;
}

void live_group::enqueue(to_order one) {
  bool wake = false;
  {
    std::unique_lock lock(inbox_mutex_);
    if (!closed_because_.empty()) {
      std::string const why = closed_because_;
      lock.unlock();
      if (one.who) one.who->answer({gr::order_outcome::not_sent, -1, -1, why});
      return;
    }
    inbox_.push_back(std::move(one));
    wake = !std::exchange(inbox_posted_, true);
  }
  if (wake) boost::asio::post(io_, [this] { drain_inbox(); });
}

void live_group::drain_inbox() {
  if (steps_->busy()) return steps_->when_free([this] { drain_inbox(); });
  {
    std::lock_guard const lock(inbox_mutex_);
    // Behind what may still be there from before, when something was done aside in the middle of it.
    std::ranges::move(inbox_, std::back_inserter(serving_));
    std::ranges::move(work_inbox_, std::back_inserter(posted_));
    inbox_.clear();
    work_inbox_.clear();
    inbox_posted_ = false;
  }
  do_posted();
}

void live_group::do_posted() {
  while (!posted_.empty()) {
    auto const next = std::move(posted_.front());
    posted_.pop_front();
    next();
    if (steps_->busy()) return steps_->when_free([this] { do_posted(); });
  }
  settle();  // what that submitted has its numbers before the requests get theirs
  steps_->when_free([this] { serve_waiting(); });
}

void live_group::serve_waiting() {
  auto const refused = why_refused();
  bool const open = refused.empty();
  xcom::origin_seq seq = open ? next_seq() : xcom::origin_seq{};
  for (auto& each : serving_) {
    bool const may = open && (!each.writes || !member_->online() || member_->role().writes);
    bool const is_read = !each.packed || protocol_ >= xcom::protocol_with_packed_rows;
    if (!may || !is_read) {
      auto const why = !open ? refused : !may ? member_->role().why_not : "the group's protocol was lowered; try again";
      if (each.who) each.who->answer({gr::order_outcome::not_sent, -1, -1, why});
      continue;
    }
    if (each.who) {
      waiting_[seq.value()] = std::move(each.who);
      step_member(gr::awaited{seq});
    }
    ++count_.replicated;
    count_.replicated_bytes += each.payload.size();
    count_.key_bytes += each.key_bytes;
    count_.data_bytes += each.data_bytes;
    steps_->push(xcom::submitted{seq, std::move(each.payload)});
    seq = seq.next();
  }
  serving_.clear();
  settle();
}

base::result<void> live_group::connect(gr::connect_request const& request) {
  std::lock_guard const life(life_mutex_);
  if (running_) return base::fail("this member is connected already");
  group_name_ = request.group_name;
  seeds_ = request.seeds;
  closing_ = gave_up_ = unheard_ = false;
  if (auto const room = free_bytes(options_.data_dir); room && *room < disk_limit())
    return base::fail(describe_room(options_.data_dir, *room, disk_limit()));
  if (auto loaded = load_certificates(); !loaded) return loaded;
  auto const answer = std::make_shared<ticket<base::result<void>>>();
  start_thread();
  post([this, request, answer] {
    connecting_ = answer;
    if (auto begun = begin(request); !begun) {
      connecting_.reset();
      answer->answer(begun.error());
    }
  });
  auto done = answer->wait_for(options_.connect_patience);
  if (!done) {
    stop_thread();
    done = base::result<void>(base::fail(nobody_answered()));
  }
  if (!*done) {
    stop_thread();
    forget_machines();
  }
  return *done;
}

std::string live_group::nobody_answered() const {
  std::string asked;
  for (auto const& each : seeds_) asked += (asked.empty() ? "" : ", ") + each;
  auto const obstacles = what_stood_in_the_way();
  return "no majority of the group answered within " + std::to_string(options_.connect_patience.count() / 1000) +
         " seconds. Members asked: " + (asked.empty() ? "none" : asked) +
         ". Are they up, is the group name the same (" + group_name_ +
         "), and was one of them started with --wsrep-new-cluster?" +
         (was_member_ ? " If a majority of the group died at once and came back as new incarnations, nobody is left to "
                        "take members in: find the server whose data stands furthest (mariadbd --wsrep-recover prints "
                        "each one's position), set safe_to_bootstrap to 1 in its grastate.dat and start it with "
                        "--wsrep-new-cluster; the others rejoin it"
                      : "") +
         (obstacles.empty() ? "" : " TLS failed with " + obstacles) + positions_known();
}

// Of a member that waited for the others of its group: who was there, and how far. A human who goes on without a majority
// has to know what that may lose.
std::string live_group::positions_known() const {
  auto const now = status();
  if (now.members.empty()) return {};
  std::string text = ". The members of the group, as its newest site known here has them, and where their data stands:";
  for (auto const& each : now.members) {
    bool const heard = each.is_self || each.state != "UNREACHABLE";
    text += "\n  " + each.group_address + (each.is_self ? " (this one)" : "") + (each.votes ? "" : ", without a vote") +
            ": " + (heard ? "position " + std::to_string(each.applied) : "not heard");
  }
  return text;
}

// Who gave up says that it leaves, and goes when the group has taken note; unless there is nobody to say it to.
bool live_group::is_still_leaving() const { return node_ && node_->is_member() && !unheard_ && node_->is_leaving(); }

void live_group::disconnect() {
  std::lock_guard const life(life_mutex_);
  if (!running_) return;
  auto const gone = std::make_shared<ticket<bool>>();
  post([this, gone] {
    leaving_ = gone;
    closing_ = true;
    if (node_ && node_->is_member() && !gave_up_)
      step_node(xcom::leave_group{});
    else if (!is_still_leaving())
      finish_leaving();
  });
  std::chrono::milliseconds const patience(options_.options->number("group_replication_components_stop_timeout"));
  if (is_open() && !gone->wait_for(patience)) {
    auto const closed = std::make_shared<ticket<bool>>();
    post([this, closed] {
      leaving_ = closed;
      finish_leaving();
    });
    // In vain when the strand broke meanwhile: then the group is closed as well.
    (void)closed->wait_for(close_patience);
  }
  stop_thread();
  forget_machines();
}

// What may change while the group runs and is not read anew each time it is needed.
void live_group::follow_options() {
  auto const version = options_.options->version();
  if (std::exchange(options_seen_, version) == version) return;
  if (net_) net_->allow(allowlist_of(*options_.options));
  if (!node_) return;
  ask_for_rules_in_options();
  step_member(gr::settings_changed{recovery_settings_of(*options_.options, server_donors_),
                                   flow_settings_of(*options_.options)});
  auto const weight = static_cast<std::uint32_t>(options_.options->number("group_replication_member_weight"));
  steps_->push(xcom::set_weight{weight});
  auto const settings = node_settings(*options_.options, self_, boot_);
  steps_->push(xcom::set_limits{settings.suspect_ticks, settings.expel_ticks, settings.cache_bytes_max});
}

bool live_group::is_open() {
  std::lock_guard const lock(inbox_mutex_);
  return closed_because_.empty();
}

void live_group::forget_machines() {
  lease_ends_ = 0;
  net_.reset();
  node_.reset();
  member_.reset();
  log_.reset();
  late_.reset();
  posted_.clear();
  packing_.clear();
}

gr::ordered live_group::order(gr::local_write_set write_set) {
  auto const limit = static_cast<std::size_t>(options_.options->number("group_replication_transaction_size_limit"));
  std::size_t const bytes = write_set.data.size() + write_set.keys.size();
  if ((limit > 0 && bytes > limit) || bytes > message_bytes_max)
    return {gr::order_outcome::too_big, -1, -1,
            std::to_string(bytes) + " bytes exceed group_replication_transaction_size_limit (" +
                std::to_string(limit == 0 ? message_bytes_max : std::min(limit, message_bytes_max)) + ")"};
  gr::write_set_message message;
  message.source = {own_uuid_, write_set.trx, write_set.conn};
  message.life = clients_life_;
  message.flags = write_set.flags | (write_set.everywhere ? gr::flag_tell_applied : 0U);
  message.last_seen = write_set.last_seen;
  message.keys = write_set.keys;
  message.data = write_set.data;
  if (protocol_ >= xcom::protocol_with_packed_rows)
    gr::pack_rows(message,
                  static_cast<std::uint64_t>(options_.options->number("group_replication_compression_threshold")));
  bool const packed = message.packed();
  auto const who = std::make_shared<ticket<gr::ordered>>();
  if (lease_is_over())
    return {gr::order_outcome::not_sent, -1, -1,
            "this server stood still, or was cut off, for longer than a primary may be: another may write by now"};
  enqueue({base::encode(gr::ordered_message(std::move(message))), write_set.keys.size(), write_set.data.size(), who,
           true, packed});
  return who->wait();
}

void live_group::order_later(gr::local_write_set write_set) {
  gr::write_set_message message;
  message.source = {own_uuid_, write_set.trx, write_set.conn};
  message.life = clients_life_;
  message.flags = write_set.flags;
  message.last_seen = write_set.last_seen;
  message.keys = std::move(write_set.keys);
  message.data = std::move(write_set.data);
  enqueue({base::encode(gr::ordered_message(std::move(message))), 0, 0, nullptr, true});
}

base::result<gr::seqno_t> live_group::causal_position(std::chrono::milliseconds timeout) {
  auto const who = std::make_shared<ticket<gr::ordered>>();
  enqueue({base::encode(gr::ordered_message(gr::marker_message{})), 0, 0, who});
  auto const answer = who->wait_for(timeout);
  if (!answer) return base::fail("the group did not answer within " + std::to_string(timeout.count()) + " ms");
  if (answer->outcome != gr::order_outcome::passed) return base::fail(answer->why);
  return answer->seqno;
}

void live_group::state_requested(base::result<base::blob> request) {
  post([this, request] { step_member(gr::state_request_ready{request}); });
}

void live_group::state_sent(gr::seqno_t position, int error) {
  post([this, position, error] { step_member(gr::state_was_sent{position, error}); });
}

void live_group::state_received(base::uuid const& history, gr::seqno_t position, int error) {
  post([this, history, position, error] { step_member(gr::state_was_received{history, position, error}); });
}

void live_group::set_desynced(bool desynced) {
  post([this, desynced] { step_member(gr::desync_set{desynced}); });
}

gr::group_status live_group::status() const {
  std::shared_ptr<gr::group_status const> held;
  {
    std::lock_guard const lock(status_mutex_);
    held = status_;
  }
  return *held;
}

void live_group::answer_all_as_unknown(std::string const& why) {
  gate_.open();
  to_force_.reset();
  if (auto const commanded = std::exchange(forcing_, nullptr)) commanded->answer(base::fail(why));
  if (!waiting_.empty()) ++clients_life_;  // before anybody is answered
  if (member_) step_member(gr::abandoned{why});
  for (auto const& [seq, who] : waiting_) who->answer({gr::order_outcome::unknown, -1, -1, why});
  waiting_.clear();
  end_waits_everywhere("this member lost the group before it heard from all others");
}

}  // namespace runtime
