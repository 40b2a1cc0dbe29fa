// TLS as a member lives with it: the certificates it begins with and reloads, and what it does about peers it cannot trust.
#include <algorithm>
#include <utility>

#include "runtime/live_group.hh"
#include "runtime/tcp.hh"

namespace runtime {
namespace {

using gr::server;

constexpr int warn_days = 30;  // before the certificate ends

// As the others will take it from our hello: without the brackets of an IPv6 address.
std::string host_of(gr::group_options const& options) {
  auto const parsed = parse_address(options.own_host + ":" + std::to_string(options.own_port));
  return parsed ? parsed->host : options.own_host;
}

}  // namespace

// Before anything is opened: a member that was told to use TLS and cannot does not take part at all.
base::result<void> live_group::load_certificates() {
  auto const loaded = tls_context::load(tls_settings_of(*options_.options, host_of(options_)));
  if (!loaded) return base::fail("TLS between members cannot be used: " + loaded.error().text);
  tls_ = *loaded;
  tls_mode_ = tls_ ? tls_->mode() : tls_mode::disabled;
  untrusted_.clear();
  if (tls_) say_certificate("TLS between members, " + std::string(to_string(tls_->mode())), *tls_);
  return {};
}

void live_group::say_certificate(std::string const& what, tls_context const& loaded) const {
  say(server::level::info, what + ": this member's certificate is " + loaded.certificate());
  if (loaded.days_left() < warn_days)
    say(server::level::warning,
        "this member's certificate ends in " + std::to_string(loaded.days_left()) + " days: " + loaded.certificate());
}

// On the caller's thread, since files are read. Only the mode stays as it was: half a group in one and half in another could
// not speak with each other.
base::result<void> live_group::reload_certificates() {
  auto settings = tls_settings_of(*options_.options, host_of(options_));
  settings.mode = tls_mode_;
  auto const loaded = tls_context::load(settings);
  if (!loaded) return loaded.error();
  if (!*loaded) {
    say(server::level::info, "there are no certificates to reload: group_replication_ssl_mode is DISABLED");
    return {};
  }
  say_certificate("reloaded for new connections between members", **loaded);
  post([this, fresh = *loaded] {
    tls_ = fresh;
    if (net_) net_->secure_with(fresh);
  });
  return {};
}

// One peer with a bad certificate must not keep a member from joining by the others. When it is all of them it is our own.
void live_group::note_untrusted(std::string const& address, std::string const& why) {
  if (std::exchange(untrusted_[address], why) != why)
    say(server::level::error, "no TLS connection to " + address + ": " + why);
  if (!connecting_ || !trusts_nobody()) return;
  connecting_->answer(base::fail("no TLS connection to any other member. " + what_stood_in_the_way()));
  connecting_.reset();
}

bool live_group::trusts_nobody() const {
  return !seeds_.empty() && std::ranges::all_of(seeds_, [this](auto const& each) {
    return each == own_address_ || untrusted_.contains(each);
  });
}

std::string live_group::what_stood_in_the_way() const {
  std::string all;
  for (auto const& [address, why] : untrusted_) {
    all += all.empty() ? "" : "; ";
    all += address + ": ";
    all += why;
  }
  return all;
}

}  // namespace runtime
