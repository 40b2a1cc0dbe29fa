#include "bench/messages/member.hh"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <span>
#include <utility>

#include "runtime/log_files.hh"
#include "xcom/serving.hh"

namespace bench {
namespace {

constexpr auto tick_length = std::chrono::milliseconds(base::tick_milliseconds);
constexpr std::uint64_t purge_every_ticks = 20;
// A run writes gigabytes; what is measured is not how much of that the disk holds.
constexpr std::uint64_t segment_bytes = 16U << 20;
constexpr std::uint64_t retain_bytes = 64U << 20;
constexpr base::tick_count never{1U << 30};

std::int64_t nanoseconds(std::chrono::steady_clock::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

std::int64_t nanoseconds(timeval const& span) { return (span.tv_sec * 1'000'000 + span.tv_usec) * 1'000; }

std::int64_t cpu_ns() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime);
}

std::uint64_t resident_max() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

std::int64_t percentile(std::vector<std::int64_t>& all, std::size_t percent) {
  if (all.empty()) return 0;
  auto const at = all.begin() + static_cast<std::ptrdiff_t>((all.size() - 1) * percent / 100);
  std::nth_element(all.begin(), at, all.end());
  return *at;
}

}  // namespace

member::member(int control, std::string const& directory, unsigned number, member_config config)
    : config_(std::move(config)), control_(io_, control) {
  self_.id = {base::make_uuid(number + 1, number + 1), 1};
  self_.boot = 1;
  if (number >= xcom::site_voters_max) self_.role = xcom::member_role::non_voting;
  open_log(directory);
  listen();
  self_.address = net_->self_address();
  report up;
  up.what = report::kind::listening;
  up.port = net_->port();
  tell(up);
  wait_for_order();
}

void member::run() { io_.run(); }

// ---- with the process that measures ----

void member::wait_for_order() {
  control_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](boost::system::error_code const& failed) {
                        order what;
                        if (failed || ::recv(control_.native_handle(), &what, sizeof what, 0) != sizeof what)
                          return io_.stop();
                        obey(what);
                        wait_for_order();
                      });
}

void member::obey(order const& what) {
  switch (what.what) {
    case order::kind::found: return found_group();
    case order::kind::join: return join_group(what.seed_port);
    case order::kind::load: return start_load(what);
    case order::kind::sample: return take_sample();
  }
}

void member::tell(report const& what) {
  if (::send(control_.native_handle(), &what, sizeof what, MSG_NOSIGNAL) != sizeof what) _exit(1);
}

void member::fail(std::string const& why) {
  report bad;
  why.copy(bad.why.data(), bad.why.size() - 1);
  tell(bad);
  _exit(1);
}

void member::must(base::result<void> const& done) {
  if (!done) fail(done.error().text);
}

void member::tell_if_ready() {
  if (was_ready_ || !node_->is_delivering() || node_->current_site().members.size() != config_.members) return;
  if (!node_->leader() || !node_->have_quorum() || node_->delivered() != node_->decided()) return;
  was_ready_ = true;
  report ready;
  ready.what = report::kind::ready;
  tell(ready);
}

void member::take_sample() {
  report now;
  now.what = report::kind::sampled;
  now.at_ns = nanoseconds(clock::now().time_since_epoch());
  now.cpu_ns = cpu_ns();
  now.own_delivered = own_delivered_;
  now.own_bytes = own_bytes_;
  now.all_delivered = all_delivered_;
  now.resident_max = resident_max();
  now.slots = slots_;
  now.bytes_written = net_->counters().bytes_written;
  now.dropped = net_->counters().dropped_full + net_->counters().dropped_lost;
  now.leader_changes = leader_changes_;
  now.leads = node_->is_leader();
  now.p50_ns = percentile(latencies_ns_, 50);
  now.p99_ns = percentile(latencies_ns_, 99);
  latencies_ns_.clear();
  note_gap();
  now.gap_ns = nanoseconds(std::exchange(gap_, {}));
  now.cache_budget = node_->config().cache_bytes_max;
  now.undelivered_budget = node_->config().undelivered_bytes_max;
  now.send_queue_budget = runtime::transport_config{}.queue_bytes_max;
  now.late_budget = config_.in_memory ? runtime::late_bytes_max : 0;
  tell(now);
}

// ---- how a member begins ----

void member::open_log(std::string const& directory) {
  xcom::log_config config;
  config.segment_bytes = segment_bytes;
  config.retain_bytes = retain_bytes;
  auto const durable = config_.in_memory ? gr::durability::memory : gr::durability::os;
  log_ = std::make_unique<xcom::agreed_log>(config, runtime::make_log_files(directory, durable).all);
  if (auto found = log_->open(); !found) fail(found.error().text);
}

void member::listen() {
  runtime::transport_config config;
  config.tls = config_.tls;
  config.allowed = *gr::allowlist::parse("AUTOMATIC");
  config.listen_address = "127.0.0.1:0";
  config.group_name = "messages_bench";
  config.self = self_.id;
  config.boot = self_.boot;
  runtime::transport_callbacks calls;
  calls.on_message = [this](xcom::member_id const& from, xcom::wire_message what) {
    events_.emplace_back(xcom::received{from, std::move(what)});
    settle_soon();
  };
  calls.on_link_lost = [this](std::string const& address) {
    events_.emplace_back(xcom::link_lost{address});
    settle_soon();
  };
  calls.on_rejected = [this](std::string const& address, std::string const& why) { fail(address + ": " + why); };
  calls.on_log = [](std::string const&) {};
  net_ = std::make_unique<runtime::transport>(io_, config, std::move(calls));
  must(net_->listen());
}

