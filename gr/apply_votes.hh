// What members say of a transaction that one of them could not apply, and what a majority makes of it.
//
// Owner:  gr::member, as a part of its replicated state; changed only by what was delivered, in order.
// Always: (1) equal slots, equal votes and equal verdicts on every member;
//         (2) those vote who hold data, have a vote in the group and were ONLINE when the first word came; who leaves is not
//             waited for;
//         (3) a position gets one verdict, once all of them spoke, and what is said of it later changes nothing;
//         (4) no rows count as failed that only one could not apply: while nobody applied them either, the vote stays open.
// Cost:   nothing while nobody fails; then one small ordered message of each member.
// Source: inconsistency voting of Galera 4; what is done otherwise, and why: docs/decisions/0018.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hh"
#include "gr/ports.hh"
#include "xcom/types.hh"

namespace gr {

// 0: applied. Else what went wrong, as a digest of the server's text: equal where it failed alike.
using apply_outcome = std::uint64_t;
inline constexpr apply_outcome was_applied = 0;
[[nodiscard]] apply_outcome outcome_of(std::string_view error);
// A statement that failed, for whatever reason: its text and codes may differ where nothing else does.
inline constexpr apply_outcome statement_failed = 1;

// Ordered: what became of a position at its sender.
struct apply_report_message {
  base::uuid history;
  seqno_t seqno = -1;
  apply_outcome outcome = was_applied;
  std::string what;  // for a person; at most apply_report_text_max bytes
  template <class Codec> void fields(Codec& codec) { codec(history, seqno, outcome, what); }
};
inline constexpr std::size_t apply_report_text_max = 400;

struct apply_word {
  xcom::member_id who;
  apply_outcome outcome = was_applied;
  friend bool operator==(apply_word const&, apply_word const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(who, outcome); }
};
struct apply_vote {
  seqno_t seqno = -1;
  std::vector<xcom::member_id> electors;
  std::vector<apply_word> words;  // of the electors, and of whoever else cannot apply it
  [[nodiscard]] bool asks(xcom::member_id const& who) const;
  // Of this server, in whatever life.
  [[nodiscard]] std::optional<apply_outcome> said_by(base::uuid const& server) const;
  // All of them spoke, and that gave no verdict.
  [[nodiscard]] bool is_stuck() const;
  friend bool operator==(apply_vote const&, apply_vote const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(seqno, electors, words); }
};
struct apply_verdict {
  apply_vote of;
  apply_outcome outcome = was_applied;
  std::size_t agree = 0;  // electors that said so
};

class apply_votes {
 public:
  // A failure opens a vote, if there is anybody to vote; any other word counts only in one that is open. `electors`: who votes if
  // it is opened by this.
  // Returns: the verdict, when this word decides.
  std::optional<apply_verdict> say(apply_word const& word, seqno_t seqno, std::span<xcom::member_id const> electors);
  // Who is none of these any more votes no more; where that leaves nobody, the vote ends without a verdict. Returns: what that
  // decides.
  std::vector<apply_verdict> keep_only(std::span<xcom::member_id const> electors);

  [[nodiscard]] std::vector<apply_vote> const& open() const { return open_; }
  [[nodiscard]] apply_vote const* find(seqno_t seqno) const;
  [[nodiscard]] bool is_closed(seqno_t seqno) const;
  friend bool operator==(apply_votes const&, apply_votes const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(open_, closed_); }

 private:
  std::optional<apply_verdict> close_if_decided(std::size_t at);

  std::vector<apply_vote> open_;  // ascending
  std::vector<seqno_t> closed_;   // the last few: a word may come behind its verdict
};

}  // namespace gr
