// How fast clients may write: what flow control says goes to the gate they pass, and to those who look.
#include <algorithm>
#include <utility>

#include "runtime/live_group.hh"

namespace runtime {
namespace {

constexpr std::uint64_t own_commits_ticks = 500;  // 5 s: what is under way here may still be decided

std::int64_t shown(double number) { return number == gr::no_flow_limit ? -1 : static_cast<std::int64_t>(number); }

std::int64_t milliseconds_of(std::uint64_t ticks) { return static_cast<std::int64_t>(ticks * base::tick_milliseconds); }

gr::backlog_row shown(gr::flow_row const& from) {
  gr::backlog_row row;
  row.to_certify = static_cast<std::int64_t>(from.to_certify);
  row.to_apply = static_cast<std::int64_t>(from.to_apply);
  row.bytes = static_cast<std::int64_t>(from.bytes);
  row.lag_ms = milliseconds_of(from.lag_ticks);
  if (from.applies) row.applies = static_cast<std::int64_t>(*from.applies);
  row.percent = static_cast<std::int64_t>(from.pressure * 100);
  row.allows = shown(from.allows.transactions);
  row.counts = from.counts;
  return row;
}

}  // namespace

void live_group::wait_for_turn(std::uint64_t trx, std::size_t bytes, std::function<bool()> const& hurries) {
  auto const longest = options_.options->number("group_replication_flow_control_max_wait_time");
  gate_.pass(trx, bytes, std::chrono::milliseconds(longest), hurries);
}

// Where nothing can be ordered nobody waits for a turn: there is an error for them instead.
void live_group::follow_flow() {
  if (!node_ || gave_up_) return gate_.open();
  bool const orders = why_refused().empty();
  auto const& flow = member_->flow();
  if (orders)
    gate_.allow(flow.own(), now_);
  else
    gate_.open();
  bool const limited = orders && flow.own().is_limited();
  if (std::exchange(flow_.limited, limited) != limited && limited) ++flow_.limits;
  auto const* const own = flow.row_of(self_);
  bool const asks = own != nullptr && own->counts && own->allows.is_limited();
  if (std::exchange(flow_.asks, asks) != asks && asks) ++flow_.asked;
  if (steps_aside_since_) leave_to_catch_up();
}

void live_group::on(gr::step_aside const& what) {
  // Where it has left and is not taken in again, the member still says what it said before.
  if (steps_aside_since_ || closing_ || gave_up_ || gives_up_place_ || !node_->is_member()) return;
  say(gr::server::level::warning, "flow control: " + what.why);
  steps_aside_since_ = now_;
}

// What was handed in before is waited for a while: of what is cut off here nobody could say how it ended.
void live_group::leave_to_catch_up() {
  if (!node_->is_member() || node_->is_leaving() || closing_) return;
  if (!waiting_.empty() && now_.value() - steps_aside_since_->value() < own_commits_ticks) return;
  step_node(xcom::leave_group{});
}

void live_group::describe_flow(gr::group_status& to) const {
  auto const& flow = member_->flow();
  to.flow = flow_;
  to.flow.quota = shown(flow.own().transactions);
  to.flow.quota_bytes = shown(flow.own().bytes);
  to.flow.count = gate_.count();
  auto const* const slow = flow.slowest();
  for (auto const& each : node_->current_site().members) {
    auto const* const row = flow.row_of(each.id);
    auto const at =
        std::find_if(to.members.begin(), to.members.end(), [&](auto const& one) { return one.id == each.id.uuid; });
    if (row == nullptr || at == to.members.end()) continue;
    at->backlog = shown(*row);
    if (row == slow && flow.group().is_limited()) to.flow.slowest = at->host + ":" + std::to_string(at->port);
  }
}

}  // namespace runtime
