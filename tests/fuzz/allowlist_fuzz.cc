// An allowlist from any text: parsed or refused with a reason, and what it is made of never reads outside an address.
#include "base/ensure.hh"
#include "gr/allowlist.hh"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  auto const parsed = gr::allowlist::parse(text);
  if (!parsed) {
    ensure(!parsed.error().text.empty());
    return 0;
  }
  gr::ip_address who{};
  for (std::size_t at = 0; at < who.size() && at < size; ++at) who[at] = data[at];
  (void)parsed->allows(who);
  for (auto const& each : parsed->names()) (void)gr::allowlist::allows(each, who, who);
  ensure(parsed->allows(*gr::parse_ip("127.0.0.1")));
  return 0;
}
