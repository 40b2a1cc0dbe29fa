#include "gr/history.hh"

#include <vector>

namespace gr {

replicated_state state_of(xcom::checkpoint const& at) {
  auto const decoded = base::decode<replicated_state>(at.app);
  return decoded ? *decoded : replicated_state{};
}

std::optional<xcom::checkpoint> beginning_for(std::span<xcom::checkpoint const> checkpoints, seqno_t position) {
  // The bound in force at `position` is at least that of the last checkpoint at or below it.
  std::optional<seqno_t> bound;
  for (auto const& each : checkpoints) {
    auto const state = state_of(each);
    if (state.seqno > position) break;
    bound = state.forgotten;
  }
  if (!bound) return std::nullopt;
  std::optional<xcom::checkpoint> best;
  for (auto const& each : checkpoints) {
    if (state_of(each).seqno > *bound) break;
    best = each;
  }
  return best;
}

seqno_t first_available(std::span<xcom::checkpoint const> checkpoints) {
  if (checkpoints.empty()) return -1;
  seqno_t const oldest = state_of(checkpoints.front()).seqno;
  for (auto const& each : checkpoints) {
    auto const state = state_of(each);
    if (state.forgotten >= oldest) return state.seqno;
  }
  return -1;
}

}  // namespace gr
