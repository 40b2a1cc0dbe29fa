#include "runtime/tls_context.hh"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "runtime/certificate.hh"

namespace runtime {
namespace {

using done = base::result<void>;

constexpr std::string_view prefix = "group_replication_";
constexpr int password_bytes_max = 1024;

// Where a setting came from, in every message: who reads it has to find the line to change.
base::error about(std::string_view option, std::string const& value, std::string const& why) {
  return base::fail(std::string(prefix) + std::string(option) + ": '" + value + "' " + why);
}

// OpenSSL says "system lib" where the system would say why.
done check_readable(std::string_view option, std::string const& path) {
  int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return about(option, path, std::string("cannot be read: ") + std::strerror(errno));
  ::close(fd);
  return {};
}

struct key_password {
  std::string text;
  bool asked = false;
};

// Without one of our own OpenSSL would ask at the terminal, and a server would wait there for ever.
int give_password(char* into, int size, int /*writing*/, void* from) {
  if (from == nullptr) return -1;
  auto& password = *static_cast<key_password*>(from);
  password.asked = true;
  int const length = static_cast<int>(password.text.size());
  if (length == 0 || length > size) return -1;
  std::ranges::copy(password.text, into);
  return length;
}

base::result<key_password> read_password(tls_settings const& with) {
  if (with.password_file.empty()) return key_password{};
  if (auto can = check_readable("ssl_password_file", with.password_file); !can) return can.error();
  std::ifstream in(with.password_file);
  std::string line;
  std::getline(in, line);
  if (line.empty() || line.size() > password_bytes_max)
    return about("ssl_password_file", with.password_file,
                 "has no password of 1 .. " + std::to_string(password_bytes_max) + " bytes in its first line");
  return key_password{std::move(line)};
}

done load_certificate(SSL_CTX* into, tls_settings const& with) {
  if (with.certificate.empty())
    return base::fail(
        "group_replication_ssl_cert is not set, and group_replication_ssl_mode = " + std::string(to_string(with.mode)) +
        " needs a certificate (group_replication_ssl_cert, group_replication_ssl_key)");
  if (auto can = check_readable("ssl_cert", with.certificate); !can) return can;
  if (SSL_CTX_use_certificate_chain_file(into, with.certificate.c_str()) == 1) return {};
  return about("ssl_cert", with.certificate, "holds no certificate in PEM that can be used: " + last_tls_error());
}

done load_key(SSL_CTX* into, tls_settings const& with) {
  if (with.key.empty())
    return base::fail("group_replication_ssl_key is not set; it names the key of the certificate '" + with.certificate +
                      "'");
  if (auto can = check_readable("ssl_key", with.key); !can) return can;
  auto read = read_password(with);
  if (!read) return read.error();
  auto& password = *read;
  SSL_CTX_set_default_passwd_cb_userdata(into, &password);
  bool const loaded = SSL_CTX_use_PrivateKey_file(into, with.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(into, nullptr);
  if (loaded) return {};
  int const reason = ERR_GET_REASON(ERR_peek_last_error());
  std::string const said = last_tls_error();
  if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)
    return about("ssl_key", with.key,
                 "is not the key of the certificate '" + with.certificate + "' (ssl_cert): " + said);
  if (password.asked)
    return about("ssl_key", with.key,
                 with.password_file.empty()
                     ? "is encrypted, and group_replication_ssl_password_file is not set"
                     : "does not open with the password in '" + with.password_file + "' (ssl_password_file): " + said);
  return about("ssl_key", with.key, "holds no private key in PEM: " + said);
}

done load_authorities(SSL_CTX* into, tls_settings const& with) {
  if (with.mode < tls_mode::verify_ca) return {};  // nobody is judged
  if (!with.ca_path.empty()) {
    if (auto can = check_readable("ssl_capath", with.ca_path); !can) return can;
    if (SSL_CTX_load_verify_dir(into, with.ca_path.c_str()) != 1)
      return about("ssl_capath", with.ca_path, "is no directory of authorities: " + last_tls_error());
  }
  // As with Galera: members that share one self-signed certificate need no authority beside it.
  bool const own = with.ca.empty() && with.ca_path.empty();
  if (with.ca.empty() && !own) return {};
  auto const& file = own ? with.certificate : with.ca;
  std::string_view const option = own ? "ssl_cert" : "ssl_ca";
  if (auto can = check_readable(option, file); !can) return can;
  if (SSL_CTX_load_verify_file(into, file.c_str()) == 1) return {};
  return about(option, file, "holds no authority's certificate in PEM: " + last_tls_error());
}

done load_revoked(SSL_CTX* into, tls_settings const& with) {
  if (with.crl.empty() && with.crl_path.empty()) return {};
  auto* const store = SSL_CTX_get_cert_store(into);
  if (!with.crl.empty()) {
    if (auto can = check_readable("ssl_crl", with.crl); !can) return can;
    auto* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, with.crl.c_str(), X509_FILETYPE_PEM) < 1)
      return about("ssl_crl", with.crl, "holds no list of revoked certificates in PEM: " + last_tls_error());
  }
  if (!with.crl_path.empty()) {
    if (auto can = check_readable("ssl_crlpath", with.crl_path); !can) return can;
    if (X509_STORE_load_path(store, with.crl_path.c_str()) != 1)
      return about("ssl_crlpath", with.crl_path, "is no directory of revocation lists: " + last_tls_error());
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

done set_ciphers(SSL_CTX* into, tls_settings const& with) {
  if (!with.cipher.empty() && SSL_CTX_set_cipher_list(into, with.cipher.c_str()) != 1)
    return about("ssl_cipher", with.cipher, "names no cipher of TLS 1.2 that OpenSSL has: " + last_tls_error());
  if (!with.ciphersuites.empty() && SSL_CTX_set_ciphersuites(into, with.ciphersuites.c_str()) != 1)
    return about("tls_ciphersuites", with.ciphersuites, "is no list of TLS 1.3 suites: " + last_tls_error());
  return {};
}

done check_dates(X509* certificate, tls_settings const& with) {
  auto const* const from = X509_get0_notBefore(certificate);
  auto const* const until = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(until) < 0)
    return about("ssl_cert", with.certificate, "has expired: it was valid until " + describe(until));
  if (X509_cmp_current_time(from) > 0)
    return about("ssl_cert", with.certificate, "is not valid yet: it will be from " + describe(from));
  return {};
}

// The others judge our certificate by the same authorities, in both roles. Better to hear of it here than from them.
done check_accepted(SSL_CTX* loaded, X509* certificate, tls_settings const& with) {
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(loaded, &chain);
  for (int const purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
    std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> const check(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
    X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(loaded), certificate, chain);
    X509_STORE_CTX_set_purpose(check.get(), purpose);
    if (X509_verify_cert(check.get()) == 1) continue;
    std::string const why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
    ERR_clear_error();
    bool const own = with.ca.empty() && with.ca_path.empty();
    return about("ssl_cert", with.certificate,
                 std::string("is not accepted as a ") + (purpose == X509_PURPOSE_SSL_SERVER ? "server's" : "client's") +
                     " by " +
                     (own ? "itself, and no authority is named (group_replication_ssl_ca)"
                          : "group_replication_ssl_ca '" + (with.ca.empty() ? with.ca_path : with.ca) + "'") +
                     ": " + why);
  }
  return {};
}

done check_own(SSL_CTX* loaded, tls_settings const& with) {
  auto* const certificate = SSL_CTX_get0_certificate(loaded);
  if (auto good = check_dates(certificate, with); !good) return good;
  if (with.mode < tls_mode::verify_ca) return {};
  if (auto good = check_accepted(loaded, certificate, with); !good) return good;
  if (with.mode == tls_mode::verify_identity && !with.own_host.empty() && !is_for_host(certificate, with.own_host))
    return about("ssl_cert", with.certificate,
                 "(" + describe(certificate) + ") is not for '" + with.own_host +
                     "', this member's address; group_replication_ssl_mode = VERIFY_IDENTITY needs that among its "
                     "alternative names");
  return {};
}

void set_rules(SSL_CTX* into, tls_mode mode) {
  SSL_CTX_set_default_passwd_cb(into, give_password);
  SSL_CTX_set_min_proto_version(into, TLS1_2_VERSION);
  SSL_CTX_set_options(into, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(into, 0);
  SSL_CTX_set_session_cache_mode(into, SSL_SESS_CACHE_OFF);
  bool const verify = mode >= tls_mode::verify_ca;
  SSL_CTX_set_verify(into, verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, nullptr);
}

}  // namespace

std::string_view to_string(tls_mode mode) {
  static constexpr std::array<std::string_view, 4> names{"DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"};
  return names.at(static_cast<std::size_t>(mode));
}

tls_settings tls_settings_of(gr::option_store const& options, std::string own_host) {
  tls_settings found;
  auto const word = options.text("group_replication_ssl_mode");
  for (auto const each : {tls_mode::required, tls_mode::verify_ca, tls_mode::verify_identity})
    if (word == to_string(each)) found.mode = each;
  found.certificate = options.text("group_replication_ssl_cert");
  found.key = options.text("group_replication_ssl_key");
  found.password_file = options.text("group_replication_ssl_password_file");
  found.ca = options.text("group_replication_ssl_ca");
  found.ca_path = options.text("group_replication_ssl_capath");
  found.crl = options.text("group_replication_ssl_crl");
  found.crl_path = options.text("group_replication_ssl_crlpath");
  found.cipher = options.text("group_replication_ssl_cipher");
  found.ciphersuites = options.text("group_replication_tls_ciphersuites");
  found.own_host = std::move(own_host);
  return found;
}

base::result<std::shared_ptr<tls_context const>> tls_context::load(tls_settings const& settings) {
  if (settings.mode == tls_mode::disabled) return std::shared_ptr<tls_context const>{};
  ERR_clear_error();  // of whoever used this thread before
  std::shared_ptr<SSL_CTX> const made(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  if (!made) return base::fail("OpenSSL cannot make a context: " + last_tls_error());
  set_rules(made.get(), settings.mode);
  for (auto const step : {load_certificate, load_key, load_authorities, load_revoked, set_ciphers, check_own}) {
    if (auto good = step(made.get(), settings); !good) return good.error();
  }
  ERR_clear_error();
  return std::make_shared<tls_context const>(settings, made);
}

tls_context::tls_context(tls_settings const& settings, std::shared_ptr<SSL_CTX> loaded)
    : mode_(settings.mode), loaded_(std::move(loaded)) {
  auto* const certificate = SSL_CTX_get0_certificate(loaded_.get());
  auto const* const until = X509_get0_notAfter(certificate);
  certificate_ = describe(certificate) + ", valid until " + describe(until);
  int seconds = 0;
  ASN1_TIME_diff(&days_left_, &seconds, nullptr, until);
}

}  // namespace runtime
