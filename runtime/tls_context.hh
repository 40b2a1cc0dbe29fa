// The certificates and rules by which this member speaks TLS: read from files, checked as a whole, then never changed.
//
// Owner:  shared. A session keeps the one it began with; reloading makes another for the sessions after it.
// Always: (1) it can be used: the key fits the certificate, the certificate is valid today and, where peers verify, ours is one
//             that our own authorities accept; (2) TLS 1.2 or newer, and no session is resumed, so every connection is judged anew.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hh"
#include "gr/options.hh"

namespace runtime {

// What is asked of a peer, each with all that stands before it.
enum class tls_mode : std::uint8_t {
  disabled,
  required,         // TLS, whoever it is
  verify_ca,        // a certificate of one of our authorities
  verify_identity,  // for the host we dialed, or the host that a dialer says it is
};
std::string_view to_string(tls_mode mode);

struct tls_settings {
  tls_mode mode = tls_mode::disabled;
  std::string certificate;  // PEM, with the authorities between it and the root behind it
  std::string key;
  std::string password_file;  // of the key; its first line
  std::string ca;             // neither this nor ca_path: the certificate is its own authority
  std::string ca_path;
  std::string crl;
  std::string crl_path;
  std::string cipher;        // up to TLS 1.2
  std::string ciphersuites;  // TLS 1.3
  std::string own_host;      // what others dial; verify_identity: the certificate has to be for it
};
tls_settings tls_settings_of(gr::option_store const& options, std::string own_host);

class tls_context {
 public:
  // Reads files: not on a strand. The answer is null when the mode is disabled.
  // Errors: what a person has to change: the option, the file, the reason.
  static base::result<std::shared_ptr<tls_context const>> load(tls_settings const& settings);

  tls_context(tls_settings const& settings, std::shared_ptr<ssl_ctx_st> loaded);
  [[nodiscard]] tls_mode mode() const { return mode_; }
  [[nodiscard]] ssl_ctx_st* handle() const { return loaded_.get(); }
  // For the log: whose certificate, until when.
  [[nodiscard]] std::string const& certificate() const { return certificate_; }
  [[nodiscard]] int days_left() const { return days_left_; }

 private:
  tls_mode mode_;
  std::shared_ptr<ssl_ctx_st> loaded_;
  std::string certificate_;
  int days_left_ = 0;
};

}  // namespace runtime
