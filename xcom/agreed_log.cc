#include "xcom/agreed_log.hh"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "xcom/log_format.hh"
#include "xcom/log_index.hh"

namespace xcom {

namespace {

// One read may fetch bytes nobody asked for when that saves a second read.
constexpr std::uint64_t read_gap_bytes_max = 16U << 10;
constexpr std::uint64_t read_extent_bytes_max = 4U << 20;

constexpr char const* damage_advice =
    "; move the group_replication.*.log files away to start without them: this member then rejoins by a full copy";

// A segment as it lies on disk, and which slots its records speak of.
struct segment_info {
  std::uint64_t number = 0;
  std::uint64_t length = 0;
  slot_no lowest{~std::uint64_t{0}};
  slot_no highest{0};

  void holds(slot_no slot) {
    lowest = std::min(lowest, slot);
    highest = std::max(highest, slot);
  }
};

// Detached from the bytes it was decoded from: a checkpoint must not keep a whole segment in memory.
template <class Body> base::result<Body> decode_copy(base::blob const& body) {
  return base::decode<Body>(base::blob::copy_of(body.view()));
}

base::result<std::optional<site>> site_in(record_kind kind, base::blob const& body, bool changes_site) {
  if (!changes_site) return std::optional<site>{};
  value_ptr what;
  if (kind == record_kind::accepted) {
    auto slot = decode_copy<accepted_slot>(body);
    if (!slot) return slot.error();
    what = slot->what;
  } else {
    auto slot = decode_copy<decided_slot>(body);
    if (!slot) return slot.error();
    what = slot->what;
  }
  return std::optional<site>(std::get<site_change>(*what).next);
}

std::optional<site> site_of(value const& what) {
  auto const* change = std::get_if<site_change>(&what);
  return change == nullptr ? std::nullopt : std::optional<site>(change->next);
}

bool possible(slot_no slot) { return slot <= log_slot_max; }

}  // namespace

struct agreed_log::parts {
  parts(log_config how, std::shared_ptr<segment_files> where) : config(how), files(std::move(where)) {}

  // ---- reading the log again ----
  base::result<void> scan(std::vector<std::string>& notices);
  base::result<std::vector<std::uint64_t>> segments_that_count(std::vector<std::string>& notices);
  base::result<void> scan_segment(std::uint64_t number, bool last, std::vector<std::string>& notices);
  void cut(std::uint64_t number, std::uint64_t at, std::uint64_t length, std::vector<std::string>& notices);
  base::result<void> cut_torn_tail();
  void end_before(std::vector<std::uint64_t>& numbers, std::size_t first, std::vector<std::string>& notices);
  base::result<void> fold(raw_record const& record, log_place place);
  base::result<void> fold_value(raw_record const& record, log_place place);
  base::error damaged(std::uint64_t segment, std::uint64_t offset, std::string const& what) const;

  // ---- appending ----
  base::result<void> open_segment(log_opening head);
  base::result<void> roll_if_full();
  base::result<log_place> append(base::chain const& record);
  template <class Body> base::result<log_place> append(record_kind kind, Body const& body) {
    return append(make_record(kind, body));
  }
  // Forgotten slots no longer keep their segments from being purged.
  void forget_undecided() {
    for (auto& each : segments) each.highest = std::min(each.highest, index.decided());
  }
  [[nodiscard]] log_opening opening(opening_kind how, log_identity const& identity) const;

  // ---- reading slots ----
  struct wanted {
    log_place place;
    base::blob body;  // once it was read
  };
  base::result<void> load(std::vector<wanted*> records);
  base::result<void> load_extent(std::span<wanted* const> records);
  base::result<decided_slot> value_of(wanted const& record) const;
  base::result<std::vector<decided_slot>> slots_of(std::vector<wanted> values, std::vector<wanted> notes);

