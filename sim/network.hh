// The simulated network: directed links between addresses, each with its own delay and its own ways to go wrong.
// Owner:  one simulation.
// Always: (1) a link keeps its order unless reordering strikes; (2) a cut link loses what is sent, a clogged one keeps it
//         and lets it go at once when it is freed; (3) what went through the codec arrives exactly as it was sent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.hh"
#include "sim/scheduler.hh"
#include "xcom/frame.hh"

namespace sim {

struct link_quality {
  micros delay_min = micros(50);
  micros delay_max = micros(200);
  std::uint32_t loss_ppm = 0;  // parts per million
  std::uint32_t repeat_ppm = 0;
  std::uint32_t reorder_ppm = 0;  // sent past the queue, up to reorder_max late
  micros reorder_max = milliseconds(5);
};

struct network_counters {
  std::uint64_t sent = 0, arrived = 0, lost = 0, repeated = 0, reordered = 0, cut = 0, held = 0, encoded = 0;
};

class network {
 public:
  // Called at the receiving end when a message arrives.
  using receiver =
      std::function<void(xcom::member_id const& from, std::uint16_t protocol, xcom::wire_message const& what)>;

  // `encode_ppm` of the messages go through bytes and back.
  network(scheduler& clock, base::prng random, std::uint32_t encode_ppm);

  void attach(std::string const& address, receiver who);
  // In a protocol older than the newest it always goes through bytes: they decide what such a message can say.
  void send(std::string const& from, xcom::member_id const& sender, std::string const& to, std::uint16_t protocol,
            xcom::wire_message what);

  void set_quality(link_quality const& every_link);
  [[nodiscard]] link_quality const& quality() const { return quality_; }
  // An extra delay of one directed link.
  void set_slow(std::string const& from, std::string const& to, micros extra);
  void cut(std::string const& from, std::string const& to);
  void mend(std::string const& from, std::string const& to);
  void clog(std::string const& from, std::string const& to);
  void free(std::string const& from, std::string const& to);
  void heal();  // every link whole, fast and free; loss and the like off
  [[nodiscard]] bool is_cut(std::string const& from, std::string const& to) const;
  [[nodiscard]] network_counters const& count() const { return count_; }

 private:
  struct packet {
    xcom::member_id from;
    std::uint16_t protocol = 0;
    xcom::wire_message what;
  };
  using packet_ptr = std::shared_ptr<packet const>;
  struct link {
    bool cut = false;
    bool clogged = false;
    micros extra;
    micros last_arrival;
    std::vector<packet_ptr> held;
  };

  link& between(std::string const& from, std::string const& to) { return links_[from][to]; }
  xcom::wire_message through_bytes(xcom::encoded_message const& what);
  void dispatch(link& over, std::string const& to, packet_ptr what);
  void arrive_at(micros when, std::string const& to, packet_ptr what);

  scheduler& clock_;
  base::prng random_;
  std::uint32_t encode_ppm_;
  link_quality quality_;
  std::map<std::string, receiver> receivers_;
  std::map<std::string, std::map<std::string, link>> links_;  // by where they begin and end
  network_counters count_;
};

}  // namespace sim
