// Goal: with TLS only those connect who are trusted, both sides hear why others do not, and nothing readable is on the wire.
// Method: transports on loopback with certificates made here; a proxy between two of them that keeps what passes.
#include <gtest/gtest.h>

#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>

#include "runtime/stream.hh"
#include "tests/runtime/certificates.hh"
#include "tests/runtime/transport_node.hh"

namespace runtime {
namespace {

using namespace std::chrono_literals;

bool says(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

certificates& made() {
  static certificates all;
  return all;
}

tls_settings member(std::string const& name, tls_mode mode = tls_mode::verify_identity) {
  if (!std::filesystem::exists(made().path(name + ".pem"))) made().issue(name, "IP:127.0.0.1,DNS:localhost");
  return made().settings(name, mode);
}

std::shared_ptr<tls_context const> loaded(tls_settings const& settings) {
  auto const found = tls_context::load(settings);
  if (!found) throw std::runtime_error(found.error().text);
  return *found;
}

std::string refusal(tls_settings const& settings) {
  auto const found = tls_context::load(settings);
  return found ? "accepted" : found.error().text;
}

class tls_test : public transport_test {
 protected:
  std::unique_ptr<node> make(std::uint64_t number, std::shared_ptr<tls_context const> tls,
                             std::string const& listen = "127.0.0.1:0", std::string const& self = "") {
    auto config = node::configured(number, "g", listen);
    config.tls = std::move(tls);
    config.self_address = self;
    auto one = std::make_unique<node>(io, config);
    one->listen();
    return one;
  }
  std::unique_ptr<node> make(std::uint64_t number, tls_settings const& settings) {
    return make(number, loaded(settings));
  }
  bool arrives(node& from, node& to, std::string const& text = "hello") {
    auto const before = to.texts().size();
    return until([&] {
      if (to.texts().size() > before) return true;
      if (from.link->bytes_queued(to.address()) == 0) from.link->send(to.address(), words(text));
      return false;
    });
  }
};

// ---- connections ----

TEST_F(tls_test, members_of_one_authority_understand_each_other_in_every_mode) {
  for (auto const mode : {tls_mode::required, tls_mode::verify_ca, tls_mode::verify_identity}) {
    auto const a = make(1, member("a", mode));
    auto const b = make(2, member("b", mode));
    EXPECT_TRUE(arrives(*a, *b)) << to_string(mode);
    EXPECT_TRUE(arrives(*b, *a)) << to_string(mode);
    EXPECT_TRUE(a->untrusted.empty() && b->untrusted.empty() && a->rejected.empty());
  }
}

TEST_F(tls_test, messages_of_every_size_arrive_whole_and_in_order) {
  auto const a = make(1, member("a"));
  auto const b = make(2, member("b"));
  std::vector<std::size_t> const sizes = {10, 5U << 20, 20, 300000, 30, 16384, 16383, 16385, 2048, 4096, 40, 50U << 20};
  // A link that is given up takes along what waits for it, and a handshake may take too long where there is no processor.
  for (int attempt = 0; attempt < 5 && b->messages.size() != sizes.size(); ++attempt) {
    b->messages.clear();
    a->lost.clear();
    for (auto const size : sizes) a->link->send(b->address(), words(size));
    (void)until([&] { return b->messages.size() == sizes.size() || !a->lost.empty(); }, 60s);
  }
  ASSERT_EQ(b->messages.size(), sizes.size());
  for (std::size_t each = 0; each < sizes.size(); ++each) EXPECT_EQ(b->texts()[each].size(), sizes[each]);
}

TEST_F(tls_test, without_an_authority_a_shared_certificate_is_its_own) {
  made().run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout " + made().path("shared.key") +
             " -out " + made().path("shared.pem") + " -subj /CN=shared -days 10");
  auto const settings = made().settings("shared", tls_mode::verify_ca, "");
  auto const a = make(1, settings);
  auto const b = make(2, settings);
  EXPECT_TRUE(arrives(*a, *b));
}

TEST_F(tls_test, another_authoritys_member_is_refused_and_both_sides_say_why) {
  made().make_authority("other");
  made().issue("stranger", "IP:127.0.0.1", 10, "other");
  auto const a = make(1, made().settings("stranger", tls_mode::required, ""));  // it would trust anybody
  auto const b = make(2, member("b", tls_mode::verify_ca));
  a->link->send(b->address(), words("let me in"));
  ASSERT_TRUE(until([&] { return !a->untrusted.empty() && !b->lines.empty(); }));
  EXPECT_TRUE(says(a->untrusted[0].second, "does not accept our certificate")) << a->untrusted[0].second;
  EXPECT_TRUE(says(a->untrusted[0].second, "group_replication_ssl_cert")) << a->untrusted[0].second;
  EXPECT_TRUE(says(b->lines[0], "CN = stranger")) << b->lines[0];
  EXPECT_TRUE(says(b->lines[0], "group_replication_ssl_ca")) << b->lines[0];
  EXPECT_TRUE(b->messages.empty());
  EXPECT_EQ(b->link->counters().messages_received, 0U);
  EXPECT_GE(b->link->counters().connections_refused, 1U);

  b->link->send(a->address(), words("who are you?"));
  ASSERT_TRUE(until([&] { return !b->untrusted.empty(); }));
  EXPECT_TRUE(says(b->untrusted[0].second, "not accepted")) << b->untrusted[0].second;
  EXPECT_TRUE(a->messages.empty()) << "nothing was said to a peer that is not trusted";
  EXPECT_FALSE(b->lost.empty()) << "who cannot be reached is reported";
}

TEST_F(tls_test, who_shows_no_certificate_is_refused_before_a_frame_is_read) {
  auto const b = make(2, member("b", tls_mode::verify_ca));
  made().run("s_client -connect 127.0.0.1:" + std::to_string(b->link->port()) + " </dev/null & sleep 0.3");
  ASSERT_TRUE(until([&] { return !b->lines.empty(); }));
  EXPECT_TRUE(says(b->lines[0], "it shows no certificate")) << b->lines[0];
}

TEST_F(tls_test, a_certificate_for_another_host_is_refused_by_the_dialer) {
  made().issue("elsewhere", "IP:127.0.0.9,DNS:db9.example");
  auto const a = make(1, member("a"));
  auto const b = make(2, made().settings("elsewhere", tls_mode::verify_ca));
  a->link->send(b->address(), words("x"));
  ASSERT_TRUE(until([&] { return !a->untrusted.empty(); }));
  for (auto const* part : {"db9.example", "127.0.0.9", "is not for '127.0.0.1'", "VERIFY_IDENTITY"})
    EXPECT_TRUE(says(a->untrusted[0].second, part)) << a->untrusted[0].second;
  EXPECT_TRUE(b->messages.empty());
}

TEST_F(tls_test, a_certificate_for_another_host_is_refused_by_who_is_dialed) {
  made().issue("elsewhere2", "DNS:db9.example");
  auto const a = make(1, made().settings("elsewhere2", tls_mode::verify_ca));
  auto const b = make(2, member("b"));
  a->link->send(b->address(), words("x"));
  ASSERT_TRUE(until([&] { return !a->rejected.empty(); }));
  for (auto const* part : {"db9.example", "127.0.0.1", "VERIFY_IDENTITY"})
    EXPECT_TRUE(says(a->rejected[0].second, part)) << a->rejected[0].second;
  EXPECT_TRUE(b->messages.empty());
}

// ---- one speaks TLS, the other does not ----

TEST_F(tls_test, a_plain_member_is_told_that_tls_is_wanted) {
  auto const a = make(1, nullptr);
  auto const b = make(2, member("b", tls_mode::verify_ca));
  a->link->send(b->address(), words("in the open"));
  ASSERT_TRUE(until([&] { return !a->rejected.empty() && !b->lines.empty(); }));
  for (auto const& told : {a->rejected[0].second, b->lines[0]}) {
    EXPECT_TRUE(says(told, "TLS")) << told;
    EXPECT_TRUE(says(told, "group_replication_ssl_mode is VERIFY_CA on " + b->address())) << told;
  }
  EXPECT_TRUE(b->messages.empty());
}

TEST_F(tls_test, a_member_with_tls_is_told_that_the_other_has_none_and_says_nothing_to_it) {
  auto const a = make(1, member("a"));
  auto const b = make(2, nullptr);
  a->link->send(b->address(), words("a secret"));
  ASSERT_TRUE(until([&] { return !a->rejected.empty() && !b->lines.empty(); }));
  for (auto const& told : {a->rejected[0].second, b->lines[0]})
    EXPECT_TRUE(says(told, "group_replication_ssl_mode is DISABLED on " + b->address())) << told;
  EXPECT_TRUE(b->messages.empty());
}

TEST_F(tls_test, who_is_not_on_the_allowlist_is_told_so_before_any_handshake) {
  auto const a = make(1, member("a"));
  auto const b = make(2, member("b"));
  b->link->allow({});
  a->link->send(b->address(), words("hello?"));
  ASSERT_TRUE(until([&] { return !a->rejected.empty(); }));
  EXPECT_TRUE(says(a->rejected[0].second, "group_replication_ip_allowlist")) << a->rejected[0].second;
}

TEST_F(tls_test, garbage_and_silence_cost_the_connection_and_nothing_else) {
  auto const a = make(1, member("a"));
  auto const b = make(2, member("b"));
  asio::ip::tcp::endpoint const there(asio::ip::make_address("127.0.0.1"), b->link->port());
  tcp::socket web(io);
  tcp::socket broken(io);
  tcp::socket silent(io);
  for (auto* each : {&web, &broken, &silent}) each->connect(there);
  asio::write(web, asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
  asio::write(broken, asio::buffer(std::string("\x16\x03\x01\xff\xff") + std::string(70000, 'x')));
  ASSERT_TRUE(until([&] { return b->link->counters().connections_refused == 2; }));
  ASSERT_TRUE(until([&] { return b->lines.size() >= 2 && says(b->lines.back(), "hello"); })) << "the silent one";
  EXPECT_TRUE(arrives(*a, *b));
}

TEST_F(tls_test, who_is_dialed_and_stays_silent_is_given_up) {
  tcp::acceptor deaf(io, {asio::ip::make_address("127.0.0.1"), 0});
  auto const a = make(1, member("a"));
  a->link->send("127.0.0.1:" + std::to_string(deaf.local_endpoint().port()), words("x"));
  ASSERT_TRUE(until([&] { return !a->lost.empty(); }));
  EXPECT_TRUE(says(a->lines.at(0), "no answer to the TLS handshake")) << a->lines[0];
}

// ---- on the wire ----

// Passes bytes between two sockets, both ways, and keeps them.
class proxy : public std::enable_shared_from_this<proxy> {
 public:
  proxy(asio::io_context& io, tcp::endpoint to)
      : acceptor_(io, {asio::ip::make_address("127.0.0.1"), 0}), near_(io), far_(io), to_(std::move(to)) {}
  void start() {
    acceptor_.async_accept(near_, [self = shared_from_this()](error_code const& bad) {
      if (bad) return;
      self->far_.connect(self->to_);
      self->pass(self->near_, self->far_, self->there_);
      self->pass(self->far_, self->near_, self->back_);
    });
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  [[nodiscard]] std::string const& seen() const { return seen_; }

 private:
  using room = std::array<char, 65536>;
  void pass(tcp::socket& from, tcp::socket& to, room& by) {
    from.async_read_some(asio::buffer(by),
                         [self = shared_from_this(), &from, &to, &by](error_code const& bad, std::size_t got) {
                           error_code ignored;
                           if (bad) return void(to.shutdown(tcp::socket::shutdown_send, ignored));
                           self->seen_.append(by.data(), got);
                           asio::write(to, asio::buffer(by.data(), got), ignored);
                           self->pass(from, to, by);
                         });
  }
  tcp::acceptor acceptor_;
  tcp::socket near_;
  tcp::socket far_;
  tcp::endpoint to_;
  room there_{};
  room back_{};
  std::string seen_;
};

TEST_F(tls_test, nothing_readable_passes) {
  for (bool const secured : {false, true}) {
    auto const a = make(1, secured ? loaded(member("a")) : nullptr);
    auto const b = make(2, secured ? loaded(member("b")) : nullptr);
    auto const between =
        std::make_shared<proxy>(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), b->link->port()));
    between->start();
    a->link->send(between->address(), words("the quick brown fox"));
    ASSERT_TRUE(until([&] { return !b->texts().empty(); }));
    EXPECT_EQ(b->texts()[0], "the quick brown fox");
    EXPECT_EQ(says(between->seen(), "quick brown"), !secured) << "without TLS the proxy sees it, so it would with TLS";
    EXPECT_EQ(says(between->seen(), a->address()), !secured) << "the hello";
    EXPECT_GT(between->seen().size(), 100U);
  }
}

// ---- new certificates ----

TEST_F(tls_test, a_reload_is_for_new_connections_and_leaves_the_others_alone) {
  auto const a = make(1, member("a"));
  auto b = make(2, member("b"));
  ASSERT_TRUE(arrives(*a, *b));
  made().make_authority("next");
  made().issue("renewed", "IP:127.0.0.1", 10, "next");
  auto const renewed = made().settings("renewed", tls_mode::verify_identity, "next");
  b->link->secure_with(loaded(renewed));
  ASSERT_TRUE(arrives(*a, *b, "by the old connection"));
  EXPECT_TRUE(a->untrusted.empty());

  a->link->forget(b->address());
  a->link->send(b->address(), words("by a new one"));
  ASSERT_TRUE(until([&] { return !a->untrusted.empty(); })) << "only one of them trusts the new authority";
  a->link->secure_with(loaded(renewed));
  EXPECT_TRUE(arrives(*a, *b, "both have it"));
}

// ---- what is wrong with files is said when they are read ----

TEST(tls_files, each_fault_is_named_with_its_setting_and_its_file) {
  made().issue("expired", "IP:127.0.0.1", -1);
  made().issue("server_only", "IP:127.0.0.1", 10, "ca", "extendedKeyUsage=serverAuth");
  std::ofstream(made().path("nonsense.pem")) << "nothing of use\n";
  struct fault {
    std::string what;
    std::function<void(tls_settings&)> break_it;
    std::vector<std::string> told;
  };
  std::vector<fault> const faults = {
      {"no certificate",
       [](auto& of) { of.certificate = ""; },
       {"group_replication_ssl_cert", "not set", "VERIFY_IDENTITY"}},
      {"no key", [](auto& of) { of.key = ""; }, {"group_replication_ssl_key", "not set"}},
      {"missing", [](auto& of) { of.certificate = "/nowhere/c.pem"; }, {"ssl_cert", "/nowhere/c.pem", "No such file"}},
      {"missing key", [](auto& of) { of.key = "/nowhere/k.pem"; }, {"ssl_key", "/nowhere/k.pem", "No such file"}},
      {"missing authority", [](auto& of) { of.ca = "/nowhere/ca.pem"; }, {"ssl_ca", "/nowhere/ca.pem", "No such file"}},
      {"nonsense", [](auto& of) { of.certificate = made().path("nonsense.pem"); }, {"ssl_cert", "nonsense.pem", "PEM"}},
      {"nonsense key", [](auto& of) { of.key = made().path("nonsense.pem"); }, {"ssl_key", "nonsense.pem", "PEM"}},
      {"nonsense authority", [](auto& of) { of.ca = made().path("nonsense.pem"); }, {"ssl_ca", "nonsense.pem", "PEM"}},
      {"another's key",
       [](auto& of) { of.key = made().path("ca.key"); },
       {"ssl_key", "ca.key", "not the key of", "a.pem"}},
      {"expired",
       [](auto& of) { of = made().settings("expired", tls_mode::required); },
       {"ssl_cert", "expired.pem", "until"}},
      {"not ours",
       [](auto& of) { of.ca = made().path("own_root.pem"); },
       {"ssl_cert", "a.pem", "not accepted", "own_root.pem"}},
      {"for servers",
       [](auto& of) { of = made().settings("server_only", tls_mode::verify_ca); },
       {"client's", "purpose"}},
      {"its own authority", [](auto& of) { of.ca = ""; }, {"no authority is named", "group_replication_ssl_ca"}},
      {"address", [](auto& of) { of.own_host = "10.9.8.7"; }, {"ssl_cert", "10.9.8.7", "127.0.0.1, localhost"}},
      {"cipher", [](auto& of) { of.cipher = "ROT13"; }, {"ssl_cipher", "ROT13", "no cipher match"}},
      {"suites", [](auto& of) { of.ciphersuites = "ROT13"; }, {"tls_ciphersuites", "ROT13"}},
      {"no list", [](auto& of) { of.crl = made().path("ca.pem"); }, {"ssl_crl", "ca.pem"}},
  };
  made().make_authority("own_root");
  for (auto const& each : faults) {
    auto settings = member("a");
    each.break_it(settings);
    auto const told = refusal(settings);
    for (auto const& part : each.told) EXPECT_TRUE(says(told, part)) << each.what << ": " << told;
  }
  EXPECT_EQ(refusal(member("a")), "accepted");
}

TEST(tls_files, an_encrypted_key_needs_its_password_and_nobody_is_asked_for_it) {
  auto settings = member("a");
  made().run("ec -aes128 -passout pass:sesame -in " + settings.key + " -out " + made().path("locked.key"));
  settings.key = made().path("locked.key");
  EXPECT_TRUE(says(refusal(settings), "group_replication_ssl_password_file is not set")) << refusal(settings);
  settings.password_file = made().path("password");
  std::ofstream(settings.password_file) << "wrong\n";
  EXPECT_TRUE(says(refusal(settings), "does not open")) << refusal(settings);
  std::ofstream(settings.password_file) << "sesame\n";
  EXPECT_EQ(refusal(settings), "accepted");
}

TEST_F(tls_test, a_revoked_certificate_is_refused) {
  made().issue("revoked", "IP:127.0.0.1");
  made().revoke("revoked");
  auto strict = member("b", tls_mode::verify_ca);
  strict.crl = made().path("crl.pem");
  auto const a = make(1, made().settings("revoked", tls_mode::verify_ca));
  auto const b = make(2, strict);
  a->link->send(b->address(), words("x"));
  ASSERT_TRUE(until([&] { return !a->untrusted.empty() && !b->lines.empty(); }));
  EXPECT_TRUE(says(b->lines[0], "revoked")) << b->lines[0];
  auto const c = make(3, member("c", tls_mode::verify_ca));
  EXPECT_TRUE(arrives(*c, *b));
}

TEST(tls_files, only_tls_1_2_and_later_are_spoken) {
  asio::io_context io;
  tls_session acceptor(loaded(member("a", tls_mode::required)), tls_role::acceptor, "");
  // A ClientHello of TLS 1.1, as far as its version: record 3.1, handshake 1, length, 3.2.
  std::vector<std::uint8_t> hello = {0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2};
  hello.resize(5 + 4 + 2 + 32);
  hello.insert(hello.end(), {0, 0, 2, 0x00, 0x2f, 1, 0});
  acceptor.feed(hello);
  auto const answer = acceptor.handshake();
  ASSERT_FALSE(answer);
  EXPECT_TRUE(says(answer.error().text, "protocol")) << answer.error().text;
}

}  // namespace
}  // namespace runtime
