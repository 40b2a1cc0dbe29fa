#include "gr/mariadb/provider.hh"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "gr/isolation.hh"
#include "gr/mariadb/address.hh"
#include "gr/mariadb/clone_care.hh"
#include "gr/mariadb/configured_options.hh"
#include "gr/mariadb/consistency.hh"
#include "gr/mariadb/local_sql.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/row_events.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/views.hh"
#include "runtime/node_settings.hh"

namespace gr::mariadb {
namespace {

std::string text_or_empty(char const* text) { return text == nullptr ? "" : text; }

bool is_wildcard(std::string const& host) { return host.empty() || host == "0.0.0.0" || host == "::" || host == "*"; }

// The first that parses to something with the wanted part; errors of any of them end it.
base::result<std::vector<host_port>> parse_all(std::initializer_list<std::string> texts) {
  std::vector<host_port> all;
  for (auto const& text : texts) {
    auto parsed = parse_host_port(text);
    if (!parsed) return parsed.error();
    all.push_back(std::move(*parsed));
  }
  return all;
}

unsigned first_port(std::vector<host_port> const& from, unsigned otherwise) {
  for (auto const& each : from)
    if (each.port != 0) return each.port;
  return otherwise;
}

std::string first_host(std::vector<host_port> const& from) {
  for (auto const& each : from)
    if (!is_wildcard(each.host)) return each.host;
  return "127.0.0.1";
}

std::vector<std::string> split_seeds(std::string list) {
  std::vector<std::string> seeds;
  for (std::size_t end = 0; !list.empty(); list.erase(0, end == std::string::npos ? end : end + 1)) {
    end = list.find(',');
    if (auto seed = list.substr(0, end); !seed.empty()) seeds.push_back(std::move(seed));
  }
  return seeds;
}

// By statements, which a server takes that runs. All other ways replace its files.
bool is_copied_by_dump() {
  auto const* const method = server_variable<char const* const>("wsrep_sst_method");
  return method != nullptr && text_or_empty(*method) == "mysqldump";
}

}  // namespace

provider::provider(group_factory make_group, shared_state& shared)
    : make_group_(make_group), shared_(shared), options_(shared.options()) {
  options_listener_ = options_->on_change([this](option_spec const& what) {
    tracing_ = options_->flag("debug");
    slow_ms_ = options_->number("group_replication_request_time_threshold");
    if (what.name == "gmcast.isolate") gr::isolation_wanted.store(options_->flag("gmcast.isolate"));
  });
  slow_ms_ = options_->number("group_replication_request_time_threshold");  // set before there was a listener
  options_->carry_out_with([this](option_spec const& which, std::string const& text) -> base::result<void> {
    auto const group = shared_.current_group();
    if (!group) return base::fail("this server is not connected to a group");
    if (which.name == "group_replication_communication_protocol") return group->change_protocol(text);
    if (auto done = group->force_members(which.name == "pc.bootstrap" ? "" : text); !done) return done;
    log(level::warning, "going on without a majority of the group, as " + std::string(which.name) + " asked");
    return {};
  });
  if (auto const* wish = std::getenv("QUORATE_TRACE"); wish != nullptr && *wish != 0)
    (void)options_->set("debug", "ON", option_store::moment::before_start);
}

provider::~provider() {
  shared_.set_group(nullptr);
  if (evictor_.joinable()) evictor_.join();
  if (settler_.joinable()) settler_.join();
  shared_.set_logger(nullptr);
}

// ---- start ----

void provider::take_settings(wsrep_init_args const& args) {
  server_.app = args.app_ctx;
  server_.node_name = text_or_empty(args.node_name);
  server_.node_address = text_or_empty(args.node_address);
  server_.incoming = text_or_empty(args.node_incoming);
  server_.data_dir = text_or_empty(args.data_dir);
  server_.connected = args.connected_cb;
  server_.view = args.view_cb;
  server_.sst_request = args.sst_request_cb;
  server_.apply = args.apply_cb;
  server_.sst_donate = args.sst_donate_cb;
  server_.synced = args.synced_cb;
  shared_.set_logger(args.logger_cb);
}

abi::status provider::init(wsrep_init_args const& args) {
  take_settings(args);
  if (auto const configured = load_configured_options(); !configured) {
    log(level::error, configured.error().text);
    return abi::node_fail;
  }
  auto const remarks = options_->set_all(text_or_empty(args.options), option_store::moment::before_start);
  if (!remarks) {
    log(level::error, "wsrep_provider_options: " + remarks.error().text);
    return abi::node_fail;
  }
  for (auto const& each : *remarks) log(each.how, "wsrep_provider_options: " + each.text);
  set_gtid_domain();
  make_own_programs_found();
  if (!finish_interrupted_clone(server_.data_dir)) return abi::node_fail;
  take_position(args);
  backlog_ = make_backlog(server_.data_dir);
  return abi::ok;
}

// The server's own position counts, then the state file's. Data that left the group's history has none.
void provider::take_position(wsrep_init_args const& args) {
  auto const saved = read_state_file(server_.data_dir);
  if (!saved) log(level::warning, saved.error().text + "; the file is not used");
  auto const file = saved ? *saved : std::nullopt;
  if (file && file->diverged)
    return log(level::warning,
               "the data here differs from the group's (grastate.dat says so); a full copy will be needed");
  if (args.state_id != nullptr && args.state_id->seqno >= 0)
    set_position(from_abi(args.state_id->uuid), args.state_id->seqno);
  else if (file && file->seqno >= 0)
    set_position(file->group, file->seqno);
  if (auto const group = position_group(); !group.is_nil())
    log(level::info, "starting from position " + base::to_string(group) + ":" + std::to_string(order_.last_left()));
}

void provider::set_position(base::uuid const& group, seqno_t seqno) {
  order_.reset(seqno);
  gate_.open(seqno);
  std::lock_guard const hold(position_mutex_);
  group_ = group;
}

base::uuid provider::position_group() const {
  std::lock_guard const hold(position_mutex_);
  return group_;
}

base::uuid provider::self() const {
  std::lock_guard const hold(position_mutex_);
  return self_;
}

// ---- connect ----

base::result<connect_request> provider::plan_connect(char const* group_name, char const* url, bool bootstrap) {
  auto address = parse_cluster_address(text_or_empty(url));
  if (!address) return address.error();
  auto const when = server_up_ ? option_store::moment::running : option_store::moment::before_start;
  auto const remarks = options_->set_all(address->options, when);
  if (!remarks) return base::fail("cluster address: " + remarks.error().text);
  for (auto const& each : *remarks) log(each.how, "cluster address: " + each.text);
  connect_request request{text_or_empty(group_name), std::move(address->seeds), false};
  if (request.seeds.empty()) request.seeds = split_seeds(options_->text("group_replication_group_seeds"));
  request.bootstrap = bootstrap || request.seeds.empty() || options_->flag("group_replication_bootstrap_group");
  if (request.bootstrap) request.seeds.clear();
  return request;
}

base::result<void> provider::check_bootstrap() const {
  auto const saved = read_state_file(server_.data_dir);
  if (!saved || !*saved || (*saved)->safe_to_bootstrap) return {};
  return base::fail(
      "refusing to begin a group with this member's data: other members were in the group when it left or stopped, and "
      "may "
      "hold newer transactions. Begin with the member that left last; or, when sure that this one is the most "
      "advanced, set "
      "safe_to_bootstrap to 1 in " +
      server_.data_dir + "/grastate.dat and start it again");
}

base::result<group_options> provider::plan_group() const {
  auto const listen = parse_all(
      {options_->text("gmcast.listen_addr"), options_->text("group_replication_local_address"), server_.node_address});
  if (!listen) return listen.error();
  auto const own = parse_all({options_->text("base_host"), options_->text("group_replication_local_address"),
                              server_.node_address, options_->text("gmcast.listen_addr")});
  if (!own) return own.error();
  group_options plan;
  plan.data_dir = server_.data_dir;
  plan.node_name = server_.node_name;
  plan.incoming = server_.incoming;
  plan.server_version = running_server_version();
  if (auto const* const folds = server_variable<unsigned const>("lower_case_table_names"))
    plan.alike.push_back({"lower_case_table_names", std::to_string(*folds)});
  plan.listen_host = listen->front().host.empty() ? "0.0.0.0" : listen->front().host;
  plan.listen_port = first_port(*listen, static_cast<unsigned>(options_->number("base_port")));
  plan.own_host = first_host(*own);
  plan.own_port = first_port(*own, plan.listen_port);
  if (!position_group().is_nil() && !diverged_) plan.start = start_position{position_group(), order_.last_left()};
  plan.server_runs = server_up_ && !is_copied_by_dump();
  plan.options = options_;
  plan.names = [](base::blob const& rows) {
    std::vector<std::string> names;
    for (auto const& each : tables_in(rows)) names.push_back(each.schema + "." + each.table);
    return names;
  };
  return plan;
}

void provider::tell_transfer_program() const {
  auto const plan = plan_group();
  mariadb::tell_transfer_program(server_.data_dir, *options_, plan ? plan->own_host : std::string{});
}

base::result<void> provider::join(connect_request const& request) {
  if (request.bootstrap)
    if (auto allowed = check_bootstrap(); !allowed) return allowed;
  auto plan = plan_group();
  if (!plan) return plan.error();
  // The one before may still be saying that it leaves: the server, which has seen its last view, did not wait for that. Then it
  // lets go of its files and its port.
  if (auto const before = shared_.current_group()) before->disconnect();
  shared_.set_group(nullptr);
  events_.open();
  gate_.open(order_.last_left());
  had_view_ = left_ = false;
  std::shared_ptr<gr::group> const group = make_group_(*plan, *this);
  shared_.set_group(group);
  auto joined = group->connect(request);
  if (joined) return {};
  shared_.set_group(nullptr);
  left_ = true;
  events_.close(events_.session());
  return joined;
}

abi::status provider::connect(char const* group_name, char const* url, char const* donors, bool bootstrap) {
  std::lock_guard const hold(life_mutex_);
  {
    std::lock_guard const join_it(evictor_mutex_);
    if (evictor_.joinable()) evictor_.join();
  }
  if (server_takes_statements())
    role_keeper::instance().note_asked();  // by SET; at its start it is what the server is for
  auto request = plan_connect(group_name, url, bootstrap);
  if (request) request->donors = text_or_empty(donors);
  if (!request) {
    log(level::error, request.error().text);
    return abi::node_fail;
  }
  if (auto const joined = join(*request); !joined) {
    log(level::error, "could not join the group: " + joined.error().text);
    role_keeper::instance().note_dropped(joined.error().text, true);
    return abi::node_fail;
  }
  if (request->bootstrap)  // once: a second group by the same wish would be a split brain
    (void)options_->set("group_replication_bootstrap_group", "OFF", option_store::moment::running);
  return abi::ok;
}

// ---- leave ----

abi::status provider::disconnect() {
  role_keeper::instance().note_asked();
  std::lock_guard const hold(life_mutex_);
  auto const group = shared_.current_group();
  if (group)
    group->disconnect();
  else if (left_)
    events_.open();  // never connected: the server still waits for its final view
  if (!group) events_.push(group_closed{});
  if (receivers_.load() == 0) {
    while (auto event = events_.take_now()) {
      bool const last = std::holds_alternative<group_closed>(*event);
      if (last) (void)handle(group_closed{}, nullptr);
      finish(*event, events_.session());
      if (last) break;
    }
  }
  shared_.set_group(nullptr);
  return abi::ok;
}

// From a callback or the group's own thread, where nobody may wait for the group.
void provider::leave_in_background(std::string const& why) {
  auto group = shared_.current_group();
  if (!group) return;
  log(level::error, "leaving the group: " + why);
  std::lock_guard const hold(evictor_mutex_);
  if (evictor_.joinable()) return;  // on its way
  role_keeper::instance().note_dropped(why, false);
  evictor_ = std::thread([group = std::move(group)] { group->disconnect(); });
}

void provider::broke(char const* call, std::string const& why) {
  log(level::error,
      std::string(call) + ": " + why + ". This is a fault of group replication; please report it with this log");
  leave_in_background("a call into it failed");
}

// A server that waits to be joined cannot be stopped any other way: it ignores signals until it is up.
void provider::end_process(std::string const& why) {
  log(level::error, "joining the group failed, this server ends: " + why);
  ::_exit(1);
}

void provider::deliver(server_event event) {
  if (auto const* failed = std::get_if<fatal_error>(&event); failed != nullptr && !server_up_) end_process(failed->why);
  events_.push(std::move(event));
}

// The gate hears of the position here: its own thread may get a processor only when the group has been left, and the position
// that is written down then must not lie below what it commits.
void provider::note_ordered(std::uint64_t trx, ordered const& verdict) {
  if (verdict.seqno >= 0) (void)gate_.admit(verdict.seqno);
  if (auto const local = transactions_.find(trx)) local->note_verdict(verdict);
}

void provider::note_backlog(std::uint64_t transactions) {
  if (backlog_) backlog_->set(transactions);
}

void provider::note_refused(refused_write_set const& what) {
  shared_.conflicts().add(what, static_cast<std::int64_t>(runtime::milliseconds_now()));
}

void provider::take_role(server_role const& now) {
  shared_.set_role(now);
  role_keeper::instance().take(now);
}

// ---- files ----

void provider::save_state(saved_state const& state) {
  if (auto const written = write_state_file(server_.data_dir, state); !written)
    log(level::warning, written.error().text);
}

// A member alone in a primary view may begin the group again: nobody else can have more.
void provider::save_as_running() {
  saved_state now;
  {
    std::lock_guard const hold(position_mutex_);
    now = {last_primary_.group, -1, last_primary_.members.size() == 1, false};
  }
  save_state(now);
}

void provider::save_running(view const& now) {
  {
    std::lock_guard const hold(position_mutex_);
    last_primary_ = now;
  }
  if (diverged_ || asks_) return;  // as it says already
  save_as_running();
  if (auto const written = write_view_file(server_.data_dir, now, false); !written)
    log(level::warning, written.error().text);
}

void provider::save_left() {
  if (!had_view_) return;
  bool alone = false;
  {
    std::lock_guard const hold(position_mutex_);
    alone = last_primary_.members.size() <= 1;
  }
  bool const diverged = diverged_;
  if (diverged)
    save_state({{}, -1, false, true});
  else
    save_state({position_group(), order_.last_left(), alone, false});
  remove_view_file(server_.data_dir);
}

// ---- options ----

abi::status provider::options_set(char const* list) {
  auto const remarks = options_->set_all(text_or_empty(list), option_store::moment::running);
  if (!remarks) {
    log(level::error, remarks.error().text);
    return abi::node_fail;
  }
  for (auto const& each : *remarks) log(each.how, each.text);
  return options_->flag("socket.ssl_reload") ? reload_certificates() : abi::ok;
}

// A wish and no state: it is fulfilled, or refused, and gone. No command of the options though: those are carried out before
// the rest of their list counts, and this is to read the files which that may name. FLUSH SSL comes here too.
abi::status provider::reload_certificates() {
  (void)options_->set("socket.ssl_reload", "OFF", option_store::moment::running);
  auto const group = shared_.current_group();
  if (!group) return abi::ok;  // connecting reads them
  auto const reloaded = group->reload_certificates();
  if (reloaded) return abi::ok;
  log(level::error, "the certificates are not reloaded, those read last stay in use: " + reloaded.error().text);
  return abi::node_fail;
}

char* provider::options_get() const { return ::strdup(options_->print().c_str()); }

// ---- pausing ----

std::int64_t provider::pause() {
  auto const hold = gate_.pause();
  events_.pause_changed();
  count_.pauses.fetch_add(1, std::memory_order_relaxed);
  order_.wait_left(hold);
  if (donates_) redo_log_.begin();
  auto const now = order_.last_left();
  return now < 0 ? 0 : now;  // a negative answer would be a failure, and the server never recovers from one
}

void provider::resume() {
  redo_log_.end();
  gate_.resume();
  events_.pause_changed();
}

void provider::desync() {
  count_.desyncs.fetch_add(1, std::memory_order_relaxed);
  if (desyncs_.fetch_add(1) != 0) return;
  if (auto const group = shared_.current_group()) group->set_desynced(true);
}

void provider::resync() {
  if (desyncs_.fetch_sub(1) != 1) return;
  if (auto const group = shared_.current_group()) group->set_desynced(false);
}

// ---- positions ----

abi::status provider::sync_wait(wsrep_gtid const* upto, int timeout_s, wsrep_gtid* out) {
  using std::chrono::milliseconds;
  auto const timeout = milliseconds(timeout_s < 0 ? options_->number("repl.causal_read_timeout") : timeout_s * 1000LL);
  auto const until = commit_order::clock::now() + timeout;
  bool const asked_by_session = upto == nullptr || upto->seqno < 0;
  if (asked_by_session && consistency_of_session() == consistency::before_on_primary_failover)
    return shared_.await_takeover(until) ? abi::ok : abi::trx_fail;
  count_.causal_reads.fetch_add(1, std::memory_order_relaxed);
  auto const group = shared_.current_group();
  if (!group) return abi::conn_fail;
  seqno_t target = -1;
  if (!asked_by_session) {
    if (from_abi(upto->uuid) != position_group()) return abi::trx_fail;
    target = upto->seqno;
  } else {
    auto const position = group->causal_position(timeout);
    // Said once until one succeeds: whoever polls a server without majority would fill its log.
    if (!position) {
      if (!causal_reads_fail_.exchange(true)) log(level::warning, "causal read: " + position.error().text);
      return abi::conn_fail;
    }
    if (causal_reads_fail_.load(std::memory_order_relaxed)) causal_reads_fail_ = false;
    target = *position;
  }
  if (!is_visible(target, until)) return abi::trx_fail;
  if (out != nullptr) *out = to_abi(position_group(), target);
  return abi::ok;
}

// Waits for it.
bool provider::is_visible(seqno_t position, commit_order::clock::time_point until) {
  return order_.wait_left(position, until) && appliers_.wait_none_below(position + 1, until) &&
         commits_.wait_none_below(position + 1, until);
}

abi::status provider::last_committed_id(wsrep_gtid* out) const {
  *out = to_abi(position_group(), order_.last_left());
  return abi::ok;
}

// ---- copies of the whole state ----

void provider::sst_sent(wsrep_gtid const& position, int rc) {
  donates_ = false;
  if (auto const group = shared_.current_group()) group->state_sent(position.seqno, rc);
}

void provider::sst_received(wsrep_gtid const& position, int rc) {
  auto const group = shared_.current_group();
  if (!group) return;
  auto const source = from_abi(position.uuid);
  if (rc == 0 && position.seqno >= 0) {
    diverged_ = false;
    set_position(source, position.seqno);
    had_view_ = true;  // in the tables that were copied
    save_state({source, -1, false, false});
  }
  group->state_received(source, position.seqno, rc);
}

}  // namespace gr::mariadb
