#include "sim/twin.hh"

#include <fmt/format.h>

#include <algorithm>

#include "gr/packed_rows.hh"
#include "sim/failure.hh"

namespace sim {

void twin::forget_after(xcom::slot_no slot, gr::seqno_t position) {
  auto const cut = [&](positions& all) {
    while (!all.empty() && all.back() > position) all.pop_back();
  };
  cut(everything_);
  for (auto& [row, clients] : rows_)
    for (auto& [who, then] : clients) {
      cut(then.written);
      cut(then.referred);
    }
  while (!forgotten_.empty() && forgotten_.back().first > slot) forgotten_.pop_back();
}

void twin::judge(xcom::slot_no at, xcom::batch const& slot, gr::slot_note const& note,
                 std::vector<std::uint32_t> const& fenced) {
  seqno_ = note.before.seqno;
  std::uint32_t index = 0;
  for (auto const& each : slot.messages) {
    auto const decoded = base::decode<gr::ordered_message>(each.payload);
    check(decoded.has_value(), "a delivered message can be read");
    if (auto const* stable = std::get_if<gr::stable_message>(&*decoded);
        stable != nullptr && stable->up_to <= seqno_ && stable->up_to > bound())
      forgotten_.emplace_back(at, stable->up_to);
    auto const* write_set = std::get_if<gr::write_set_message>(&*decoded);
    if (write_set == nullptr) continue;
    ++seqno_;
    auto const rows = gr::rows_of(write_set->data, write_set->packed());
    check(rows.has_value(), "a write set's rows can be unpacked");
    auto const what = base::decode<transaction>(*rows);
    check(what.has_value(), "a write set's data can be read");
    client const by{each.origin, each.seq.value() >> xcom::origin_count_bits, write_set->life};
    auto const expected =
        std::ranges::binary_search(fenced, index) ? "who sent it may not write" : why_not(*write_set, *what, by);
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
  if (from.last_seen < bound()) return fmt::format("it began at {}, before {}", from.last_seen, bound());
  if (last_of(everything_) > from.last_seen) return fmt::format("all rows were changed at {}", last_of(everything_));
  for (auto const& each : what.rows) {
    auto const row = rows_.find(each.row);
    if (row == rows_.end()) continue;
    for (auto const& [who, then] : row->second) {
      if (who == by) continue;
      if (last_of(then.written) > from.last_seen)
        return fmt::format("row {} was written at {}", each.row, last_of(then.written));
      if (!each.reference && last_of(then.referred) > from.last_seen)
        return fmt::format("row {} was referred to at {}", each.row, last_of(then.referred));
    }
  }
  return {};
}

void twin::take_in(transaction const& what, client const& by) {
  if (what.everything) everything_.push_back(seqno_);
  for (auto const& each : what.rows) {
    auto& then = rows_[each.row][by];
    (each.reference ? then.referred : then.written).push_back(seqno_);
  }
}

}  // namespace sim
