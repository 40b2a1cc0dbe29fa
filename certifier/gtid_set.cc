#include "certifier/gtid_set.hh"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>

#include "base/ensure.hh"

namespace certifier {
namespace {

using interval_list = std::vector<interval>;

constexpr std::size_t uuid_length = 36;

bool is_valid(interval const& what) { return 1 <= what.first && what.first <= what.last; }

// Neither overlapping nor adjacent. `first - 1` cannot overflow, `last + 1` can.
bool lies_apart_below(interval const& low, interval const& high) { return low.last < high.first - 1; }

// Ascending by first; touching intervals become one.
void normalize(interval_list& list) {
  std::sort(list.begin(), list.end(), [](interval const& a, interval const& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (auto const& each : list) {
    if (kept > 0 && !lies_apart_below(list[kept - 1], each))
      list[kept - 1].last = std::max(list[kept - 1].last, each.last);
    else
      list[kept++] = each;
  }
  list.resize(kept);
}

void insert(interval_list& list, interval what) {
  auto const from = std::partition_point(list.begin(), list.end(),
                                         [&](interval const& held) { return lies_apart_below(held, what); });
  auto const to =
      std::partition_point(from, list.end(), [&](interval const& held) { return !lies_apart_below(what, held); });
  if (from == to) {
    list.insert(from, what);
    return;
  }
  from->first = std::min(from->first, what.first);
  from->last = std::max(std::prev(to)->last, what.last);
  list.erase(std::next(from), to);
}

interval_list difference(interval_list const& left, interval_list const& right) {
  interval_list rest;
  auto cut = right.begin();
  for (auto each : left) {
    while (cut != right.end() && cut->last < each.first) ++cut;
    auto at = cut;  // the last one that cuts `each` may cut the next as well
    bool any_left = true;
    for (; any_left && at != right.end() && at->first <= each.last; ++at) {
      if (each.first < at->first) rest.push_back({each.first, at->first - 1});
      any_left = at->last < each.last;
      if (any_left) each.first = at->last + 1;
    }
    if (any_left) rest.push_back(each);
  }
  return rest;
}

bool is_subset(interval_list const& left, interval_list const& right) {
  auto at = right.begin();
  return std::all_of(left.begin(), left.end(), [&](interval const& each) {
    while (at != right.end() && at->last < each.first) ++at;
    return at != right.end() && at->first <= each.first && each.last <= at->last;
  });
}

bool overlap(interval_list const& left, interval_list const& right) {
  auto a = left.begin();
  auto b = right.begin();
  while (a != left.end() && b != right.end()) {
    if (a->last < b->first)
      ++a;
    else if (b->last < a->first)
      ++b;
    else
      return true;
  }
  return false;
}

// MySQL's grammar: uuid:number[-number][:number[-number]]... items, separated by commas, blanks anywhere between tokens.
class parser {
 public:
  explicit parser(std::string_view text) : text_(text) {}

  base::result<std::map<base::uuid, interval_list>> parse() {
    std::map<base::uuid, interval_list> sources;
    for (;;) {
      skip_blanks();
      if (at_end()) break;
      if (take(',')) continue;
      if (auto bad = item(sources)) return *bad;
    }
    for (auto& [source, list] : sources) normalize(list);
    return sources;
  }

 private:
  using failure = std::optional<base::error>;

  failure item(std::map<base::uuid, interval_list>& sources) {
    auto const source = base::parse_uuid(text_.substr(at_, uuid_length));
    if (!source) return expected("a uuid");
    at_ += uuid_length;
    skip_blanks();
    if (!take(':')) return expected("':'");
    auto& list = sources[*source];
    do {
      if (auto bad = one_interval(list)) return bad;
    } while (take(':'));
    if (!at_end() && text_[at_] != ',') return expected("',', ':' or the end");
    return {};
  }

  failure one_interval(interval_list& list) {
    interval what{};
    if (auto bad = number(what.first, 1, "a number")) return bad;
    what.last = what.first;
    if (take('-'))
      if (auto bad = number(what.last, what.first, "an end of the interval")) return bad;
    list.push_back(what);
    return {};
  }

  // Takes the blanks on both sides too. Nothing is consumed when it fails.
  failure number(std::int64_t& into, std::int64_t least, char const* what) {
    skip_blanks();
    auto const* const begin = text_.data() + at_;
    auto const [end, code] = std::from_chars(begin, text_.data() + text_.size(), into);
    if (code != std::errc{} || into < least)
      return expected(std::string(what) + " " + std::to_string(least) + " .. " + std::to_string(gno_max));
    at_ += static_cast<std::size_t>(end - begin);
    skip_blanks();
    return {};
  }

  void skip_blanks() {
    while (!at_end() && std::string_view(" \t\r\n\v\f").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char wanted) {
    if (at_end() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] base::error expected(std::string const& what) const {
    return base::fail("not a GTID set: " + what + " expected at position " + std::to_string(at_ + 1));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

base::result<gtid_set> gtid_set::parse(std::string_view text) {
  auto sources = parser(text).parse();
  if (!sources) return sources.error();
  gtid_set parsed;
  parsed.intervals_ = std::move(*sources);
  return parsed;
}

std::string gtid_set::text() const {
  std::string out;
  for (auto const& [source, list] : intervals_) {
    if (!out.empty()) out += ',';
    out += base::to_string(source);
    for (auto const& each : list) {
      out += ':' + std::to_string(each.first);
      if (each.last != each.first) out += '-' + std::to_string(each.last);
    }
  }
  return out;
}

void gtid_set::add(base::uuid const& source, interval what) {
  ensure(is_valid(what));
  insert(intervals_[source], what);
}

void gtid_set::add(gtid_set const& other) {
  if (&other == this) return;
  for (auto const& [source, theirs] : other.intervals_) {
    auto& ours = intervals_[source];
    ours.insert(ours.end(), theirs.begin(), theirs.end());
    normalize(ours);
  }
}

void gtid_set::remove(gtid_set const& other) {
  if (&other == this) return intervals_.clear();
  for (auto const& [source, theirs] : other.intervals_) {
    auto const ours = intervals_.find(source);
    if (ours == intervals_.end()) continue;
    ours->second = difference(ours->second, theirs);
    if (ours->second.empty()) intervals_.erase(ours);
  }
}

bool gtid_set::contains(base::uuid const& source, std::int64_t gno) const {
  auto const found = intervals_.find(source);
  if (found == intervals_.end()) return false;
  auto const& list = found->second;
  auto const at = std::partition_point(list.begin(), list.end(), [&](interval const& held) { return held.last < gno; });
  return at != list.end() && at->first <= gno;
}

bool gtid_set::is_subset_of(gtid_set const& other) const {
  return std::all_of(intervals_.begin(), intervals_.end(), [&](auto const& each) {
    auto const theirs = other.intervals_.find(each.first);
    return theirs != other.intervals_.end() && is_subset(each.second, theirs->second);
  });
}

bool gtid_set::intersects(gtid_set const& other) const {
  return std::any_of(intervals_.begin(), intervals_.end(), [&](auto const& each) {
    auto const theirs = other.intervals_.find(each.first);
    return theirs != other.intervals_.end() && overlap(each.second, theirs->second);
  });
}

std::uint64_t gtid_set::count() const {
  std::uint64_t total = 0;
  for (auto const& [source, list] : intervals_)
    for (auto const& each : list) {
      auto const size = static_cast<std::uint64_t>(each.last - each.first) + 1;
      if (size > std::numeric_limits<std::uint64_t>::max() - total) return std::numeric_limits<std::uint64_t>::max();
      total += size;
    }
  return total;
}

std::vector<gtid_set::source_intervals> gtid_set::listed() const {
  std::vector<source_intervals> list;
  list.reserve(intervals_.size());
  for (auto const& [source, held] : intervals_) list.push_back({source, held});
  return list;
}

bool gtid_set::assign(std::vector<source_intervals>&& decoded) {
  auto const touches_or_crosses = [](interval const& low, interval const& high) {
    return !lies_apart_below(low, high);
  };
  intervals_.clear();
  for (auto& [source, held] : decoded) {
    bool const sound = !held.empty() && std::all_of(held.begin(), held.end(), is_valid) &&
                       std::adjacent_find(held.begin(), held.end(), touches_or_crosses) == held.end() &&
                       (intervals_.empty() || intervals_.rbegin()->first < source);
    if (!sound) {
      intervals_.clear();
      return false;
    }
    intervals_.emplace_hint(intervals_.end(), source, std::move(held));
  }
  return true;
}

gtid_set union_of(gtid_set left, gtid_set const& right) {
  left.add(right);
  return left;
}

gtid_set difference_of(gtid_set left, gtid_set const& right) {
  left.remove(right);
  return left;
}

}  // namespace certifier
