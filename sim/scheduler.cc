#include "sim/scheduler.hh"

#include <algorithm>
#include <utility>

namespace sim {

bool scheduler::later(entry const& left, entry const& right) {
  return left.when != right.when ? left.when > right.when : left.order > right.order;
}

void scheduler::at(micros when, task what) {
  heap_.push_back({std::max(when, now_), asked_++, std::move(what)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool scheduler::run_one() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  auto next = std::move(heap_.back());
  heap_.pop_back();
  now_ = next.when;
  next.what();
  return true;
}

void scheduler::run_until(micros until) {
  while (!heap_.empty() && heap_.front().when <= until) run_one();
  now_ = std::max(now_, until);
}

}  // namespace sim