void member::begin(xcom::beginning how) {
  xcom::node_config config;
  config.self = self_.id;
  config.boot = self_.boot;
  if (config_.keeps_absent) config.expel_ticks = never;
  node_.emplace(config, std::move(how), base::prng(self_.id.uuid.bytes[7]));
  next_seq_ = node_->next_seq();
  if (node_->is_member()) net_->speak(node_->current_site().rules.protocol);
  tick();
}

void member::found_group() {
  base::uuid const name = base::make_uuid(1, 2);
  must(log_->begin({name, self_.id, self_.boot}, false));
  begin(xcom::begin_group{name, self_, {}});
  events_.emplace_back(xcom::start_delivery{{xcom::slot_no{}, node_->current_site(), {}, {}}, {}});
  settle_soon();
}

void member::join_group(std::uint16_t seed_port) {
  begin(xcom::begin_joining{self_, {"127.0.0.1:" + std::to_string(seed_port)}});
}

void member::on(xcom::joined const& what) {
  must(log_->begin({what.log, self_.id, self_.boot}, false));
  must(log_->store(what.at));
  must(log_->promise(what.promised));
  events_.emplace_back(xcom::start_delivery{what.at, {}});
}

// ---- the load ----

void member::start_load(order const& what) {
  payload_.assign(what.payload_max, 0x5a);
  payload_min_ = what.payload_min;
  outstanding_ = what.outstanding;
  top_up();
  settle_soon();
}

// Each message has bytes of its own, as a server's would.
void member::top_up() {
  while (submitted_at_.size() < outstanding_) {
    submitted_at_.push_back(clock::now());
    auto const size = sizes_.between(payload_min_, payload_.size());
    events_.emplace_back(xcom::submitted{next_seq_, base::blob::copy_of(std::span(payload_).first(size))});
    next_seq_ = next_seq_.next();
  }
}

void member::on(xcom::deliver const& what) {
  ++slots_;
  note_gap();
  note_latency(what);
  events_.emplace_back(xcom::consumed{what.slot});
  top_up();
}

void member::note_latency(xcom::deliver const& what) {
  auto const* const all = std::get_if<xcom::batch>(what.what.get());
  if (all == nullptr) return;
  auto const now = clock::now();
  all_delivered_ += all->messages.size();
  for (auto const& each : all->messages) {
    if (each.origin != self_.id) continue;
    ++own_delivered_;
    own_bytes_ += each.payload.size();
    latencies_ns_.push_back(nanoseconds(now - submitted_at_.front()));
    submitted_at_.pop_front();
  }
}

void member::note_gap() {
  auto const now = clock::now();
  gap_ = std::max(gap_, now - std::exchange(last_delivery_, now));
}

// ---- the driver ----

// Events that came together are stepped together. What a step causes waits for the next turn, as a client's next request
// does; only so can it meet what arrives meanwhile.
void member::settle() {
  if (!node_) return;
  auto const events = std::exchange(events_, {});
  if (events.empty()) return;
  actions_.clear();
  node_->step(events, actions_);
  for (auto const& each : actions_) std::visit([this](auto const& one) { on(one); }, each);
  tell_if_ready();
  if (!events_.empty()) settle_soon();
}

void member::settle_soon() {
  if (std::exchange(settle_posted_, true)) return;
  boost::asio::post(io_, [this] {
    settle_posted_ = false;
    settle();
  });
}

void member::tick() {
  auto const now = static_cast<std::uint64_t>(clock::now().time_since_epoch() / tick_length);
  events_.emplace_back(xcom::ticked{base::tick_count(now)});
  settle_soon();
  if (++ticks_ % purge_every_ticks == 0) purge_log();
  timer_.expires_after(tick_length);
  timer_.async_wait([this](boost::system::error_code const& stopped) {
    if (!stopped) tick();
  });
}

void member::purge_log() {
  auto const before = log_->begins();
  must(log_->purge(needed_log()));
  if (log_->begins() > before) events_.emplace_back(xcom::log_purged{log_->begins()});
}

// As a server's (gr::log_needed_from): what a member of the site lacks stays.
xcom::slot_no member::needed_log() const {
  auto needed = node_->delivered();
  for (auto const& [id, each] : node_->peers()) needed = std::min(needed, each.last.decided);
  return needed;
}

void member::on(xcom::serve_log const& what) {
  auto found = xcom::serve(*log_, what);
  if (!found.error.empty()) fail(found.error);
  net_->send(what.address, pack(std::move(found), base::packing::lz4));
}

void member::on(xcom::read_log const& what) {
  auto slots = log_->read(what.from, node_->decided(), what.bytes_max);
  if (!slots) fail(slots.error().text);
  events_.emplace_back(xcom::log_read{what.from, std::move(*slots)});
}

}  // namespace bench
