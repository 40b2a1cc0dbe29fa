#include "gr/flow_control.hh"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gr {
namespace {

constexpr std::uint64_t look_every_ticks = 5;
constexpr std::uint64_t sample_every_ticks = 10;
constexpr std::uint64_t roll_every_ticks = 100;
// A heartbeat says what was so when it was sent. What came since is no backlog of its sender yet.
constexpr std::uint64_t word_ticks = 20;
constexpr std::uint64_t long_ticks_max = 6000;
// A bound of less work than this cannot be kept with words that old, and would be met by members that are well.
constexpr double work_seconds_min = 1;
constexpr double begins_at = 0.5;  // of a bound
constexpr double floor_part = 0.05;
constexpr std::size_t others_with_data_min = 2;

std::uint64_t since(seqno_t from, seqno_t to) { return to > from ? static_cast<std::uint64_t>(to - from) : 0; }

// Of what a member applies, how much the group may order for its sake: without end where braking begins, all of it but what
// is held back in the middle, nothing at the bound.
double share_at(double pressure, unsigned hold_percent) {
  if (pressure <= begins_at) return no_flow_limit;
  if (pressure >= 1) return 0;
  double const middle = 1 - hold_percent / 100.0;
  return middle * (1 - pressure) / (pressure - begins_at);
}

flow_allowance stricter(flow_allowance const& left, flow_allowance const& right) {
  return {std::min(left.transactions, right.transactions), std::min(left.bytes, right.bytes)};
}

}  // namespace

void flow_control::ordered(xcom::member_id const& origin, seqno_t position, std::size_t bytes) {
  marks_.add(position, bytes);
  auto& by = writers_[origin];
  by.now += 1;
  by.now_bytes += static_cast<double>(bytes);
}

void flow_control::look(flow_look const& at) {
  if (at.now.value() - looked_.value() < look_every_ticks) return;
  auto const before = std::exchange(looked_, at.now);
  marks_.tick(at.now);
  roll_writers(at.now);
  rows_.clear();
  std::map<xcom::member_id, std::deque<sample>> known;
  for (auto const& each : at.members)
    if (auto const found = progress_.find(each.id); found != progress_.end()) known.insert(progress_.extract(found));
  progress_ = std::move(known);
  seqno_t lowest = marks_.head();
  for (auto const& each : at.members) {
    measure(each, at);
    lowest = std::min(lowest, each.applied);
  }
  if (at.self) marks_.forget_below(lowest);  // else not everybody may be in sight
  bool const brakes = at.self && with_.mode != flow_mode::disabled;
  settle(brakes ? strictest_that_counts(at) : flow_allowance{}, before);
  take_own_part(at.self);
  judge(at);
}

void flow_control::measure(flow_member const& which, flow_look const& at) {
  // Another member may know of more than was delivered here: this one may be the one that is behind.
  seqno_t head =
      which.id == at.self ? marks_.head() : marks_.position_at(base::tick_count(at.now.value() - word_ticks));
  for (auto const& each : at.members) {
    bool const same_word = which.id == at.self || each.id == which.id;
    if (same_word) head = std::max(head, each.certified);
  }
  flow_row row;
  row.id = which.id;
  row.to_certify = since(which.certified, head);
  row.to_apply = since(which.applied, which.certified);
  row.bytes = static_cast<std::uint64_t>(std::max(0.0, marks_.bytes_up_to(head) - marks_.bytes_up_to(which.applied)));
  note_progress(which, at.now);
  if (auto const its = speed_of(which.id, with_.period_ticks)) row.applies = its->transactions;
  if (which.applied < head) {
    auto const oldest = marks_.delivered_at(which.applied + 1).value() + (which.id == at.self ? 0 : word_ticks);
    row.lag_ticks = lag_of(row, at.now.value() - std::min(at.now.value(), oldest));
  }
  limit(which, row);
  rows_.push_back(row);
}

void flow_control::note_progress(flow_member const& which, base::tick_count now) {
  auto& samples = progress_[which.id];
  sample const here{now, static_cast<double>(which.applied), marks_.bytes_up_to(which.applied)};
  if (!samples.empty() && samples.back().applied > here.applied) samples.clear();  // another life
  if (samples.empty() || now.value() - samples.back().when.value() >= sample_every_ticks) samples.push_back(here);
  while (samples.size() > 2 && now.value() - samples[1].when.value() >= long_ticks()) samples.pop_front();
}

