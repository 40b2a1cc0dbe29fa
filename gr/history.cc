#include "gr/history.hh"

#include <vector>

namespace gr {

replicated_state state_of(xcom::checkpoint const& at) {
  auto const decoded = base::decode<replicated_state>(at.app);
  return decoded ? *decoded : replicated_state{};
}

bool is_beginning(xcom::checkpoint const& at) { return !state_of(at).history.is_nil(); }

base::uuid history_of(std::span<xcom::checkpoint const> checkpoints) {
  for (auto const& each : checkpoints)
    if (is_beginning(each)) return state_of(each).history;
  return {};
}

std::optional<xcom::checkpoint> beginning_for(std::span<xcom::checkpoint const> checkpoints, seqno_t position) {
  // The bound in force at `position` is at least that of the last checkpoint at or below it.
  std::optional<seqno_t> bound;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    auto const state = state_of(each);
    if (state.seqno > position) break;
    bound = state.forgotten;
  }
  if (!bound) return std::nullopt;
  std::optional<xcom::checkpoint> best;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    if (state_of(each).seqno > *bound) break;
    best = each;
  }
  return best;
}

seqno_t first_available(std::span<xcom::checkpoint const> checkpoints) {
  std::optional<seqno_t> oldest;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    auto const state = state_of(each);
    if (!oldest) oldest = state.seqno;
    if (state.forgotten >= *oldest) return state.seqno;
  }
  return -1;
}

}  // namespace gr
