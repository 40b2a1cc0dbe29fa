// wsrep_provider_options from any text: all of it is taken or none, and what the store then prints it takes again.
#include "base/ensure.hh"
#include "gr/options.hh"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  gr::option_store store;
  std::string const before = store.print();
  if (auto const done = store.set_all(text, gr::option_store::moment::before_start); !done) {
    ensure(!done.error().text.empty());
    ensure(store.print() == before);
    return 0;
  }
  gr::option_store again;
  ensure(again.set_all(store.print(), gr::option_store::moment::before_start).has_value());
  ensure(again.print() == store.print());
  return 0;
}
