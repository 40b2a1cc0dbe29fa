#include "gr/history.hh"

#include <algorithm>
#include <limits>
#include <vector>

namespace gr {

base::blob encode_state(whole_state const& all) {
  bool const has_told = all.told != known_bound{};
  bool const has_votes = has_told || all.votes != apply_votes{};
  bool const has_roles = has_votes || all.roles != group_roles{};
  base::writer out;
  out(all.positions);
  if (has_roles) out(all.roles);
  if (has_votes) out(all.votes);
  if (has_told) out(all.told);
  return out.finish_flat();
}

base::result<whole_state> decode_state(base::blob const& app) {
  base::reader in(app);
  whole_state read;
  in(read.positions);
  if (in.left() > 0) in(read.roles);
  if (in.left() > 0) in(read.votes);
  if (in.left() > 0) in(read.told);
  if (auto const whole = in.finish(); !whole) return whole.error();
  return read;
}

namespace {

whole_state whole_of(xcom::checkpoint const& at) {
  auto decoded = decode_state(at.app);
  return decoded ? std::move(*decoded) : whole_state{};
}

}  // namespace

replicated_state state_of(xcom::checkpoint const& at) { return whole_of(at).positions; }

group_roles roles_of(xcom::checkpoint const& at) { return whole_of(at).roles; }

apply_votes votes_of(xcom::checkpoint const& at) { return whole_of(at).votes; }

xcom::checkpoint with_bound_told(xcom::checkpoint at, known_bound const& told) {
  auto state = whole_of(at);
  state.told = told;
  at.app = encode_state(state);
  return at;
}

xcom::checkpoint as_agreed(xcom::checkpoint at) { return with_bound_told(std::move(at), {}); }

std::optional<xcom::checkpoint> copied_at(std::span<xcom::checkpoint const> checkpoints, seqno_t position) {
  auto const found = std::ranges::find_if(checkpoints, [&](auto const& each) {
    return is_beginning(each) && position >= 0 && whole_of(each).told.position == position;
  });
  return found == checkpoints.end() ? std::nullopt : std::optional(*found);
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
    auto const state = whole_of(each);
    if (state.positions.seqno > position) break;
    bound = std::max(bound.value_or(-1), state.positions.forgotten);
    if (state.told.position <= position) bound = std::max(*bound, state.told.bound);
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
  auto const take = [&](known_bound const& one) {
    if (oldest && one.bound >= *oldest) first = std::min(first, one.position);
  };
  for (auto const& each : checkpoints) {
    if (!is_beginning(each)) continue;
    auto const state = whole_of(each);
    if (!oldest) oldest = state.positions.seqno;
    take({state.positions.seqno, state.positions.forgotten});
    take(state.told);
  }
  if (known) take(*known);
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
