#include "runtime/transport.hh"

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <utility>

#include "runtime/admission.hh"
#include "runtime/transport_links.hh"

namespace runtime {

namespace {

constexpr std::chrono::milliseconds accept_retry{100};  // when there are no descriptors left
constexpr std::chrono::seconds complaint_interval{10};  // the same complaint about the same peer, at most so often
constexpr std::size_t complaints_held_max = 256;

}  // namespace

void link_context::complain(std::string const& about, std::string const& line) {
  auto const now = std::chrono::steady_clock::now();
  auto const [last, first_time] = complaints.try_emplace(about, now);
  if (!first_time && now - last->second < complaint_interval) return;
  last->second = now;
  if (complaints.size() > complaints_held_max) complaints.clear();
  log(line);
}

std::string link_context::tls_setting() const {
  return "group_replication_ssl_mode is " +
         std::string(to_string(config.tls ? config.tls->mode() : tls_mode::disabled)) + " on " + config.self_address;
}

struct transport::parts : std::enable_shared_from_this<transport::parts> {
  parts(asio::io_context& io, transport_config how, transport_callbacks calls)
      : context(std::make_shared<link_context>(
            link_context{io, std::move(how), std::move(calls), {}, false, false, {}, xcom::protocol_lowest})),
        acceptor(io),
        retry(io),
        door(std::make_shared<admission>(io, context->config.allowed)) {}

  base::result<void> listen();
  void accept();
  void take(tcp::socket socket);
  void turn_away(incoming_link& link);
  std::string judge(incoming_link& link, xcom::hello const& said);
  [[nodiscard]] std::string objection(xcom::hello const& said) const;
  void replace_older(incoming_link& link, xcom::hello const& said);
  [[nodiscard]] std::size_t strangers() const;
  void close();

  std::shared_ptr<link_context> context;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  std::shared_ptr<admission> door;
  std::uint16_t port = 0;
  std::map<std::string, std::shared_ptr<outgoing_link>> outgoing;
  std::set<std::shared_ptr<incoming_link>> incoming;
};

// ---- listening ----

base::result<void> transport::parts::listen() {
  auto& config = context->config;
  auto const wanted = parse_address(config.listen_address);
  if (!wanted) return base::fail("cannot listen: " + wanted.error().text);
  auto const failed = [&](error_code const& bad) {
    bool const used = bad == asio::error::address_in_use;
    return base::fail("cannot listen on " + config.listen_address + ": " + bad.message() +
                      (used ? "; another process has this port" : ""));
  };
  error_code bad;
  tcp::endpoint endpoint(tcp::v4(), wanted->port);
  if (!wanted->host.empty() && wanted->host != "*") {
    if (auto const numeric = numeric_endpoint(*wanted)) {
      endpoint = *numeric;
    } else {
      // Once, at start, so waiting for it is acceptable.
      auto const found = tcp::resolver(context->io).resolve(wanted->host, std::to_string(wanted->port), bad);
      if (bad) return failed(bad);
      endpoint = *found.begin();
    }
  }
  bad = open_acceptor(acceptor, endpoint.protocol());
  if (bad) return failed(bad);
  acceptor.set_option(tcp::acceptor::reuse_address(true), bad);
  if (!bad) acceptor.bind(endpoint, bad);
  if (!bad) acceptor.listen(asio::socket_base::max_listen_connections, bad);
  if (bad) {
    error_code ignored;
    acceptor.close(ignored);
    return failed(bad);
  }
  port = acceptor.local_endpoint(bad).port();
  if (config.self_address.empty()) config.self_address = to_string(host_port{wanted->host, port});
  accept();
  return {};
}

void transport::parts::accept() {
  acceptor.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](error_code const& bad) {
    if (bad || self->context->closed) return;
    for (;;) {
      tcp::socket socket(self->context->io);
      error_code const got = accept_now(self->acceptor, socket);
      if (got == asio::error::would_block || got == asio::error::try_again) return self->accept();
      if (got == asio::error::connection_aborted || got == asio::error::interrupted) continue;
      if (!got) {
        self->take(std::move(socket));
        continue;
      }
      self->context->complain("accept", "cannot accept a connection: " + got.message());
      self->retry.expires_after(accept_retry);
      return self->retry.async_wait([self](error_code const& cancelled) {
        if (!cancelled && !self->context->closed) self->accept();
      });
    }
  });
}

void transport::parts::take(tcp::socket socket) {
  std::weak_ptr<parts> const weak = weak_from_this();
  auto link = std::make_shared<incoming_link>(
      context, std::move(socket),
      [weak](incoming_link& from, xcom::hello const& said) {
        auto const self = weak.lock();
        return self ? self->judge(from, said) : std::string("closing");
      },
      [weak](incoming_link& gone) {
        if (auto const self = weak.lock()) self->incoming.erase(gone.shared_from_this());
      });
  if (strangers() >= context->config.strangers_max) {
    ++context->counters.connections_refused;
    context->complain("strangers",
                      "closed the connection from " + link->remote() + ": too many others have not said who they are");
    return;
  }
  incoming.insert(link);
  door->judge(to_ip(link->remote_host()), [weak, link](bool allowed) {
    if (allowed) return link->start();
    if (auto const self = weak.lock()) self->turn_away(*link);
  });
}

