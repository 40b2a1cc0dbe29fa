// A set of GTIDs: for each source uuid, disjoint intervals of transaction numbers 1 .. 2^63-1, in MySQL's text form
// "uuid:1-5:7,uuid:3". MariaDB's wsrep position uuid:N is the set uuid:1-N.
// Always: intervals of one uuid are ascending, and no two touch; no uuid has an empty list.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hh"
#include "base/uuid.hh"

namespace certifier {

inline constexpr std::int64_t gno_max = INT64_MAX;  // 2^63-1

struct interval {  // both ends included, 1 <= first <= last <= gno_max
  std::int64_t first;
  std::int64_t last;
  friend bool operator==(interval const&, interval const&) = default;

  template <class Codec> void fields(Codec& codec) { codec(first, last); }
};

class gtid_set {
 public:
  // Errors: with the position in the text and what was expected (uuid, number 1 .. 9223372036854775807, ascending interval).
  // Accepted as MySQL does: spaces and newlines between items, upper-case digits, empty items, overlapping intervals.
  // Cost: sorts, so that intervals in any order take O(n log n).
  static base::result<gtid_set> parse(std::string_view text);
  [[nodiscard]] std::string text() const;  // MySQL's form: uuids in byte order, separated by ","

  void add(base::uuid const& source, interval what);  // ensure: 1 <= first <= last
  void add(gtid_set const& other);
  void remove(gtid_set const& other);
  [[nodiscard]] bool contains(base::uuid const& source, std::int64_t gno) const;
  [[nodiscard]] bool is_subset_of(gtid_set const& other) const;
  [[nodiscard]] bool intersects(gtid_set const& other) const;
  [[nodiscard]] bool empty() const { return intervals_.empty(); }
  // Number of GTIDs, saturating at 2^64-1 (two full uuids already reach 2^64-2).
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::map<base::uuid, std::vector<interval>> const& intervals() const { return intervals_; }
  friend bool operator==(gtid_set const&, gtid_set const&) = default;

  template <class Codec> void fields(Codec& codec);  // decoding rejects what breaks the invariants

 private:
  struct source_intervals {  // how one uuid is encoded
    base::uuid source;
    std::vector<interval> held;

    template <class Codec> void fields(Codec& codec) { codec(source, held); }
  };
  [[nodiscard]] std::vector<source_intervals> listed() const;
  // Takes what was decoded; false, and left empty, if it breaks an invariant.
  bool assign(std::vector<source_intervals>&& decoded);

  std::map<base::uuid, std::vector<interval>> intervals_;
};

template <class Codec> void gtid_set::fields(Codec& codec) {
  if constexpr (requires { codec.reject(); }) {
    std::vector<source_intervals> decoded;
    codec(decoded);
    if (!assign(std::move(decoded))) codec.reject();
  } else {
    codec(listed());
  }
}

gtid_set union_of(gtid_set left, gtid_set const& right);
gtid_set difference_of(gtid_set left, gtid_set const& right);

}  // namespace certifier
