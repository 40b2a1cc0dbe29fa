#include "gr/exit_policy.hh"

#include <algorithm>
#include <utility>

#include "base/ensure.hh"

namespace gr {

std::optional<exit_action> exit_action_named(std::string_view name) {
  if (name == "READ_ONLY") return exit_action::read_only;
  if (name == "ABORT_SERVER") return exit_action::abort_server;
  if (name == "OFFLINE_MODE") return exit_action::offline_mode;
  return std::nullopt;
}

std::vector<exit_step> exit_policy::dropped(std::string const& why, bool may_return, moment now,
                                            exit_settings const& set) {
  if (phase_ == phase::by_hand || phase_ == phase::ended) return {};
  why_ = why;
  std::vector<exit_step> steps;
  if (!std::exchange(holds_, true)) steps.emplace_back(hold_writes{});
  if (!may_return || attempts_ >= set.tries) {
    phase_ = phase::ended;
    steps.emplace_back(act_on_exit{set.action, why});
  } else if (phase_ != phase::waiting) {
    phase_ = phase::waiting;
    due_ = attempts_ == 0 ? now : now + set.interval;
  }
  check();
  return steps;
}

std::vector<exit_step> exit_policy::online() {
  phase_ = phase::in_group;
  attempts_ = 0;
  why_.clear();
  std::vector<exit_step> steps;
  if (std::exchange(holds_, false)) steps.emplace_back(release_writes{});
  check();
  return steps;
}

void exit_policy::asked() {
  if (phase_ == phase::trying) return;  // who comes back leaves first
  phase_ = phase::by_hand;
  attempts_ = 0;
  check();
}

std::vector<exit_step> exit_policy::passed(moment now, exit_settings const& set) {
  if (phase_ != phase::waiting) return {};
  due_ = std::min(due_, now + set.interval);  // the interval may have been made shorter
  if (now < due_) return {};
  std::vector<exit_step> steps;
  if (attempts_ >= set.tries) {  // which were made fewer
    phase_ = phase::ended;
    steps.emplace_back(act_on_exit{set.action, why_});
  } else {
    phase_ = phase::trying;
    steps.emplace_back(come_back{++attempts_});
  }
  check();
  return steps;
}

std::optional<exit_policy::moment> exit_policy::due() const {
  return phase_ == phase::waiting ? std::optional(due_) : std::nullopt;
}

std::string exit_policy::describe(moment now, exit_settings const& set) const {
  auto const of = std::to_string(set.tries);
  switch (phase_) {
    case phase::in_group: return {};
    case phase::by_hand: return "left, or joining, by hand";
    case phase::ended: return "out of the group: " + why_;
    case phase::trying: return "attempt " + std::to_string(attempts_) + " of " + of + " to come back: " + why_;
    case phase::waiting: break;
  }
  auto const left = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(due_ - now).count());
  return "attempt " + std::to_string(attempts_ + 1) + " of " + of + " to come back in " + std::to_string(left) +
         " s: " + why_;
}

void exit_policy::check() const {
  bool const dropped_out = phase_ == phase::waiting || phase_ == phase::trying || phase_ == phase::ended;
  ensure(phase_ != phase::in_group || !holds_);
  ensure(!dropped_out || holds_);
  ensure(phase_ != phase::trying || attempts_ > 0);
}

}  // namespace gr
