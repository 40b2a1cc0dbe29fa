#include "runtime/arbiter.hh"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/ensure.hh"
#include "gr/messages.hh"
#include "runtime/log_files.hh"
#include "runtime/log_keeping.hh"
#include "runtime/node_settings.hh"
#include "runtime/tcp.hh"
#include "xcom/serving.hh"

namespace runtime {
namespace {

using level = gr::server::level;

constexpr std::uint64_t keep_short_every_ticks = 1000;
constexpr std::uint64_t leave_patience_ticks = 500;

}  // namespace

arbiter::arbiter(boost::asio::io_context& io, arbiter_options options, arbiter_callbacks calls)
    : io_(io),
      options_(std::move(options)),
      calls_(std::move(calls)),
      timer_(io),
      steps_(io, {[this] { return node_ && !ended_ ? &*node_ : nullptr; }, [this] { return net_.get(); },
                  [this](xcom::action const& what) { perform(what); }, [this] { sync(); }}) {}

arbiter::~arbiter() {
  if (net_) net_->close();
}

// ---- beginning and end ----

base::result<void> arbiter::begin() {
  auto loaded = load_certificates();
  if (!loaded) return loaded.error();
  tls_ = std::move(*loaded);
  durable_ = durability_of(*options_.options);
  auto const kept = read_log_keeping(options_.data_dir);
  auto const files = make_log_files(options_.data_dir, durable_);
  late_ = files.late;
  log_ = std::make_unique<xcom::agreed_log>(log_settings(*options_.options, kept), files.all);
  auto found = log_->open();
  if (!found) return found.error();
  for (auto const& each : found->notices) calls_.say(level::warning, "agreed log: " + each);
  auto const choice = gr::choose_arbiters_beginning(*found, options_.own_address, kept.same_host_boot, kept.durable);
  if (!choice.why.empty()) calls_.say(choice.level, choice.why);
  if (choice.how == gr::beginning::come_back) return come_back(*found);
  become_new_incarnation(gr::holds_history(*found) ? found->last.self : xcom::member_id{new_arbiter_uuid(), 0});
  if (auto done = listen(); !done) return done;
  return ask_to_join();
}

base::result<void> arbiter::come_back(xcom::recovered_log const& found) {
  if (auto done = check_protocol(found.at); !done) return done;
  self_ = found.last.self;
  boot_ = found.last.boot + 1;
  if (auto done = listen(); !done) return done;
  if (auto done = log_->begin({found.last.group, self_, boot_}, true); !done) return done;
  if (auto done = write_log_keeping(options_.data_dir, durable_); !done) return done;
  calls_.say(level::info, "coming back as " + xcom::to_string(self_) + ", boot " + std::to_string(boot_) +
                              ": log decided to slot " + std::to_string(found.decided.value()));
  make_node(gr::coming_back(found, entry(), false));
  steps_.push(xcom::update_self{entry().app, xcom::member_role::arbiter});  // should it not have it yet
  return {};
}

base::result<void> arbiter::ask_to_join() {
  std::vector<std::string> others;
  for (auto const& each : options_.seeds)
    if (each != options_.own_address) others.push_back(each);
  if (others.empty())
    return base::fail("there is no member to ask: the addresses name only this arbiter (" + options_.own_address + ")");
  calls_.say(level::info, "asking to be taken in as " + xcom::to_string(self_));
  // Its vote it asks for once its log can hold what it says: were it killed before that, it would come back as another, and
  // a group of one member could not take that one in without the vote of this one.
  auto joiner = entry();
  joiner.role = xcom::member_role::joining;
  make_node(xcom::begin_joining{joiner, others});
  return {};
}

void arbiter::become_new_incarnation(xcom::member_id const& before) {
  self_ = {before.uuid, std::max(before.incarnation + 1, milliseconds_now())};
  boot_ = 1;
  said_it_votes_ = false;
}

xcom::site_member arbiter::entry() const {
  xcom::site_member made;
  made.id = self_;
  made.address = options_.own_address;
  made.role = xcom::member_role::arbiter;
  made.boot = boot_;
  made.app = base::encode(gr::member_facts{options_.name, "", "", gr::member_status::recovering});
  return made;
}

void arbiter::make_node(xcom::beginning how) {
  node_.emplace(node_settings(*options_.options, self_, boot_), std::move(how), make_prng());
  if (node_->is_member()) net_->speak(node_->current_site().rules.protocol);
  arm_timer();
}

base::result<void> arbiter::listen() {
  transport_config config;
  config.listen_address = options_.listen_address;
  config.self_address = options_.own_address;
  config.group_name = options_.group_name;
  config.self = self_;
  config.boot = boot_;
  config.allowed = allowlist_of(*options_.options);
  config.tls = tls_;
  transport_callbacks calls;
  calls.on_message = [this](xcom::member_id const& from, xcom::wire_message what) {
    steps_.hear(from, std::move(what));
  };
  calls.on_link_lost = [this](std::string const& address) {
    steps_.push(xcom::link_lost{address});
    steps_.settle_soon();
  };
  calls.on_rejected = [this](std::string const& address, std::string const& why) {
    if (std::exchange(refusals_[address], why) != why)
      calls_.say(level::error, address + " refused this arbiter: " + why);
  };
  calls.on_untrusted = [this](std::string const& address, std::string const& why) { note_untrusted(address, why); };
  calls.on_log = [this](std::string const& line) { calls_.say(level::info, line); };
  if (net_) net_->close();
  net_ = std::make_unique<transport>(io_, config, std::move(calls));
  return net_->listen();
}

base::result<std::shared_ptr<tls_context const>> arbiter::load_certificates() const {
  auto const own = parse_address(options_.own_address);
  if (!own) return own.error();
  auto loaded = tls_context::load(tls_settings_of(*options_.options, own->host));
  if (!loaded) return base::fail("TLS between members cannot be used: " + loaded.error().text);
  if (*loaded) calls_.say(level::info, "this arbiter's certificate is " + (*loaded)->certificate());
  return loaded;
}

// A few small files, read on the strand: nobody waits for a commit here, and the others count on this member only for votes.
base::result<void> arbiter::reload_certificates() {
  auto loaded = load_certificates();
  if (!loaded) return loaded.error();
  tls_ = std::move(*loaded);
  if (net_) net_->secure_with(tls_);
  return {};
}

void arbiter::note_untrusted(std::string const& address, std::string const& why) {
  if (std::exchange(refusals_[address], why) != why)
    calls_.say(level::error, "no TLS connection to " + address + ": " + why);
}

void arbiter::leave() {
  steps_.when_free([this] {
    if (ended_ || leaving_since_) return;
    leaving_since_ = now_;
    if (!node_ || !node_->is_member()) return end(true);
    step(xcom::leave_group{});
  });
}

void arbiter::end(bool in_order) {
  if (std::exchange(ended_, true)) return;
  timer_.cancel();
  if (net_) net_->close();
  if (log_)
    if (auto done = log_->sync(); !done) calls_.say(level::warning, done.error().text);
  calls_.ended(in_order);
}

// ---- carrying out what the node says ----

void arbiter::step(xcom::event what) {
  steps_.push(std::move(what));
  steps_.settle();
}

void arbiter::perform(xcom::action const& what) {
  std::visit([this](auto const& each) { on(each); }, what);
}

// Without its log it must not answer for anything.
void arbiter::log_failed(base::result<void> const& done) {
  if (done || ended_) return;
  calls_.say(level::error, "the agreed log cannot be written: " + done.error().text);
  end(false);
}

void arbiter::write(xcom::value const& what, std::function<base::result<void>()> how) {
  write_slot(steps_, log_in_use(), what, std::move(how), [this](auto const& done) { log_failed(done); });
}

void arbiter::sync() {
  sync_before_answering(steps_, log_in_use(), [this](auto const& done) { log_failed(done); });
}

void arbiter::on(xcom::persist_promise const& what) {
  unsynced_ = true;
  log_failed(log_->promise(what.promised));
}

void arbiter::on(xcom::persist_accepted const& what) {
  unsynced_ = true;
  write(*what.slot.what, [this, &what] { return log_->accepted(what.slot); });
}

void arbiter::on(xcom::persist_learned const& what) {
  write(*what.slot.what, [this, &what] { return log_->learned(what.slot); });
}

void arbiter::on(xcom::persist_decided const& what) { log_failed(log_->decided(what.up_to)); }

void arbiter::on(xcom::send const& what) {
  if (!ended_) net_->send(what.address, what.what);
}

void arbiter::on(xcom::serve_log const& what) {
  auto const found = std::make_shared<xcom::served>();
  auto const answer = std::make_shared<xcom::fetched>();
  steps_.do_aside(
      what.asked.bytes_max,
      [this, &what, found, answer] {
        *found = xcom::serve(*log_, what);
        *answer = pack(*found, base::packing::lz4);
      },
      [this, &what, found, answer] {
        if (!found->error.empty()) calls_.say(level::error, "cannot serve a member from the log: " + found->error);
        if (!ended_) net_->send(what.address, *answer);
      });
}

void arbiter::on(xcom::site_installed const& what) {
  net_->speak(what.at.rules.protocol);
  std::string all;
  for (auto const& each : what.at.members)
    all += (all.empty() ? "" : ", ") + xcom::to_string(each.id) + " at " + each.address;
  calls_.say(level::info, "site " + std::to_string(what.at.version) + " is in force after slot " +
                              std::to_string(what.slot.value()) + ": " + all);
}

void arbiter::on(xcom::joined const& what) {
  if (auto const begun = log_->begin({what.log, self_, boot_}, false); !begun) return log_failed(begun);
  auto taken_in = what.at;
  taken_in.app = {};
  log_failed(log_->store(taken_in));
  log_failed(log_->sync());
  log_failed(write_log_keeping(options_.data_dir, durable_));
  unsynced_ = true;
  log_failed(log_->promise(what.promised));
  steps_.push(xcom::update_self{entry().app, xcom::member_role::arbiter});
  calls_.say(level::info, "taken in: this arbiter asks for its vote");
}

void arbiter::on(xcom::expelled const&) {
  if (leaving_since_) return end(true);
  calls_.say(level::warning, "the group went on without this arbiter");
  // This may run inside a handler of the very transport that has to be replaced.
  boost::asio::post(io_, [this] {
    steps_.when_free([this] {
      if (ended_) return;
      steps_.forget_events();
      become_new_incarnation(self_);
      auto done = listen();
      if (done) done = ask_to_join();
      if (done) return;
      calls_.say(level::error, done.error().text);
      end(false);
    });
  });
}

void arbiter::on(xcom::split_off const& what) {
  calls_.say(level::error, "there are two groups now: " + xcom::to_string(what.by) +
                               " went on without this arbiter, which has a majority, as if forced to "
                               "(group_replication_force_members, pc.bootstrap)");
}

void arbiter::on(xcom::join_failed const& what) {
  calls_.say(level::error, "the group does not take this arbiter in: " + what.reason);
  end(false);
}

void arbiter::on(xcom::left const&) { end(true); }

void arbiter::on(xcom::quorum_changed const& what) {
  calls_.say(what.have ? level::info : level::warning,
             what.have ? "a majority of the group is reachable" : "no majority of the group is reachable");
}

void arbiter::on(xcom::leader_changed const& what) {
  calls_.say(level::info, what.leader ? "messages are ordered by " + xcom::to_string(*what.leader)
                                      : std::string("no leader orders messages now"));
}

void arbiter::on(xcom::damaged_range const& what) {
  calls_.say(level::warning, "what " + xcom::to_string(what.from) + " sent of the log is damaged: " + what.why);
}

// Nobody has the slots it lacks: it begins anew, after them.
void arbiter::on(xcom::history_lost const&) { on(xcom::expelled{node_->current_site()}); }

// ---- time ----

void arbiter::arm_timer() {
  timer_.expires_after(tick_length);
  timer_.async_wait([this](boost::system::error_code const& stopped) {
    if (stopped || ended_) return;
    tick();
    if (!ended_) arm_timer();
  });
}

void arbiter::tick() {
  if (steps_.busy()) {
    (void)steps_.keep_alive();
    return steps_.tick_when_free([this] {
      if (!ended_) tick();
    });
  }
  now_ = tick_now();
  auto const version = options_.options->version();
  if (std::exchange(options_seen_, version) != version) net_->allow(allowlist_of(*options_.options));
  steps_.tick(now_);
  steps_.when_free([this] { finish_tick(); });
}

void arbiter::finish_tick() {
  if (ended_) return;
  if (leaving_since_ && now_.value() - leaving_since_->value() > leave_patience_ticks) {
    calls_.say(level::warning, "leaving without the group's word for it: no majority answers");
    return end(true);
  }
  say_that_it_votes();
  keep_log_short();
}

void arbiter::say_that_it_votes() {
  bool const votes = node_->is_member() && node_->have_quorum() && node_->current_site().votes(self_);
  if (votes && !said_it_votes_) calls_.say(level::info, "this arbiter votes in the group");
  said_it_votes_ = said_it_votes_ || votes;
}

// Nobody recovers from here: what every member of the site has learned may go, and a restart needs only the newest
// checkpoint, which says what site is in force.
void arbiter::keep_log_short() {
  if (!node_->is_member() || now_.value() - kept_short_at_.value() < keep_short_every_ticks) return;
  kept_short_at_ = now_;
  log_failed(log_->store({node_->decided(), node_->current_site(), {}, {}}));
  xcom::slot_no needed = node_->decided();
  for (auto const& each : node_->current_site().members) {
    if (each.id == self_) continue;
    auto const at = node_->peers().find(each.id);
    needed = std::min(needed, at == node_->peers().end() ? xcom::slot_no{} : at->second.last.decided);
  }
  log_failed(log_->purge(needed));
  if (std::exchange(log_begins_, log_->begins()) != log_->begins()) step(xcom::log_purged{log_->begins()});
}

}  // namespace runtime