std::optional<flow_control::speed> flow_control::speed_of(xcom::member_id const& who, std::uint64_t ticks) const {
  auto const& samples = progress_.at(who);
  auto const& last = samples.back();
  auto first = std::prev(samples.end());
  while (first != samples.begin() && last.when.value() - first->when.value() < ticks) --first;
  auto const span = last.when.value() - first->when.value();
  if (span == 0 || span < ticks / 2) return std::nullopt;
  double const seconds = static_cast<double>(span) / ticks_per_second;
  return speed{(last.applied - first->applied) / seconds, (last.bytes - first->bytes) / seconds};
}

// Speed is measured over a part of the bound, so that a short pause is not taken for the end.
std::uint64_t flow_control::long_ticks() const {
  return std::max(with_.period_ticks, std::min(with_.lag_ticks / 4, long_ticks_max));
}

// What takes ten times as long to apply as it has waited is a burst after a rest: how fast it goes is not known yet.
std::uint64_t flow_control::lag_of(flow_row const& row, std::uint64_t age) const {
  auto const its = speed_of(row.id, long_ticks());
  if (!its) return age;
  double const left = static_cast<double>(row.to_certify + row.to_apply) / std::max(its->transactions, 1e-9);
  double const most = static_cast<double>(age * 10);
  return std::max(age, static_cast<std::uint64_t>(std::min(left * ticks_per_second, most)));
}

void flow_control::limit(flow_member const& which, flow_row& row) const {
  auto const number = [](std::uint64_t value) { return static_cast<double>(value); };
  auto const its = speed_of(which.id, with_.period_ticks).value_or(speed{});
  auto const part = [&](std::uint64_t amount, std::uint64_t bound, double applies) {
    return number(amount) / std::max({1.0, number(bound), applies * work_seconds_min});
  };
  double const behind = std::max({part(row.to_certify, with_.certifier_threshold, its.transactions),
                                  part(row.to_apply, with_.applier_threshold, its.transactions),
                                  with_.lag_ticks == 0 ? 0 : number(row.lag_ticks) / number(with_.lag_ticks)});
  double const heavy = with_.applier_bytes == 0 ? 0 : part(row.bytes, with_.applier_bytes, its.bytes);
  row.pressure = std::max(behind, heavy);
  row.counts = with_.mode != flow_mode::disabled && (which.online || with_.min_recovery_quota > 0);
  if (!row.counts || !row.applies) return;
  bool const may_wait_longer = !which.online && with_.min_quota == 0;
  double const lowest = floor(may_wait_longer ? with_.min_recovery_quota : with_.min_quota);
  if (behind > begins_at)
    row.allows.transactions = std::max(lowest, share_at(behind, with_.hold_percent) * *row.applies);
  double const each_bytes = bytes_.used / std::max(1.0, transactions_.used);
  double const lowest_bytes = std::max(floor_part * number(with_.applier_bytes) / period_seconds(),
                                       with_.min_quota == 0 ? 0 : lowest * each_bytes);
  if (heavy > begins_at) row.allows.bytes = std::max(lowest_bytes, share_at(heavy, with_.hold_percent) * its.bytes);
}

// A second. `quota` is of a period; 0: MySQL's own floor.
double flow_control::floor(std::uint64_t quota) const {
  auto const thresholds = std::min(with_.certifier_threshold, with_.applier_threshold);
  double const transactions = quota > 0 ? static_cast<double>(quota) : floor_part * static_cast<double>(thresholds);
  return std::max(1.0, transactions) / period_seconds();
}

flow_allowance flow_control::strictest_that_counts(flow_look const& at) const {
  std::vector<double> transactions;
  std::vector<double> bytes;
  flow_allowance recovering;
  for (auto const& each : at.members) {
    auto const* const row = row_of(each.id);
    if (!row->counts) continue;
    if (!each.online) {
      recovering = stricter(recovering, row->allows);
      continue;
    }
    transactions.push_back(row->allows.transactions);
    bytes.push_back(row->allows.bytes);
  }
  if (transactions.empty()) return recovering;
  // More than half of them have to ask for it.
  auto const rank = static_cast<std::ptrdiff_t>(with_.mode == flow_mode::majority ? transactions.size() / 2 : 0);
  for (auto* each : {&transactions, &bytes}) std::nth_element(each->begin(), each->begin() + rank, each->end());
  auto const at_rank = static_cast<std::size_t>(rank);
  return stricter(recovering, {transactions[at_rank], bytes[at_rank]});
}

