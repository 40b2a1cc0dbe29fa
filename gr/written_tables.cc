#include "gr/written_tables.hh"

#include <algorithm>
#include <ranges>
#include <utility>
#include <vector>

#include "gr/history.hh"
#include "gr/messages.hh"
#include "gr/packed_rows.hh"

namespace gr {
namespace {

constexpr std::size_t tables_named_max = 20;

void count(written_tables& into, write_set_message const& what, name_tables_of const& names) {
  ++into.transactions;
  auto const rows = rows_of(what.data, what.packed());
  auto const tables = rows && names ? names(*rows) : std::vector<std::string>{};
  if (tables.empty()) ++into.without_rows;
  for (auto const& each : tables) ++into.tables[each];
}

// As delivery gives positions: one to each write set, in their order, also to those that did not pass.
void count(written_tables& into, xcom::batch const& slot, slot_note const& note, seqno_t above, seqno_t up_to,
           name_tables_of const& names) {
  seqno_t position = note.before.seqno;
  std::uint32_t number = 0;
  for (auto const& each : slot.messages) {
    auto const decoded = base::decode<ordered_message>(each.payload);
    auto const* const what = decoded ? std::get_if<write_set_message>(&*decoded) : nullptr;
    if (what == nullptr) continue;
    bool const passed = !std::ranges::binary_search(note.failed, number++);
    if (++position > above && position <= up_to && passed) count(into, *what, names);
  }
}

std::string counted(std::uint64_t number, char const* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

base::result<written_tables> tables_written(xcom::agreed_log& log, seqno_t above, seqno_t up_to,
                                            name_tables_of const& names) {
  written_tables found;
  auto const last = log.last_noted();
  if (!last) return last.error();
  if (!last->has_value()) return found;
  auto const there = first_to_reach(log, (*last)->slot, above + 1);
  if (!there) return there.error();
  for (auto slot = there->below; slot <= (*last)->slot; slot = slot.next()) {
    auto const held = log.noted(slot);
    if (!held) return held.error();
    if (!held->has_value()) continue;
    auto const note = base::decode<slot_note>((*held)->note);
    if (!note) continue;
    if (note->before.seqno >= up_to) break;
    if (auto const* const all = std::get_if<xcom::batch>((*held)->what.get()))
      count(found, *all, *note, above, up_to, names);
  }
  return found;
}

std::string describe(written_tables const& what) {
  std::vector<std::pair<std::string, std::uint64_t>> most(what.tables.begin(), what.tables.end());
  std::ranges::stable_sort(most, [](auto const& one, auto const& other) { return one.second > other.second; });
  std::string all;
  for (auto const& [table, times] : most | std::views::take(tables_named_max))
    all += (all.empty() ? "" : ", ") + table + " (" +
           (all.empty() ? counted(times, "transaction") : std::to_string(times)) + ")";
  if (most.size() > tables_named_max) all += ", " + counted(most.size() - tables_named_max, "other table");
  if (what.without_rows > 0)
    all += (all.empty() ? "" : ", and ") + counted(what.without_rows, "statement") + " without rows";
  return all;
}

}  // namespace gr
