// What certificates say, and what OpenSSL says, in words for a log.
#pragma once

#include <openssl/types.h>

#include <string>

namespace runtime {

// Whether the certificate is for this host: a DNS name or an address among its alternative names. Its subject does not count.
bool is_for_host(X509* certificate, std::string const& host);
// "CN = db1, for db1.example, 10.0.0.1": enough to tell one from another. Plain text, and not long, whoever made the certificate.
std::string describe(X509* certificate);
std::string describe(ASN1_TIME const* time);
// OpenSSL's reason for what failed last on this thread; forgets it.
std::string last_tls_error();

}  // namespace runtime
