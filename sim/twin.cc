#include "sim/twin.hh"

#include <fmt/format.h>

#include <algorithm>

#include "sim/failure.hh"

namespace sim {

void twin::judge(xcom::batch const& slot, gr::slot_note const& note) {
  seqno_ = note.before.seqno;
  std::uint32_t index = 0;
  for (auto const& each : slot.messages) {
    auto const decoded = base::decode<gr::ordered_message>(each.payload);
    check(decoded.has_value(), "a delivered message can be read");
    if (auto const* stable = std::get_if<gr::stable_message>(&*decoded); stable != nullptr && stable->up_to <= seqno_)
      forgotten_ = std::max(forgotten_, stable->up_to);
    auto const* write_set = std::get_if<gr::write_set_message>(&*decoded);
    if (write_set == nullptr) continue;
    ++seqno_;
    auto const what = base::decode<transaction>(write_set->data);
    check(what.has_value(), "a write set's data can be read");
    client const by{each.origin, each.seq.value() >> xcom::origin_count_bits, write_set->life};
    auto const expected = why_not(*write_set, *what, by);
    bool const passed = !std::binary_search(note.failed.begin(), note.failed.end(), index++);
    check(passed == expected.empty(), [&] {
      return fmt::format("transaction {} at {} {} as the twin says: {}", what->id, seqno_, passed ? "fails" : "passes",
                         passed ? expected : "nothing it met has changed");
    });
    if (passed) take_in(*what, by);
  }
}

// Empty: it passes. A row written by somebody else since, or, where it is to be written, referred to.
std::string twin::why_not(gr::write_set_message const& from, transaction const& what, client const& by) const {
  if (what.everything) return {};
  if (from.last_seen < forgotten_) return fmt::format("it began at {}, before {}", from.last_seen, forgotten_);
  if (everything_ > from.last_seen) return fmt::format("all rows were changed at {}", everything_);
  for (auto const& each : what.rows) {
    auto const row = rows_.find(each.row);
    if (row == rows_.end()) continue;
    for (auto const& [who, then] : row->second) {
      if (who == by) continue;
      if (then.written > from.last_seen) return fmt::format("row {} was written at {}", each.row, then.written);
      if (!each.reference && then.referred > from.last_seen)
        return fmt::format("row {} was referred to at {}", each.row, then.referred);
    }
  }
  return {};
}

void twin::take_in(transaction const& what, client const& by) {
  if (what.everything) everything_ = seqno_;
  for (auto const& each : what.rows) {
    auto& then = rows_[each.row][by];
    (each.reference ? then.referred : then.written) = seqno_;
  }
}

}  // namespace sim
