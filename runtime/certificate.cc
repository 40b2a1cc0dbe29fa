#include "runtime/certificate.hh"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace runtime {
namespace {

constexpr std::size_t description_bytes_max = 300;

using text_sink = std::unique_ptr<BIO, decltype(&BIO_free)>;

text_sink make_sink() { return {BIO_new(BIO_s_mem()), BIO_free}; }

std::string text_in(BIO* sink) {
  char* text = nullptr;
  long const length = BIO_get_mem_data(sink, &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string{};
}

std::string text_of(ASN1_STRING const* from) {
  return {reinterpret_cast<char const*>(ASN1_STRING_get0_data(from)),
          static_cast<std::size_t>(ASN1_STRING_length(from))};
}

std::string address_in(ASN1_STRING const* from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  auto const bytes = text_of(from);
  if (bytes.size() != 4 && bytes.size() != 16) return "?";
  return ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size()) == nullptr
             ? "?"
             : text.data();
}

std::string alternative_names(X509* certificate) {
  std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> const names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string all;
  for (int at = 0; names && at < sk_GENERAL_NAME_num(names.get()); ++at) {
    auto const* const each = sk_GENERAL_NAME_value(names.get(), at);
    if (each->type != GEN_DNS && each->type != GEN_IPADD) continue;
    all += all.empty() ? "" : ", ";
    all += each->type == GEN_DNS ? text_of(each->d.dNSName) : address_in(each->d.iPAddress);
  }
  return all;
}

}  // namespace

bool is_for_host(X509* certificate, std::string const& host) {
  if (X509_check_ip_asc(certificate, host.c_str(), 0) == 1) return true;
  unsigned const strict = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  return X509_check_host(certificate, host.data(), host.size(), strict, nullptr) == 1;
}

std::string describe(X509* certificate) {
  auto const sink = make_sink();
  X509_NAME_print_ex(sink.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
  auto const names = alternative_names(certificate);
  auto text = text_in(sink.get()) + (names.empty() ? "" : ", for " + names);
  if (text.size() > description_bytes_max) text.replace(description_bytes_max, std::string::npos, "...");
  std::ranges::replace_if(
      text, [](char each) { return each < ' ' || each > '~'; }, '?');
  return text;
}

std::string describe(ASN1_TIME const* time) {
  auto const sink = make_sink();
  ASN1_TIME_print(sink.get(), time);
  return text_in(sink.get());
}

std::string last_tls_error() {
  auto const code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  auto const* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

}  // namespace runtime