void flow_control::settle(flow_allowance const& wanted, base::tick_count before) {
  double const seconds = static_cast<double>(looked_.value() - before.value()) / ticks_per_second;
  follow(transactions_, wanted.transactions, seconds);
  follow(bytes_, wanted.bytes, seconds);
  double const cap = with_.max_quota == 0 || with_.mode == flow_mode::disabled
                         ? no_flow_limit
                         : static_cast<double>(with_.max_quota) / period_seconds();
  group_ = {std::min(transactions_.quota, cap), bytes_.quota};
}

// Down and up with what the slow member applies. Once nobody is slow, up for two periods, and then without end.
void flow_control::follow(stream& of, double wanted, double seconds) const {
  constexpr std::uint64_t release_periods = 2;
  if (wanted != no_flow_limit) {
    of.quota = wanted;
    return of.released_since.reset();
  }
  if (of.quota == no_flow_limit) return;
  if (!of.released_since) of.released_since = looked_;
  of.quota = std::max(of.quota, of.used) * std::pow(1 + with_.release_percent / 100.0, seconds / period_seconds());
  bool const over = looked_.value() - of.released_since->value() >= release_periods * with_.period_ticks;
  if (with_.release_percent == 0 || over) of.quota = no_flow_limit;
}

void flow_control::roll_writers(base::tick_count now) {
  auto const ticks = now.value() - rolled_.value();
  if (ticks < roll_every_ticks) return;
  rolled_ = now;
  double const seconds = static_cast<double>(ticks) / ticks_per_second;
  transactions_.used = bytes_.used = 0;
  std::erase_if(writers_, [](auto const& each) { return each.second.now == 0; });
  for (auto& [who, its] : writers_) {
    its = {0, 0, its.now / seconds, its.now_bytes / seconds};
    transactions_.used += its.transactions;
    bytes_.used += its.bytes;
  }
}

void flow_control::take_own_part(std::optional<xcom::member_id> const& self) {
  own_ = {};
  if (!self || !group_.is_limited()) return;
  double writers = 1;
  double transactions = 0;
  double bytes = 0;
  for (auto const& [who, its] : writers_) {
    if (who == *self || its.transactions == 0) continue;
    writers += 1;
    transactions += its.transactions;
    bytes += its.bytes;
  }
  auto const part = [&](double quota, double others) {
    if (quota == no_flow_limit) return quota;
    if (with_.member_quota_percent > 0) return quota * with_.member_quota_percent / 100;
    return std::max(quota / writers, quota - others);
  };
  own_.transactions = std::max(part(group_.transactions, transactions), 1 / period_seconds());
  own_.bytes = part(group_.bytes, bytes);
}

// Only one that the group can spare: two others with data and a majority of the voters go on, and keep up.
void flow_control::judge(flow_look const& at) {
  hopeless_ = false;
  slowest_.reset();
  double worst = begins_at;
  std::size_t with_data = 0;
  std::size_t voters = at.arbiters;
  for (auto const& each : at.members) {
    auto const& row = *row_of(each.id);
    if (row.counts && row.pressure > worst) {
      worst = row.pressure;
      slowest_ = each.id;
    }
    if (each.id == at.self || !each.online || row.pressure >= 1) continue;
    ++with_data;
    if (each.votes) ++voters;
  }
  auto const* const own = at.self ? row_of(*at.self) : nullptr;
  bool const over = own != nullptr && own->counts && own->pressure >= 1;
  if (!over) return over_since_.reset();
  if (!over_since_) over_since_ = at.now;
  bool const long_enough =
      with_.quarantine_ticks > 0 && at.now.value() - over_since_->value() >= with_.quarantine_ticks;
  hopeless_ = long_enough && with_data >= others_with_data_min && voters > at.voters / 2;
}

flow_row const* flow_control::row_of(xcom::member_id const& who) const {
  auto const at = std::find_if(rows_.begin(), rows_.end(), [&](auto const& each) { return each.id == who; });
  return at == rows_.end() ? nullptr : &*at;
}

flow_row const* flow_control::slowest() const { return slowest_ ? row_of(*slowest_) : nullptr; }

}  // namespace gr
