// The application inside a server: takes deliveries, applies them in its own time, and gets a copy of another one's data
// when the log does not reach back far enough.
#include <fmt/format.h>

#include "sim/failure.hh"
#include "sim/server.hh"

namespace sim {
namespace {

constexpr std::uint64_t slow_factor = 100;
constexpr std::uint64_t flush_one_in = 4;
constexpr unsigned clones_tried_max = 10;
constexpr std::size_t apply_queue_max = 50;
constexpr std::size_t apply_at_once = 16;  // as parallel appliers do

}  // namespace

std::optional<xcom::checkpoint> server::own_start() const {
  if (!data_) return std::nullopt;
  return start_for(log_->checkpoints(), data_->slot, data_->state);
}

void server::begin_delivery(xcom::checkpoint const& from, std::optional<xcom::member_id> source) {
  app_.emplace(from, world_.with.certification_window);
  to_apply_.clear();
  delivered_ = from.slot;
  needs_notes_ = from.slot < data_->slot;
  post(xcom::start_delivery{from, source, needs_notes_});
}

void server::perform(xcom::deliver const& what) {
  sync_before_answering();
  if (!app_) return;
  delivered_ = what.slot;
  auto const outcome = app_->deliver(*what.what, what.note);
  if (!outcome) return give_up_notes();
  if (what.note.empty()) demand(log_->note(what.slot, outcome->note));
  world_.watch.delivered(node_->config().self, what.slot, *what.what, *outcome, *app_);
  acknowledge(*what.what, *outcome);
  to_apply_.push_back({what.slot, app_->state()});
  schedule_apply();
  if (!needs_notes_ || what.slot < data_->slot) return;
  needs_notes_ = false;
  post(xcom::notes_done{});
}

// Verdicts are written beside the slots and are not synced: a power failure can take them from under a database that
// is further. Otherwise they are there.
void server::give_up_notes() {
  check(world_.count.power_failures > 0, name_ + " can judge what it delivers");
  app_.reset();
  to_apply_.clear();
  clone_later();
}

void server::acknowledge(xcom::value const& what, toy_member::outcome const& outcome) {
  auto const* messages = std::get_if<xcom::batch>(&what);
  if (messages == nullptr) return;
  for (std::size_t at = 0; at < messages->messages.size(); ++at) {
    if (messages->messages[at].origin != node_->config().self) continue;
    ++world_.count.acknowledged;
    if (!outcome.passed[at]) ++world_.count.conflicts;
  }
}

void server::schedule_apply() {
  if (applying_ || to_apply_.empty()) return;
  applying_ = true;
  auto const mean = world_.with.apply_time.value() * (slow_applier_ ? slow_factor : 1);
  after(micros(random_.below(2 * mean + 1)), [this] { apply_next(); });
}

void server::apply_next() {
  applying_ = false;
  xcom::slot_no last;
  for (std::size_t each = 0; each < apply_at_once && !to_apply_.empty(); ++each) {
    last = to_apply_.front().slot;
    apply(to_apply_.front());
    to_apply_.pop_front();
  }
  schedule_apply();
  if (last != xcom::slot_no{}) post(xcom::consumed{last});
}

void server::apply(applying const& next) {
  if (next.slot > data_->slot) {
    check(next.slot == data_->slot.next(),
          [&] { return fmt::format("{} applies slot {} after {}", name_, next.slot.value(), data_->slot.value()); });
    data_ = database{next.slot, next.after};
    if (random_.chance(1, flush_one_in)) flush();
  } else if (next.slot == data_->slot) {
    check(next.after == data_->state,
          [&] { return fmt::format("{} comes again to what its data holds at slot {}", name_, next.slot.value()); });
  }
}

// Data must not outlive the verdicts it rests on: where a power failure is survived, the notes are synced first.
void server::flush() {
  if (world_.with.durable == durability::disk) {
    if (!log_->sync()) return;
    world_.watch.synced(node_->config().self);
  }
  flushed_ = data_;
}

void server::go_online_if_caught_up() {
  if (online_ || !node_ || !app_ || !data_ || !online_from_) return;
  if (needs_notes_ || delivered_ < *online_from_ || data_->slot < *online_from_) return;
  online_ = was_online_ = true;
  world_.trace(name_, "is online");
  post(xcom::update_self{base::blob::copy_of("online"), role_});
}

void server::submit() {
  if (!online_ || paused_ || leaving_ || node_->undelivered_own() >= world_.with.in_flight_max) return;
  if (to_apply_.size() > apply_queue_max) return;  // as flow control would have it
  certifier::write_set keys;
  for (auto left = random_.between(1, world_.with.keys_max); left > 0; --left) {
    auto const row = std::to_string(random_.below(world_.with.rows));
    std::string_view const path[] = {"shop", "stock", row};
    keys.add(path, random_.chance(1, 8) ? certifier::key_kind::reference : certifier::key_kind::exclusive);
  }
  bool const huge = world_.with.payload_huge > 0 && random_.chance(1, 50);
  std::vector<std::uint8_t> padding(huge ? world_.with.payload_huge : random_.below(world_.with.payload_max),
                                    static_cast<std::uint8_t>(random_.next()));
  ++world_.count.submitted;
  post(xcom::submitted{node_->next_seq(), base::encode(toy_transaction{data_->state.seqno, keys.encode(),
                                                                       base::blob(std::move(padding))})});
}

bool server::is_idle() const {
  return online_ && node_->undelivered_own() == 0 && to_apply_.empty() && node_->delivered() == node_->decided();
}

// ---- a copy of another server's data ----

void server::clone_later() {
  cloning_ = true;
  online_ = false;
  after(micros(random_.between(50'000, 1'000'000)), [this] { clone(); });
}

bool server::can_clone_from(server const& donor) const {
  return &donor != this && donor.online_ && !donor.paused_ && donor.data_ && donor.log_ &&
         !world_.net.is_cut(donor.address_, address_) && !world_.net.is_cut(address_, donor.address_);
}

std::optional<xcom::checkpoint> server::clone_start(server const& donor) const {
  auto candidates = donor.log_->checkpoints();
  std::erase_if(candidates, [&](auto const& each) { return each.slot > node_->decided(); });
  return start_for(candidates, donor.data_->slot, donor.data_->state);
}

void server::clone() {
  if (!node_) return;
  std::vector<server*> donors;
  for (auto* each : world_.servers)
    if (can_clone_from(*each) && clone_start(*each)) donors.push_back(each);
  if (donors.empty()) {
    if (++clones_tried_ == clones_tried_max) start_afresh();
    return clone_later();
  }
  auto& donor = *donors[random_.below(donors.size())];
  auto const from = *clone_start(donor);
  ++world_.count.clones;
  donor.flush();
  data_ = flushed_ = donor.data_;
  cloning_ = false;
  world_.trace(name_, fmt::format("cloned {} at slot {}", donor.name_, data_->slot.value()));
  try {
    demand(log_->store(from));  // so that a restart can begin there too
  } catch (process_killed const&) { return crash(); }
  begin_delivery(from, donor.node_->config().self);
}

// This incarnation cannot be brought up to date. Its vote may be needed to take it out: it leaves in order, then joins.
void server::start_afresh() {
  if (afresh_) return;
  world_.trace(name_, "gives this incarnation up");
  afresh_ = true;
  post(xcom::leave_group{});
}

std::optional<xcom::member_id> server::any_source() {
  std::vector<xcom::member_id> online;
  for (auto const* each : world_.servers)
    if (each != this && each->online_) online.push_back(each->node_->config().self);
  if (online.empty() || random_.chance(1, 3)) return std::nullopt;
  return online[random_.below(online.size())];
}

}  // namespace sim
