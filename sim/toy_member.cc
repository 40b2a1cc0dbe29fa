#include "sim/toy_member.hh"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.hh"
#include "sim/digest.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

constexpr std::uint8_t note_opening = 1;  // so that the note of a slot without messages is not empty

base::blob note_of(std::vector<bool> const& passed) {
  std::vector<std::uint8_t> bytes{note_opening};
  for (std::size_t at = 0; at < passed.size(); ++at) {
    if (at % 8 == 0) bytes.push_back(0);
    if (passed[at]) bytes.back() = static_cast<std::uint8_t>(bytes.back() | 1U << at % 8);
  }
  return base::blob(std::move(bytes));
}

bool noted_as_passed(base::blob const& note, std::size_t at) {
  check(note.size() > 1 + at / 8 && note.data()[0] == note_opening, "a note has a verdict for each message");
  return (note.data()[1 + at / 8] >> at % 8 & 1U) != 0;
}

std::uint64_t digest_of(certifier::verdict const& verdict) {
  if (auto const* lost = std::get_if<certifier::conflict>(&verdict)) {
    auto const against = mix(std::hash<base::uuid>{}(lost->winner), static_cast<std::uint64_t>(lost->with));
    return mix(against, mix(lost->found.hash, static_cast<std::uint64_t>(lost->found.kind)));
  }
  if (auto const* late = std::get_if<certifier::too_old>(&verdict)) return static_cast<std::uint64_t>(late->forgotten);
  return 0;
}

}  // namespace

std::string app_state::describe() const {
  return fmt::format("seqno {} forgotten {} history {:016x}", seqno, forgotten, history);
}

app_state app_state_of(xcom::checkpoint const& at) {
  if (at.app.empty()) return {};
  auto const state = base::decode<app_state>(at.app);
  check(state.has_value(), "a checkpoint's application part decodes");
  return *state;
}

toy_member::toy_member(xcom::checkpoint const& from, certifier::seqno_t window)
    : began_at_(app_state_of(from).seqno), window_(window), state_(app_state_of(from)) {
  index_.reset(state_.seqno, state_.seqno);
}

std::optional<toy_member::outcome> toy_member::deliver(xcom::value const& what, base::blob const& note) {
  outcome result;
  bool const judges = is_complete();
  if (!judges && note.empty()) return std::nullopt;
  reasons_ = 0;
  state_.history = mix(state_.history, digest(what));
  if (auto const* messages = std::get_if<xcom::batch>(&what)) {
    for (auto const& each : messages->messages) {
      std::optional<bool> noted;
      if (!note.empty()) noted = noted_as_passed(note, result.passed.size());
      result.passed.push_back(certify(each, noted));
    }
  } else if (std::holds_alternative<xcom::site_change>(what)) {
    index_.skip(++state_.seqno, true);
    forget();
  }
  result.note = note_of(result.passed);
  check(note.empty() || note == result.note, "verdicts found again equal the notes");
  state_.history = mix(state_.history, digest(result.note));
  if (judges) result.reasons = reasons_;
  return result;
}

bool toy_member::certify(xcom::message const& next, std::optional<bool> noted) {
  auto const transaction = base::decode<toy_transaction>(next.payload);
  check(transaction.has_value(), "a message arrives as it was sent");
  auto const keys = certifier::write_set::decode(transaction->keys);
  check(keys.has_value(), "a write set arrives as it was sent");
  certifier::candidate candidate{next.origin.uuid, ++state_.seqno, transaction->last_seen, *keys, false, false};
  bool passed = false;
  if (is_complete()) {
    auto const verdict = index_.certify(candidate);
    passed = std::holds_alternative<certifier::passed>(verdict);
    reasons_ = mix(reasons_, digest_of(verdict));
  } else {
    passed = noted.value();
    index_.preload(candidate, passed);
  }
  forget();
  return passed;
}

void toy_member::forget() {
  state_.forgotten = std::max(state_.forgotten, state_.seqno - window_);
  index_.forget_below(state_.forgotten);
}

base::blob toy_member::checkpoint_blob() const { return base::encode(state_); }

std::optional<xcom::checkpoint> start_for(std::vector<xcom::checkpoint> const& candidates, xcom::slot_no slot,
                                          app_state const& state) {
  for (auto at = candidates.rbegin(); at != candidates.rend(); ++at)
    if (!at->app.empty() && at->slot <= slot && app_state_of(*at).seqno <= state.forgotten) return *at;
  return std::nullopt;
}

}  // namespace sim
