#include "runtime/tls_session.hh"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ensure.hh"
#include "runtime/certificate.hh"

namespace runtime {
namespace {

constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t record_overhead_bytes = 64;  // more than any suite's
// What a peer can make us answer without reading it: more than any handshake, less than could hurt.
constexpr std::size_t answers_bytes_max = 256U << 10;
// New keys well before AES-GCM's limit of 2^24.5 records (RFC 8446, 5.5): a connection between members lasts for months.
constexpr std::uint64_t records_per_key = 1U << 23;

constexpr int first_alert_reason = SSL_AD_REASON_OFFSET;

bool is_about_certificate(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

std::string in_words(int reason, std::string const& said) {
  static std::string const no_common =
      "; nothing in common with it: see group_replication_ssl_cipher and group_replication_tls_ciphersuites on both "
      "sides";
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return "it shows no certificate";
  if (reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_UNSUPPORTED_PROTOCOL ||
      reason == SSL_R_NO_PROTOCOLS_AVAILABLE)
    return said + no_common;
  if (reason < first_alert_reason) return said;
  int const alert = reason - first_alert_reason;
  if (is_about_certificate(alert))
    return "it does not accept our certificate (group_replication_ssl_cert): " + said + ". Its log says more";
  bool const incompatible =
      alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_PROTOCOL_VERSION || alert == SSL_AD_INSUFFICIENT_SECURITY;
  return "it ends the TLS handshake: " + said + (incompatible ? no_common : "");
}

// ---- the pipe ----

int pipe_read(BIO* bio, char* into, int size) {
  auto& input = static_cast<tls_pipe*>(BIO_get_data(bio))->input;
  BIO_clear_retry_flags(bio);
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  auto const taken = std::min(input.size(), static_cast<std::size_t>(size));
  std::memcpy(into, input.data(), taken);
  input = input.subspan(taken);
  return static_cast<int>(taken);
}

int pipe_write(BIO* bio, char const* from, int size) {
  auto& output = static_cast<tls_pipe*>(BIO_get_data(bio))->output;
  BIO_clear_retry_flags(bio);
  output.insert(output.end(), from, from + size);
  return size;
}

long pipe_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD const* pipe_method() {
  static BIO_METHOD* const method = [] {
    auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "group replication");
    ensure(made != nullptr);
    BIO_meth_set_read(made, pipe_read);
    BIO_meth_set_write(made, pipe_write);
    BIO_meth_set_ctrl(made, pipe_control);
    return made;
  }();
  return method;
}

}  // namespace

bool begins_tls(std::uint8_t first) { return first >= SSL3_RT_CHANGE_CIPHER_SPEC && first <= SSL3_RT_APPLICATION_DATA; }

// ---- a session ----

tls_session::tls_session(std::shared_ptr<tls_context const> context, tls_role role, std::string const& dialed_host)
    : context_(std::move(context)), dialed_host_(dialed_host), ssl_(SSL_new(context_->handle()), SSL_free) {
  auto* const bio = BIO_new(pipe_method());
  ensure(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, &pipe_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), note_verdict);
  if (role == tls_role::acceptor)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  if (role == tls_role::dialer && context_->mode() == tls_mode::verify_identity) expect(dialed_host);
}