  log_config config;
  std::shared_ptr<segment_files> files;
  log_index index;
  std::deque<segment_info> segments;
  std::vector<checkpoint> usable;
  bool opened = false;
  bool whole = true;
  bool torn = false;                  // the last file is longer than what counts of it
  std::vector<std::uint64_t> beyond;  // files behind the one in which the log ends, ascending
  bool begun = false;
  std::string broken;  // why nothing can be appended any more
};

// ---------------------------------------------------------------------------------------------------------------------
// Reading the log again
// ---------------------------------------------------------------------------------------------------------------------

base::error agreed_log::parts::damaged(std::uint64_t segment, std::uint64_t offset, std::string const& what) const {
  return base::fail(files->name(segment) + " is damaged at byte " + std::to_string(offset) + ": " + what +
                    damage_advice);
}

namespace {

struct head_read {
  segment_head state = segment_head::torn;
  log_opening opening;
};

// Torn also when the opening record is not whole and nothing after it is: a crash while the segment was created.
head_read read_head(base::blob const& bytes) {
  head_read head;
  head.state = check_magic(bytes);
  if (head.state != segment_head::good) return head;
  auto const record = record_at(bytes, log_magic_bytes);
  if (!record) {
    head.state = segment_head::torn;
    return head;
  }
  auto decoded = decode_copy<log_opening>(record->body);
  if (record->kind != record_kind::opening || !decoded || decoded->how > opening_kind::cut_all ||
      !possible(decoded->decided) || decoded->site_since > decoded->decided) {
    head.state = segment_head::foreign;
    return head;
  }
  head.opening = std::move(*decoded);
  return head;
}

// True when there is a whole record where the opening's length says that the second one begins.
bool more_behind_opening(base::blob const& bytes) {
  if (check_magic(bytes) != segment_head::good || bytes.size() < log_magic_bytes + record_header_bytes) return false;
  base::reader in(bytes.slice(log_magic_bytes, 4));
  std::uint32_t length = 0;
  in(length);
  return record_at(bytes, log_magic_bytes + record_header_bytes + length).has_value();
}

}  // namespace

base::result<void> agreed_log::parts::scan(std::vector<std::string>& notices) {
  auto numbers = segments_that_count(notices);
  if (!numbers) return numbers.error();
  for (std::size_t each = 0; each < numbers->size(); ++each) {
    bool last = each + 1 == numbers->size();
    if (!last && (*numbers)[each + 1] != (*numbers)[each] + 1) {
      if (!config.torn_anywhere)
        return base::fail("the file after " + files->name((*numbers)[each]) + " is missing" + damage_advice);
      end_before(*numbers, each + 1, notices);
      last = true;
    }
    if (auto done = scan_segment((*numbers)[each], last || config.torn_anywhere, notices); !done) return done.error();
    if (torn && !last) end_before(*numbers, each + 1, notices);
  }
  return {};
}

// What stands in these files rests on what is damaged or gone before them.
void agreed_log::parts::end_before(std::vector<std::uint64_t>& numbers, std::size_t first,
                                   std::vector<std::string>& notices) {
  notices.push_back("the log ends there, as after a failure of the host: " + std::to_string(numbers.size() - first) +
                    " newer files do not count, from " + files->name(numbers[first]) + " on");
  beyond.insert(beyond.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.end());
  numbers.resize(first);
  whole = false;
}

// From the last back to one that says nothing before it counts; what is older is removed. A last segment without a whole
// head was never in use and is removed too.
base::result<std::vector<std::uint64_t>> agreed_log::parts::segments_that_count(std::vector<std::string>& notices) {
  auto numbers = files->list();
  std::vector<std::uint64_t> counting;
  bool leftovers = false;
  for (auto each = numbers.rbegin(); each != numbers.rend(); ++each) {
    if (*each == 0 || *each > log_segments_max) return damaged(*each, 0, "no log file has this number");
    if (leftovers) {
      if (auto done = files->remove(*each); !done) return done.error();
      continue;
    }
    auto bytes = files->read_all(*each);
    if (!bytes) return bytes.error();
    auto const head = read_head(*bytes);
    bool const last = each == numbers.rbegin();
    bool const broken_head = head.state == segment_head::foreign || head.state == segment_head::torn;
    if (config.torn_anywhere && broken_head) {
      counting.push_back(*each);
      std::reverse(counting.begin(), counting.end());
      end_before(counting, 0, notices);
      continue;
    }
    switch (head.state) {
      case segment_head::good:
        if (head.opening.segment != *each) return damaged(*each, log_magic_bytes, "it is another file, renamed");
        counting.push_back(*each);
        leftovers = head.opening.how == opening_kind::cut_all;
        break;
      case segment_head::newer:
        return base::fail(files->name(*each) + " was written by a newer version (log format " +
                          std::to_string(bytes->data()[log_magic_bytes - 1]) + "; this one knows up to " +
                          std::to_string(log_format_version) + ")" + damage_advice);
      case segment_head::foreign: return damaged(*each, 0, "its head is not that of a group replication log");
      case segment_head::torn:
        if (!last || more_behind_opening(*bytes)) return damaged(*each, 0, "its head is damaged");
        notices.push_back("removed " + files->name(*each) + " (" + std::to_string(bytes->size()) +
                          " bytes), which a crash left before its head was complete");
        if (auto done = files->remove(*each); !done) return done.error();
        break;
    }
  }
  std::reverse(counting.begin(), counting.end());
  return counting;
}

base::result<void> agreed_log::parts::scan_segment(std::uint64_t number, bool last, std::vector<std::string>& notices) {
  auto bytes = files->read_all(number);
  if (!bytes) return bytes.error();
  segments.push_back({number, bytes->size(), slot_no(~std::uint64_t{0}), slot_no(0)});
  std::size_t at = log_magic_bytes;
  while (at < bytes->size()) {
    auto const record = record_at(*bytes, at);
    if (!record) {
      if (!last) return damaged(number, at, "the checksum of a record does not match, and newer files follow");
      whole = whole && is_torn_append(*bytes, at);
      cut(number, at, bytes->size(), notices);
      return {};
    }
    log_place place;
    place.segment = static_cast<std::uint32_t>(number & log_segments_max);
    place.offset = static_cast<std::uint32_t>(at);
    place.length = static_cast<std::uint32_t>(record->body.size());
    if (record->kind == record_kind::opening && at != log_magic_bytes) {
      return damaged(number, at, "the record that opens a segment is not at its beginning");
    }
    if (auto done = fold(*record, place); !done) return damaged(number, at, done.error().text);
    at = record->next;
  }
  return {};
}

void agreed_log::parts::cut(std::uint64_t number, std::uint64_t at, std::uint64_t length,
                            std::vector<std::string>& notices) {
  notices.push_back("cut " + std::to_string(length - at) + " torn bytes off " + files->name(number) + " at byte " +
                    std::to_string(at));
  segments.back().length = at;
  torn = true;
}

// Not before somebody goes on from here: until then a second look at the log must find what the first one found.
base::result<void> agreed_log::parts::cut_torn_tail() {
  for (; !beyond.empty(); beyond.pop_back())
    if (auto done = files->remove(beyond.back()); !done) return done.error();
  if (!std::exchange(torn, false)) return {};
  auto const& last = segments.back();
  if (auto done = files->truncate(last.number, last.length); !done) return done.error();
  return config.sync_segments ? files->sync(last.number) : base::result<void>{};
}

base::result<void> agreed_log::parts::fold(raw_record const& record, log_place place) {
  auto const malformed = [](base::error const& why) { return base::fail("a record is malformed: " + why.text); };
  switch (record.kind) {
    case record_kind::opening: {
      auto head = decode_copy<log_opening>(record.body);
      if (!head) return malformed(head.error());
      index.opened(*head);
      if (head->how == opening_kind::cut_undecided) forget_undecided();
      return {};
    }
    case record_kind::promise: {
      auto to = base::decode<ballot>(record.body);
      if (!to) return malformed(to.error());
      index.promised(*to);
      return {};
    }
    case record_kind::accepted:
    case record_kind::learned: return fold_value(record, place);
    case record_kind::decided: {
      auto up_to = base::decode<slot_no>(record.body);
      if (!up_to) return malformed(up_to.error());
      if (!possible(*up_to)) return base::fail("a slot number no log reaches");
      index.decided(*up_to);
      return {};
    }
    case record_kind::note: {
      auto note = base::decode<slot_note>(record.body);
      if (!note) return malformed(note.error());
      if (!possible(note->slot)) return base::fail("a slot number no log reaches");
      index.noted(note->slot, place);
      segments.back().holds(note->slot);
      return {};
    }
    case record_kind::checkpoint: {
      auto at = decode_copy<checkpoint>(record.body);
      if (!at) return malformed(at.error());
      if (!possible(at->slot)) return base::fail("a slot number no log reaches");
      index.checkpointed(std::move(*at), segments.back().number);
      return {};
    }
  }
  return base::fail("a record of unknown kind " + std::to_string(static_cast<unsigned>(record.kind)));
}

base::result<void> agreed_log::parts::fold_value(raw_record const& record, log_place place) {
  auto head = peek_value(record.kind, record.body);
  if (!head) return head.error();
  if (!possible(head->slot)) return base::fail("a slot number no log reaches");
  auto change = site_in(record.kind, record.body, head->changes_site);
  if (!change) return base::fail("a record is malformed: " + change.error().text);
  if (record.kind == record_kind::accepted) {
    index.accepted(head->slot, head->accepted_in, place, std::move(*change));
  } else {
    index.learned(head->slot, place, std::move(*change));
  }
  segments.back().holds(head->slot);
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Appending
// ---------------------------------------------------------------------------------------------------------------------

log_opening agreed_log::parts::opening(opening_kind how, log_identity const& identity) const {
  log_opening head;
  head.how = how;
  head.identity = identity;
  if (how == opening_kind::cut_all) return head;
  if (how == opening_kind::goes_on) head.promised = index.promised();
  head.decided = index.decided();
  head.site_since = index.site_since();
  ensure(head.site_since <= head.decided);
  head.at = index.at();
  return head;
}

base::result<void> agreed_log::parts::open_segment(log_opening head) {
  if (!broken.empty()) return base::fail(broken);
  if (!segments.empty() && config.sync_segments) {
    if (auto done = files->sync(segments.back().number); !done) return done.error();
  }
  head.segment = segments.empty() ? 1 : segments.back().number + 1;
  ensure(head.segment <= log_segments_max);
  base::chain bytes = make_record(record_kind::opening, head);
  bytes.pieces.insert(bytes.pieces.begin(), segment_magic());
  if (auto done = files->append(head.segment, bytes); !done) {
    broken = done.error().text;
    if (auto undone = files->remove(head.segment); !undone) broken = undone.error().text;
    return done.error();
  }
  bool const sync = config.sync_segments || head.how == opening_kind::cut_all;
  segments.push_back({head.segment, bytes.size(), slot_no(~std::uint64_t{0}), slot_no(0)});
  index.opened(head);
  return sync ? files->sync(head.segment) : base::result<void>{};
}

base::result<void> agreed_log::parts::roll_if_full() {
  ensure(begun);
  if (segments.back().length < config.segment_bytes) return {};
  return open_segment(opening(opening_kind::goes_on, index.identity()));
}

base::result<log_place> agreed_log::parts::append(base::chain const& record) {
  if (!broken.empty()) return base::fail(broken);
  if (auto done = roll_if_full(); !done) return done.error();
  auto& segment = segments.back();
  if (auto done = files->append(segment.number, record); !done) {
    // A part of it may be in the file. A record behind that part would be unreadable, so it has to go.
    broken = done.error().text;
    if (auto undone = files->truncate(segment.number, segment.length); !undone) broken = undone.error().text;
    return done.error();
  }
  log_place place;
  place.segment = static_cast<std::uint32_t>(segment.number & log_segments_max);
  place.offset = static_cast<std::uint32_t>(segment.length);
  std::size_t const written = record.size();
  place.length = static_cast<std::uint32_t>(written - record_header_bytes);
  segment.length += written;
  return place;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading slots
// ---------------------------------------------------------------------------------------------------------------------

// Reads records in the order they lie in, neighbours with one read.
base::result<void> agreed_log::parts::load(std::vector<wanted*> records) {
  auto const position = [](wanted const* each) {
    return std::uint64_t{each->place.segment} << 32 | each->place.offset;
  };
  auto const end_of = [](wanted const* each) {
    return std::uint64_t{each->place.offset} + record_header_bytes + each->place.length;
  };
  std::sort(records.begin(), records.end(), [&](auto const* a, auto const* b) { return position(a) < position(b); });
  for (std::size_t first = 0; first < records.size();) {
    std::size_t last = first;
    while (last + 1 < records.size() && records[last + 1]->place.segment == records[first]->place.segment &&
           records[last + 1]->place.offset - end_of(records[last]) <= read_gap_bytes_max &&
           end_of(records[last + 1]) - records[first]->place.offset <= read_extent_bytes_max) {
      ++last;
    }
    if (auto done = load_extent(std::span(records).subspan(first, last - first + 1)); !done) return done.error();
    first = last + 1;
  }
  return {};
}

base::result<void> agreed_log::parts::load_extent(std::span<wanted* const> records) {
  auto const& first = records.front()->place;
  auto const& last = records.back()->place;
  std::size_t const length = last.offset - first.offset + record_header_bytes + last.length;
  auto bytes = files->read(first.segment, first.offset, length);
  if (!bytes) return bytes.error();
  for (auto* each : records) {
    auto record = record_at(*bytes, each->place.offset - first.offset);
    if (!record || record->body.size() != each->place.length) {
      return damaged(each->place.segment, each->place.offset, "the checksum of a record does not match");
    }
    each->body = std::move(record->body);
  }
  return {};
}

// The slot in an accepted or learned record, without a note that was written later.
base::result<decided_slot> agreed_log::parts::value_of(wanted const& record) const {
  if (record.place.learned != 0) {
    auto decoded = base::decode<decided_slot>(record.body);
    if (!decoded) return damaged(record.place.segment, record.place.offset, decoded.error().text);
    return std::move(*decoded);
  }
  auto decoded = base::decode<accepted_slot>(record.body);
  if (!decoded) return damaged(record.place.segment, record.place.offset, decoded.error().text);
  return decided_slot{decoded->slot, std::move(decoded->what), {}};
}

// ---------------------------------------------------------------------------------------------------------------------
// The class
// ---------------------------------------------------------------------------------------------------------------------

agreed_log::agreed_log(log_config config, std::shared_ptr<segment_files> files)
    : parts_(std::make_unique<parts>(config, std::move(files))) {
  ensure(config.segment_bytes <= (1ULL << 31));  // offsets are 32 bits
}

agreed_log::~agreed_log() = default;

base::result<recovered_log> agreed_log::open() {
  ensure(!parts_->opened && parts_->segments.empty());
  recovered_log found;
  if (auto done = parts_->scan(found.notices); !done) return done.error();
  parts_->opened = true;
  auto const& index = parts_->index;
  found.empty = parts_->segments.empty();
  found.whole = parts_->whole;
  found.last = index.identity();
  found.promised = index.promised();
  found.begins = index.begins();
  found.decided = index.decided();
  found.at = index.at();
  for (auto const& [number, accepted_in] : index.undecided()) {
    parts::wanted record{index.value_at(number), {}};
    if (auto done = parts_->load({&record}); !done) return done.error();
    auto slot = parts_->value_of(record);
    if (!slot) return slot.error();
    found.undecided.push_back({number, accepted_in, std::move(slot->what)});
  }
  return found;
}

base::result<void> agreed_log::begin(log_identity const& identity, bool keep_decided) {
  ensure(parts_->opened);
  auto const& before = parts_->index.identity();
  bool const same = before.group == identity.group && before.self == identity.self;
  if (auto done = parts_->cut_torn_tail(); !done) return done;
  auto const how = !keep_decided ? opening_kind::cut_all : same ? opening_kind::goes_on : opening_kind::cut_undecided;
  if (auto done = parts_->open_segment(parts_->opening(how, identity)); !done) return done.error();
  parts_->begun = true;
  if (how == opening_kind::cut_undecided) parts_->forget_undecided();
  if (how != opening_kind::cut_all) return {};
  while (parts_->segments.size() > 1) {
    if (auto done = parts_->files->remove(parts_->segments.front().number); !done) return done.error();
    parts_->segments.pop_front();
  }
  return {};
}

// What a reader would refuse is not written: the log could not be opened again.
base::result<void> agreed_log::promise(ballot const& promised) {
  ensure(promised.round <= round_max);
  if (promised == parts_->index.promised()) return {};
  auto place = parts_->append(record_kind::promise, promised);
  if (!place) return place.error();
  parts_->index.promised(promised);
  return {};
}

base::result<void> agreed_log::accepted(accepted_slot const& slot) {
  ensure(slot.what != nullptr && possible(slot.slot) && slot.accepted_in.round <= round_max);
  auto& index = parts_->index;
  if (slot.slot <= index.decided() || index.is_decided(slot.slot)) return {};
  auto place = parts_->append(record_kind::accepted, slot);
  if (!place) return place.error();
  parts_->segments.back().holds(slot.slot);
  index.accepted(slot.slot, slot.accepted_in, *place, site_of(*slot.what));
  return {};
}

base::result<void> agreed_log::learned(decided_slot const& slot) {
  ensure(slot.what != nullptr && possible(slot.slot));
  auto& index = parts_->index;
  if (index.is_decided(slot.slot)) {
    // A slot may have been learned without its note; one that was learned with it gets it twice, which is harmless.
    bool const adds_note = !slot.note.empty() && index.note_at(slot.slot).nowhere();
    return adds_note ? note(slot.slot, slot.note) : base::result<void>{};
  }
  auto place = parts_->append(record_kind::learned, slot);
  if (!place) return place.error();
  parts_->segments.back().holds(slot.slot);
  index.learned(slot.slot, *place, site_of(*slot.what));
  return {};
}

base::result<void> agreed_log::decided(slot_no up_to) {
  ensure(possible(up_to));
  if (up_to <= parts_->index.decided()) return {};
  auto place = parts_->append(record_kind::decided, up_to);
  if (!place) return place.error();
  parts_->index.decided(up_to);
  return {};
}

base::result<void> agreed_log::note(slot_no slot, base::blob const& note) {
  if (parts_->index.value_at(slot).nowhere()) return {};
  auto place = parts_->append(record_kind::note, slot_note{slot, note});
  if (!place) return place.error();
  parts_->segments.back().holds(slot);
  parts_->index.noted(slot, *place);
  return {};
}

base::result<void> agreed_log::store(checkpoint const& at) {
  ensure(possible(at.slot));
  auto place = parts_->append(record_kind::checkpoint, at);
  if (!place) return place.error();
  parts_->index.checkpointed(at, place->segment);
  return {};
}

base::result<void> agreed_log::sync() {
  return parts_->segments.empty() ? base::result<void>{} : parts_->files->sync(parts_->segments.back().number);
}

// A slot for each value, with the note beside it.
base::result<std::vector<decided_slot>> agreed_log::parts::slots_of(std::vector<wanted> values,
                                                                    std::vector<wanted> notes) {
  std::vector<parts::wanted*> records;
  records.reserve(values.size() + notes.size());
  for (auto& each : values) records.push_back(&each);
  for (auto& each : notes) {
    if (!each.place.nowhere()) records.push_back(&each);
  }
  if (auto done = load(std::move(records)); !done) return done.error();

  std::vector<decided_slot> slots;
  slots.reserve(values.size());
  for (std::size_t each = 0; each < values.size(); ++each) {
    auto slot = value_of(values[each]);
    if (!slot) return slot.error();
    if (!notes[each].place.nowhere()) {
      auto decoded = base::decode<slot_note>(notes[each].body);
      if (!decoded) return damaged(notes[each].place.segment, notes[each].place.offset, decoded.error().text);
      slot->note = decoded->note;
    }
    slots.push_back(std::move(*slot));
  }
  return slots;
}

base::result<std::vector<decided_slot>> agreed_log::read(slot_no from, slot_no up_to, std::size_t bytes_max) {
  auto const& index = parts_->index;
  std::vector<parts::wanted> values;
  std::vector<parts::wanted> notes;
  std::size_t bytes = 0;
  for (slot_no slot = from; slot <= up_to && index.is_decided(slot); slot = slot.next()) {
    log_place const value_place = index.value_at(slot);
    log_place const note_place = index.note_at(slot);
    bytes += std::size_t{value_place.length} + note_place.length;
    if (!values.empty() && bytes > bytes_max) break;
    values.push_back({value_place, {}});
    notes.push_back({note_place, {}});
  }
  return parts_->slots_of(std::move(values), std::move(notes));
}

base::result<std::optional<decided_slot>> agreed_log::last_noted() {
  auto const& index = parts_->index;
  slot_no slot = index.may_have_note(slot_no(std::numeric_limits<std::uint64_t>::max()));
  for (; slot != slot_no{}; slot = index.may_have_note(slot.previous())) {
    auto found = noted(slot);
    if (!found || found->has_value()) return found;
  }
  return std::optional<decided_slot>{};
}

base::result<std::optional<decided_slot>> agreed_log::noted(slot_no slot) {
  auto const place = parts_->index.value_at(slot);
  auto const note = parts_->index.note_at(slot);
  if (place.nowhere() || (place.learned == 0 && note.nowhere())) return std::optional<decided_slot>{};
  auto read = parts_->slots_of({{place, {}}}, {{note, {}}});
  if (!read) return read.error();
  if (read->front().note.empty()) return std::optional<decided_slot>{};
  return std::optional(std::move(read->front()));
}

slot_no agreed_log::begins() const { return parts_->index.begins(); }

slot_no agreed_log::decided_up_to() const { return parts_->index.decided(); }

std::vector<checkpoint> const& agreed_log::checkpoints() const {
  parts_->usable.clear();
  for (auto const& each : parts_->index.checkpoints()) {
    if (each.slot.next() >= parts_->index.begins()) parts_->usable.push_back(each);
  }
  return parts_->usable;
}

std::uint64_t agreed_log::bytes() const {
  std::uint64_t total = 0;
  for (auto const& each : parts_->segments) total += each.length;
  return total;
}

void agreed_log::retain(std::uint64_t bytes) { parts_->config.retain_bytes = bytes; }

base::result<void> agreed_log::purge(slot_no needed, slot_no aged) {
  auto& segments = parts_->segments;
  needed = std::min(needed, parts_->index.decided());
  auto const below_needed = parts_->index.checkpoint_below(needed);
  auto const below_aged = parts_->index.checkpoint_below(std::min(aged, needed));
  std::uint64_t held = bytes();
  bool synced = false;
  while (segments.size() > 1) {
    auto const oldest = segments.front();
    auto const& keep = held > parts_->config.retain_bytes ? below_needed : below_aged;
    if (!keep || oldest.highest > keep->slot || oldest.number >= keep->segment) break;
    // What makes it dispensable (decided, checkpoint) stands in newer segments and must not be lost after it.
    if (!synced) {
      if (auto done = sync(); !done) return done.error();
      synced = true;
    }
    if (auto done = parts_->files->remove(oldest.number); !done) return done.error();
    held -= oldest.length;
    segments.pop_front();
    parts_->index.removed(oldest.number, oldest.lowest, oldest.highest);
  }
  return {};
}

}  // namespace xcom
