#include "gr/join_report.hh"

#include <algorithm>
#include <utility>

namespace gr {
namespace {

constexpr std::uint64_t progress_line_ticks = 500;
constexpr std::uint64_t sample_ticks = 100;
constexpr std::size_t samples_max = 10;
constexpr std::size_t error_bytes_max = 500;

std::int64_t milliseconds(base::tick_count from, base::tick_count to) {
  return static_cast<std::int64_t>((to.value() - std::min(from, to).value()) * base::tick_milliseconds);
}

std::string seconds_text(std::int64_t ms) { return std::to_string((ms + 500) / 1000) + " s"; }

std::string cut(std::string text) {
  if (text.size() > error_bytes_max) text.resize(error_bytes_max);
  return text;
}

std::int64_t bytes_yet_to_come(join_record const& now, join_progress const& what) {
  if (what.left < 0) return -1;
  auto const missing = std::max<std::int64_t>(0, what.done + what.left - what.received);
  if (missing == 0) return 0;
  return what.received > 0 && now.bytes > 0 ? missing * now.bytes / what.received : -1;
}

}  // namespace

std::string_view to_string(join_phase phase) {
  switch (phase) {
    case join_phase::waiting_for_majority: return "WAITING FOR MAJORITY";
    case join_phase::comparing: return "COMPARING HISTORY";
    case join_phase::choosing: return "CHOOSING DONOR";
    case join_phase::waiting: return "WAITING FOR DONOR";
    case join_phase::pausing: return "PAUSING";
    case join_phase::copying: return "FULL COPY";
    case join_phase::asking: return "ASKING DONOR";
    case join_phase::local: return "LOCAL RECOVERY";
    case join_phase::fetching: return "INCREMENTAL";
    case join_phase::applying: return "APPLYING";
    case join_phase::online: return "ONLINE";
    case join_phase::failed: return "FAILED";
  }
  return "?";
}

void join_report::begin() {
  record_ = {};
  began_.reset();
  said_.reset();
  samples_.clear();
  decisions_ = 0;
  ++joins_;
  ++changes_;
}

void join_report::decided(join_decision what) {
  if (!runs()) return;
  what.number = ++decisions_;
  what.after_ms = began_ ? milliseconds(*began_, now_) : 0;
  record_.why = what.why;
  auto& kept = record_.decisions;
  if (kept.size() == decisions_kept_max) kept.erase(kept.begin() + 1);
  kept.push_back(std::move(what));
  ++changes_;
}

std::optional<std::string> join_report::progressed(base::tick_count now, join_progress const& what) {
  if (!runs()) return std::nullopt;
  now_ = now;
  if (!began_) began_ = said_ = now;
  record_.lasted_ms = milliseconds(*began_, now);
  if (!is_over(what.phase)) record_.phase = what.phase;  // that is end()'s to say
  record_.method = what.method;
  record_.donor = what.donor;
  record_.donor_name = what.donor_name;
  record_.done = what.done;
  record_.left = what.left;
  record_.bytes_left = bytes_yet_to_come(record_, what);
  record_.attempts = what.attempts;
  record_.attempts_max = what.attempts_max;
  if (!what.last_error.empty()) record_.last_error = cut(what.last_error);
  measure(now);
  if (now.value() - said_->value() < progress_line_ticks) return std::nullopt;
  said_ = now;
  return line();
}

// Over the last few seconds: what it was an hour ago says nothing about when it is over.
void join_report::measure(base::tick_count now) {
  if (!samples_.empty() && samples_.back().done > record_.done) samples_.clear();  // a copy came between
  if (samples_.empty() || now.value() - samples_.back().at.value() >= sample_ticks)
    samples_.push_back({now, record_.done});
  if (samples_.size() > samples_max) samples_.pop_front();
  auto const& first = samples_.front();
  auto const ms = milliseconds(first.at, now);
  record_.rate = ms == 0 ? 0 : (record_.done - first.done) * 1000 / ms;
  // Of large ones perhaps none was applied lately: then what all of the join has taken so far has to do.
  bool const lately = record_.done > first.done;
  auto const done = lately ? record_.done - first.done : record_.done;
  auto const took = lately ? ms : record_.lasted_ms;
  record_.eta_ms = record_.left == 0 ? 0 : record_.left > 0 && done > 0 ? record_.left * took / done : -1;
}

std::string join_report::line() const {
  auto const from = record_.donor_name.empty() ? std::string{} : " from " + record_.donor_name;
  auto text = "recovery: " + std::string(to_string(record_.phase)) + from + " after " + seconds_text(record_.lasted_ms);
  if (record_.left >= 0 && record_.phase != join_phase::copying)
    text += ": " + std::to_string(record_.done) + " of " + std::to_string(record_.done + record_.left) +
            " transactions applied, " + (record_.rate == 0 ? "less than one" : std::to_string(record_.rate)) +
            " a second";
  else if (record_.left >= 0)
    text += ": of " + std::to_string(record_.left) + " transactions";
  if (record_.eta_ms > 0) text += ", about " + seconds_text(record_.eta_ms) + " left";
  if (record_.attempts > 1) text += ", attempt " + std::to_string(record_.attempts);
  if (!record_.last_error.empty()) text += " (last failure: " + record_.last_error + ")";
  return text;
}

void join_report::end(join_phase how, std::string const& error) {
  if (!runs()) return;
  record_.phase = how;
  if (!error.empty()) record_.last_error = cut(error);
  if (how == join_phase::online) record_.left = record_.bytes_left = record_.eta_ms = 0;
  if (how == join_phase::failed) record_.eta_ms = record_.bytes_left = -1;
  if (record_.lasted_ms > 0) record_.rate = record_.done * 1000 / record_.lasted_ms;
  ++changes_;
}

}  // namespace gr