// Once it was refused OpenSSL does not hand it out any more.
int tls_session::note_verdict(int accepted, X509_STORE_CTX* judged) {
  auto const* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(judged, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const self = static_cast<tls_session*>(SSL_get_app_data(ssl));
  if (accepted == 0) self->refused_ = describe(X509_STORE_CTX_get0_cert(judged));
  return accepted;
}

void tls_session::expect(std::string const& host) {
  auto* const rules = SSL_get0_param(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  ensure(X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1);
  SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
}

void tls_session::take_output(std::vector<std::uint8_t>& into) {
  into.clear();
  into.swap(pipe_.output);
}

base::result<tls_session::step> tls_session::handshake() {
  ERR_clear_error();
  int const answer = SSL_do_handshake(ssl_.get());
  if (answer == 1) return step::done;
  if (SSL_get_error(ssl_.get(), answer) == SSL_ERROR_WANT_READ) return step::needs_more;
  return failure(answer);
}

base::result<std::size_t> tls_session::read(std::span<std::uint8_t> into) {
  std::size_t filled = 0;
  while (filled < into.size() && !ended_) {
    std::size_t got = 0;
    ERR_clear_error();
    int const answer = SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &got);
    filled += got;
    if (answer == 1) continue;
    int const how = SSL_get_error(ssl_.get(), answer);
    if (how == SSL_ERROR_WANT_READ) break;
    ended_ = how == SSL_ERROR_ZERO_RETURN;
    if (!ended_ && filled == 0) return failure(answer);
    break;  // an error comes again, when what was before it has been taken
  }
  if (pipe_.output.size() > answers_bytes_max) return base::fail("it asks for more TLS answers than it reads");
  return filled;
}

base::result<void> tls_session::write_record(std::uint8_t const* from, std::size_t size) {
  std::size_t written = 0;
  ERR_clear_error();
  int const answer = SSL_write_ex(ssl_.get(), from, size, &written);
  if (answer != 1) return failure(answer);
  records_written_ += (size + record_bytes - 1) / record_bytes;
  if (records_written_ < records_per_key || SSL_version(ssl_.get()) < TLS1_3_VERSION) return {};
  records_written_ = 0;
  SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
  return {};
}

base::result<void> tls_session::write(std::vector<boost::asio::const_buffer> const& words) {
  std::size_t const total = boost::asio::buffer_size(words);
  pipe_.output.reserve(pipe_.output.size() + total + (total / record_bytes + 2) * record_overhead_bytes);
  record_.reserve(record_bytes);
  for (auto const& each : words) {
    auto const* from = static_cast<std::uint8_t const*>(each.data());
    std::size_t left = each.size();
    while (left > 0) {
      bool const is_whole = record_.empty() && left >= record_bytes;
      std::size_t const taken = is_whole ? left - left % record_bytes : std::min(left, record_bytes - record_.size());
      if (is_whole) {
        if (auto done = write_record(from, taken); !done) return done;
      } else {
        record_.insert(record_.end(), from, from + taken);
      }
      from += taken;
      left -= taken;
      if (record_.size() < record_bytes) continue;
      if (auto done = write_record(record_.data(), record_.size()); !done) return done;
      record_.clear();
    }
  }
  if (record_.empty()) return {};
  auto done = write_record(record_.data(), record_.size());
  record_.clear();
  return done;
}

bool tls_session::peer_is(std::string const& host) const {
  auto* const certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate != nullptr && is_for_host(certificate, host);
}

std::string tls_session::describe_peer() const {
  auto* const certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? "none" : describe(certificate);
}

std::string tls_session::protocol() const {
  return std::string(SSL_get_version(ssl_.get())) + ", " + SSL_get_cipher_name(ssl_.get());
}

// ---- what went wrong ----

std::string tls_session::verdict() const {
  auto const result = SSL_get_verify_result(ssl_.get());
  auto const who = "its certificate (" + refused_ + ") ";
  if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
    return who + "is not for '" + dialed_host_ + "', and group_replication_ssl_mode is VERIFY_IDENTITY here";
  return who + "is not accepted: " + X509_verify_cert_error_string(result) + " (group_replication_ssl_ca here)";
}

base::error tls_session::failure(int answer) {
  int const how = SSL_get_error(ssl_.get(), answer);
  int const reason = ERR_GET_REASON(ERR_peek_last_error());
  std::string const said = last_tls_error();
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return base::fail(verdict());
  if (how == SSL_ERROR_ZERO_RETURN) return base::fail("it ended the TLS connection");
  return base::fail(in_words(reason, said));
}

}  // namespace runtime
