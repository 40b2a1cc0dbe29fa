// A group of one, without network or log: orders what it is given, at once. For the provider's tests and for trying the
// binding on a real server without the rest.
#pragma once

#include <mutex>

#include "gr/options.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

class solo_group final : public gr::group {
 public:
  // With QUORATE_SOLO_ECHO in the environment every write set comes back a second time, as another member's.
  solo_group(gr::group_options options, gr::server& server);

  base::result<void> connect(gr::connect_request const& request) override;
  void disconnect() override;
  gr::ordered order(gr::local_write_set write_set) override;
  void order_later(gr::local_write_set write_set) override;
  base::result<gr::seqno_t> causal_position(std::chrono::milliseconds timeout) override;
  void state_requested(base::result<base::blob>) override {}
  void state_sent(gr::seqno_t, int) override {}
  void state_received(base::uuid const&, gr::seqno_t, int) override {}
  void set_desynced(bool desynced) override;
  base::result<void> force_members(std::string const&) override { return base::fail("it has all its members"); }
  base::result<void> change_protocol(std::string const&) override {
    return base::fail("it has no others to speak with");
  }
  base::result<void> await_everywhere(gr::seqno_t, std::chrono::milliseconds) override { return {}; }
  void note_progress() override {}
  [[nodiscard]] gr::group_status status() const override;

  // What another member would have written; the answer is its position.
  gr::seqno_t deliver_remote(gr::remote_write_set write_set);

 private:
  gr::seqno_t deliver_locked(gr::remote_write_set write_set);
  [[nodiscard]] gr::remote_write_set echo_of(gr::local_write_set const& write_set) const;
  [[nodiscard]] gr::view view_at(gr::seqno_t seqno, std::int64_t number) const;

  gr::group_options const options_;
  gr::server& server_;
  bool const echo_;
  mutable std::mutex mutex_;  // stands for the strand
  bool open_ = false;
  base::uuid group_;
  base::uuid self_;
  gr::seqno_t last_ = 0;
};

}  // namespace gr::mariadb
