#include "sim/network.hh"

#include <algorithm>

#include "base/codec.hh"
#include "sim/failure.hh"

namespace sim {

constexpr std::uint64_t million = 1'000'000;

network::network(scheduler& clock, base::prng random, std::uint32_t encode_ppm)
    : clock_(clock), random_(random), encode_ppm_(encode_ppm) {}

void network::attach(std::string const& address, receiver who) { receivers_[address] = std::move(who); }

void network::send(std::string const& from, xcom::member_id const& sender, std::string const& to,
                   std::uint16_t protocol, xcom::wire_message what) {
  ++count_.sent;
  auto& over = between(from, to);
  if (over.cut) {
    ++count_.cut;
    return;
  }
  if (random_.chance(quality_.loss_ppm, million)) {
    ++count_.lost;
    return;
  }
  protocol = xcom::protocol_for(what, protocol);
  if (random_.chance(encode_ppm_, million) || protocol != xcom::protocol_highest)
    what = through_bytes(xcom::encode_message(what, protocol));
  auto const whole = std::make_shared<packet const>(packet{sender, protocol, std::move(what)});
  dispatch(over, to, whole);
  if (random_.chance(quality_.repeat_ppm, million)) {
    ++count_.repeated;
    dispatch(over, to, whole);
  }
}

xcom::wire_message network::through_bytes(xcom::encoded_message const& what) {
  ++count_.encoded;
  auto const bytes = what.bytes.flat();
  auto back = base::decode<xcom::wire_message>(bytes, what.protocol);
  check(back.has_value(), "an encoded message decodes: " + (back ? std::string{} : back.error().text));
  check(xcom::encode_message(*back, what.protocol).bytes.flat() == bytes,
        "a decoded message encodes to the same bytes");
  return std::move(*back);
}

void network::dispatch(link& over, std::string const& to, packet_ptr what) {
  if (over.clogged) {
    ++count_.held;
    over.held.push_back(std::move(what));
    return;
  }
  auto const delay = random_.between(quality_.delay_min.value(), quality_.delay_max.value()) + over.extra.value();
  micros when = clock_.now().plus(delay);
  if (random_.chance(quality_.reorder_ppm, million)) {
    ++count_.reordered;
    when = when.plus(random_.below(quality_.reorder_max.value() + 1));
  } else {
    when = std::max(when, over.last_arrival);
    over.last_arrival = when;
  }
  arrive_at(when, to, std::move(what));
}

void network::arrive_at(micros when, std::string const& to, packet_ptr what) {
  auto const target = receivers_.find(to);
  if (target == receivers_.end()) return;
  clock_.at(when, [this, target, what = std::move(what)] {
    ++count_.arrived;
    target->second(what->from, what->protocol, what->what);
  });
}

void network::set_quality(link_quality const& every_link) { quality_ = every_link; }
void network::set_slow(std::string const& from, std::string const& to, micros extra) {
  between(from, to).extra = extra;
}
void network::cut(std::string const& from, std::string const& to) { between(from, to).cut = true; }
void network::mend(std::string const& from, std::string const& to) { between(from, to).cut = false; }
void network::clog(std::string const& from, std::string const& to) { between(from, to).clogged = true; }

void network::free(std::string const& from, std::string const& to) {
  auto& over = between(from, to);
  over.clogged = false;
  for (auto& each : std::exchange(over.held, {})) dispatch(over, to, std::move(each));
}

void network::heal() {
  quality_.loss_ppm = quality_.repeat_ppm = quality_.reorder_ppm = 0;
  for (auto& [from, ends] : links_)
    for (auto& [to, over] : ends) {
      over.cut = false;
      over.extra = micros(0);
      free(from, to);
    }
}

bool network::is_cut(std::string const& from, std::string const& to) const {
  auto const begins = links_.find(from);
  if (begins == links_.end()) return false;
  auto const ends = begins->second.find(to);
  return ends != begins->second.end() && ends->second.cut;
}

}  // namespace sim
