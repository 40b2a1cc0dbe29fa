#include "runtime/admission.hh"

#include <algorithm>
#include <utility>

namespace runtime {
namespace {

constexpr std::chrono::seconds lookup_interval{5};

}  // namespace

gr::ip_address to_ip(asio::ip::address const& from) {
  auto const v6 = from.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, from.to_v4()) : from.to_v6();
  return v6.to_bytes();
}

admission::admission(asio::io_context& io, gr::allowlist allowed) : allowed_(std::move(allowed)), resolver_(io) {}

void admission::set(gr::allowlist allowed) {
  allowed_ = std::move(allowed);
  found_.clear();
  looked_up_at_ = {};
  ++generation_;
  for (auto& each : std::exchange(waiting_, {})) judge(each.who, std::move(each.answer));
}

void admission::close() {
  closed_ = true;
  waiting_.clear();
  resolver_.cancel();
}

bool admission::allows(gr::ip_address const& who) const {
  if (allowed_.allows(who)) return true;
  for (std::size_t at = 0; at < found_.size(); ++at)
    for (auto const& each : found_[at])
      if (gr::allowlist::allows(allowed_.names()[at], each, who)) return true;
  return false;
}

bool admission::may_look_up() const {
  bool const recently = looked_up_at_ != std::chrono::steady_clock::time_point{} &&
                        std::chrono::steady_clock::now() - looked_up_at_ < lookup_interval;
  return !allowed_.names().empty() && !recently;
}

void admission::judge(gr::ip_address const& who, verdict answer) {
  if (closed_) return;
  if (allows(who)) return answer(true);
  bool const under_way = !waiting_.empty();
  if (!under_way && !may_look_up()) return answer(false);
  waiting_.push_back({who, std::move(answer)});
  if (!under_way) look_up(0, found_addresses(allowed_.names().size()));
}

void admission::look_up(std::size_t which, found_addresses found) {
  if (which == allowed_.names().size()) return looked_up(std::move(found));
  auto const& host = allowed_.names()[which].host;
  resolver_.async_resolve(host, "",
                          [self = weak_from_this(), which, found = std::move(found), of = generation_](
                              error_code const& bad, tcp::resolver::results_type const& results) mutable {
                            auto const me = self.lock();
                            if (!me || me->closed_ || me->generation_ != of) return;
                            // A name that is not known lets nobody in.
                            if (!bad)
                              for (auto const& each : results) found[which].push_back(to_ip(each.endpoint().address()));
                            me->look_up(which + 1, std::move(found));
                          });
}

void admission::looked_up(found_addresses found) {
  found_ = std::move(found);
  looked_up_at_ = std::chrono::steady_clock::now();
  for (auto const& each : std::exchange(waiting_, {})) each.answer(allows(each.who));
}

}  // namespace runtime
