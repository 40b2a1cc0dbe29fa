#include "gr/apply_votes.hh"

#include <xxhash.h>

#include <algorithm>
#include <map>

namespace gr {
namespace {

constexpr std::size_t closed_max = 64;

bool is_in(std::span<xcom::member_id const> all, xcom::member_id const& who) {
  return std::ranges::find(all, who) != all.end();
}

// Most words first. Of equally many, those who applied it have what its client was told; which of two failures counts is
// nobody's business, only the same everywhere.
apply_verdict best_of(apply_vote const& vote) {
  std::map<apply_outcome, std::size_t> count;
  for (auto const& each : vote.words)
    if (vote.asks(each.who)) ++count[each.outcome];
  apply_verdict best{vote, was_applied, 0};
  for (auto const& [outcome, agree] : count)
    if (agree > best.agree) best = {vote, outcome, agree};
  return best;
}

bool is_verdict(apply_verdict const& best) {
  bool const one_is_enough = best.outcome == was_applied || best.outcome == statement_failed;
  return best.agree > (one_is_enough ? 0U : 1U);
}

// Not at the first majority: what everybody said tells, later, whose data this is that comes back.
bool all_spoke(apply_vote const& vote) {
  return std::ranges::all_of(vote.electors, [&](auto const& each) {
    return std::ranges::find(vote.words, each, &apply_word::who) != vote.words.end();
  });
}

}  // namespace

apply_outcome outcome_of(std::string_view error) {
  return std::max<apply_outcome>(statement_failed + 1, XXH3_64bits(error.data(), error.size()));
}

bool apply_vote::asks(xcom::member_id const& who) const { return is_in(electors, who); }

std::optional<apply_outcome> apply_vote::said_by(base::uuid const& server) const {
  auto const at = std::ranges::find(words, server, [](auto const& each) { return each.who.uuid; });
  return at == words.end() ? std::nullopt : std::optional(at->outcome);
}

bool apply_vote::is_stuck() const { return all_spoke(*this) && !is_verdict(best_of(*this)); }

bool apply_votes::is_closed(seqno_t seqno) const { return std::ranges::find(closed_, seqno) != closed_.end(); }

apply_vote const* apply_votes::find(seqno_t seqno) const {
  auto const at = std::ranges::find(open_, seqno, &apply_vote::seqno);
  return at == open_.end() ? nullptr : &*at;
}

std::optional<apply_verdict> apply_votes::say(apply_word const& word, seqno_t seqno,
                                              std::span<xcom::member_id const> electors) {
  if (is_closed(seqno)) return std::nullopt;
  auto at = std::ranges::lower_bound(open_, seqno, {}, &apply_vote::seqno);
  if (at == open_.end() || at->seqno != seqno) {
    if (word.outcome == was_applied || electors.empty()) return std::nullopt;
    at = open_.insert(at, {seqno, {electors.begin(), electors.end()}, {}});
  }
  // Who was restarted meanwhile has tried again: the last word counts.
  auto const before = std::ranges::find(at->words, word.who.uuid, [](auto const& each) { return each.who.uuid; });
  if (before != at->words.end())
    *before = word;
  else
    at->words.push_back(word);
  return close_if_decided(static_cast<std::size_t>(at - open_.begin()));
}

std::vector<apply_verdict> apply_votes::keep_only(std::span<xcom::member_id const> electors) {
  std::vector<apply_verdict> verdicts;
  for (std::size_t at = 0; at < open_.size();) {
    auto& vote = open_[at];
    std::erase_if(vote.electors, [&](auto const& each) { return !is_in(electors, each); });
    if (vote.electors.empty())
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
    else if (auto verdict = close_if_decided(at))
      verdicts.push_back(std::move(*verdict));
    else
      ++at;
  }
  return verdicts;
}

std::optional<apply_verdict> apply_votes::close_if_decided(std::size_t at) {
  if (!all_spoke(open_[at])) return std::nullopt;
  auto verdict = best_of(open_[at]);
  if (!is_verdict(verdict)) return std::nullopt;
  closed_.push_back(open_[at].seqno);
  if (closed_.size() > closed_max) closed_.erase(closed_.begin());
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
  return verdict;
}

}  // namespace gr
