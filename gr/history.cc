#include "gr/history.hh"

#include <algorithm>
#include <limits>
#include <vector>

namespace gr {

base::blob encode_state(replicated_state const& positions, group_roles const& roles) {
  base::writer out;
  out(positions);
  if (roles != group_roles{}) out(roles);
  return out.finish_flat();
}

base::result<whole_state> decode_state(base::blob const& app) {
  base::reader in(app);
  whole_state read;
  in(read.positions);
  if (in.left() > 0) in(read.roles);
  if (auto const whole = in.finish(); !whole) return whole.error();
  return read;
}

replicated_state state_of(xcom::checkpoint const& at) {
  auto const decoded = decode_state(at.app);
  return decoded ? decoded->positions : replicated_state{};
}

group_roles roles_of(xcom::checkpoint const& at) {
  auto const decoded = decode_state(at.app);
  return decoded ? decoded->roles : group_roles{};
}

bool is_beginning(xcom::checkpoint const& at) { return !state_of(at).history.is_nil(); }

base::uuid history_of(std::span<xcom::checkpoint const> checkpoints) {
  for (auto const& each : checkpoints)
    if (is_beginning(each)) return state_of(each).history;
  return {};
}

std::optional<xcom::checkpoint> beginning_for(std::span<xcom::checkpoint const> checkpoints, seqno_t position,
                                              std::optional<known_bound> const& known) {
  // The bound in force at `position` is at least any that was in force at or below it.
  std::optional<seqno_t> bound;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    auto const state = state_of(each);
    if (state.seqno > position) break;
    bound = state.forgotten;
  }
  if (known && known->position <= position) bound = std::max(bound.value_or(known->bound), known->bound);
  return bound ? newest_at_or_below(checkpoints, *bound) : std::nullopt;
}

std::optional<xcom::checkpoint> newest_at_or_below(std::span<xcom::checkpoint const> checkpoints, seqno_t position) {
  std::optional<xcom::checkpoint> best;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    if (state_of(each).seqno > position) break;
    best = each;
  }
  return best;
}

seqno_t first_available(std::span<xcom::checkpoint const> checkpoints, std::optional<known_bound> const& known) {
  std::optional<seqno_t> oldest;
  seqno_t const never = std::numeric_limits<seqno_t>::max();
  seqno_t first = never;
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    auto const state = state_of(each);
    if (!oldest) oldest = state.seqno;
    if (state.forgotten < *oldest) continue;
    first = state.seqno;
    break;
  }
  if (known && oldest && known->bound >= *oldest) first = std::min(first, known->position);
  return first == never ? -1 : first;
}

namespace {

seqno_t write_sets_in(xcom::value const& what) {
  auto const* all = std::get_if<xcom::batch>(&what);
  if (all == nullptr) return 0;
  return std::count_if(all->messages.begin(), all->messages.end(), [](xcom::message const& each) {
    auto const decoded = base::decode<ordered_message>(each.payload);
    return decoded && std::holds_alternative<write_set_message>(*decoded);
  });
}

base::result<judged> last_judged(xcom::agreed_log& log) {
  auto const last = log.last_noted();
  if (!last) return last.error();
  if (last->has_value()) {
    auto const& value = *(*last)->what;
    if (auto const note = base::decode<slot_note>((*last)->note)) {
      auto const position = note->before.seqno + write_sets_in(value);
      return judged{(*last)->slot, position, position + (std::holds_alternative<xcom::site_change>(value) ? 1 : 0), {}};
    }
  }
  judged newest;
  for (auto const& each : log.checkpoints())
    if (is_beginning(each)) newest = {each.slot, state_of(each).seqno, state_of(each).seqno, {}};
  return newest;
}

base::result<std::optional<known_bound>> bound_noted(xcom::agreed_log& log, xcom::slot_no last, seqno_t position) {
  auto const passed = first_to_reach(log, last, position + 1);
  if (!passed) return passed.error();
  auto const note = note_of(log, passed->below);
  if (!note) return note.error();
  return note->has_value() ? std::optional(known_bound{(*note)->before.seqno, (*note)->before.forgotten})
                           : std::nullopt;
}

}  // namespace

base::result<std::optional<slot_note>> note_of(xcom::agreed_log& log, xcom::slot_no slot) {
  auto const found = log.noted(slot);
  if (!found) return found.error();
  if (!found->has_value()) return std::optional<slot_note>{};
  auto const decoded = base::decode<slot_note>((*found)->note);
  return decoded ? std::optional(*decoded) : std::nullopt;
}

base::result<reached> first_to_reach(xcom::agreed_log& log, xcom::slot_no last, seqno_t position) {
  reached found;
  for (auto high = last.next(); found.below.next() < high;) {
    xcom::slot_no const middle(found.below.value() + (high.value() - found.below.value()) / 2);
    auto note = note_of(log, middle);
    if (!note) return note.error();
    bool const reaches = note->has_value() && (*note)->before.seqno >= position;
    if (reaches) found.first = std::move(*note);
    (reaches ? high : found.below) = middle;
  }
  return found;
}

base::result<judged> judged_up_to(xcom::agreed_log& log, seqno_t data) {
  auto found = last_judged(log);
  if (!found || data < 0) return found;
  auto bound = bound_noted(log, found->slot, data);
  if (!bound) return bound.error();
  found->bound = *bound;
  return found;
}

}  // namespace gr