// It is told why: whoever runs it can do something about it, and learns nothing that the refusal itself does not say.
void transport::parts::turn_away(incoming_link& link) {
  ++context->counters.connections_refused;
  std::string const host = link.remote_host().to_string();
  context->complain("allowlist " + host,
                    "refused a connection from " + link.remote() + ": it is not in group_replication_ip_allowlist");
  link.turn_away(host + " is not in the group_replication_ip_allowlist of " + context->config.self_address);
}

std::size_t transport::parts::strangers() const {
  std::size_t count = 0;
  for (auto const& each : incoming) count += each->greeted() ? 0 : 1;
  return count;
}

std::string transport::parts::judge(incoming_link& link, xcom::hello const& said) {
  std::string why = objection(said);
  if (why.empty()) why = link.doubt(said.address);
  if (!why.empty()) {
    std::string const who = said.address.empty() ? link.remote() : said.address + " (" + link.remote() + ")";
    context->complain(said.address.empty() ? link.remote() : said.address,
                      "refused a connection from " + who + ": " + why);
    return why;
  }
  replace_older(link, said);
  return {};
}

std::string transport::parts::objection(xcom::hello const& said) const {
  auto const& ours = context->config;
  if (!said.speaks.meets(ours.speaks)) {
    return "it speaks protocol version " + xcom::to_string(said.speaks) + ", " + ours.self_address + " speaks " +
           xcom::to_string(ours.speaks);
  }
  if (said.group_name != ours.group_name) {
    return said.address + " belongs to group '" + printable(said.group_name) + "', " + ours.self_address +
           " to group '" + ours.group_name + "'";
  }
  if (said.self.uuid == ours.self.uuid && said.address != ours.self_address) {
    return said.address + " has the same server uuid as " + ours.self_address + ", " + base::to_string(said.self.uuid);
  }
  return {};
}

// A member has one connection to us. When it dials again, the older is dead, whether or not we have noticed.
void transport::parts::replace_older(incoming_link& link, xcom::hello const& said) {
  std::vector<std::shared_ptr<incoming_link>> older;
  for (auto const& each : incoming) {
    if (each.get() != &link && each->greeted() && each->peer().self.uuid == said.self.uuid) older.push_back(each);
  }
  for (auto const& each : older) each->close("");
}

void transport::parts::close() {
  if (context->closed) return;
  context->closed = true;
  error_code ignored;
  acceptor.close(ignored);
  retry.cancel();
  door->close();
  for (auto const& [address, link] : outgoing) link->close();
  outgoing.clear();
  for (auto const& each : std::set(std::move(incoming))) each->close("");
  incoming.clear();
}

// ---- the class ----

transport::transport(boost::asio::io_context& io, transport_config config, transport_callbacks callbacks)
    : parts_(std::make_shared<parts>(io, std::move(config), std::move(callbacks))) {}

transport::~transport() { close(); }

base::result<void> transport::listen() { return parts_->listen(); }

std::uint16_t transport::port() const { return parts_->port; }

std::string const& transport::self_address() const { return parts_->context->config.self_address; }

void transport::send(std::string const& address, xcom::wire_message const& what) {
  if (parts_->context->closed) return;
  auto& link = parts_->outgoing[address];
  if (!link) link = std::make_shared<outgoing_link>(parts_->context, address);
  auto const keep = link;
  keep->send(what);
}

void transport::forget(std::string const& address) {
  auto const found = parts_->outgoing.extract(address);
  if (!found.empty()) found.mapped()->close();
}

void transport::speak(std::uint16_t protocol) { parts_->context->protocol = protocol; }

void transport::allow(gr::allowlist allowed) { parts_->door->set(std::move(allowed)); }

void transport::secure_with(std::shared_ptr<tls_context const> tls) { parts_->context->config.tls = std::move(tls); }

void transport::hold_reading(bool hold) {
  if (std::exchange(parts_->context->holds_reading, hold) == hold || hold) return;
  auto const links = parts_->incoming;  // one may close, and go from the list
  for (auto const& each : links) each->go_on_reading();
}

std::vector<xcom::member_id> transport::arriving() const {
  std::vector<xcom::member_id> from;
  for (auto const& each : parts_->incoming)
    if (each->greeted() && each->is_in_pieces()) from.push_back(each->peer().self);
  return from;
}

void transport::close() { parts_->close(); }

transport_counters const& transport::counters() const { return parts_->context->counters; }

std::size_t transport::bytes_queued(std::string const& address) const {
  auto const found = parts_->outgoing.find(address);
  return found == parts_->outgoing.end() ? 0 : found->second->bytes_queued();
}

bool transport::is_connected(std::string const& address) const {
  auto const found = parts_->outgoing.find(address);
  return found != parts_->outgoing.end() && found->second->is_up();
}

}  // namespace runtime
