// The agreed log against memory files: what is written is read, also after a restart and after a tear at any byte.
#include "xcom/agreed_log.hh"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "base/prng.hh"
#include "tests/xcom/memory_files.hh"
#include "xcom/log_format.hh"

namespace xcom {
namespace {

using testing::memory_files;

member_id const self{base::make_uuid(1, 1), 1};
log_identity const identity{base::make_uuid(9, 9), self, 1};
member_id const other{base::make_uuid(2, 2), 4};

ballot round(std::uint64_t number) { return {number, other}; }

value_ptr text_value(std::string const& text) {
  batch held;
  held.messages.push_back({other, first_of_boot(1), base::blob::copy_of(text)});
  return std::make_shared<value>(held);
}

site site_of_version(std::uint64_t version) {
  site made;
  made.version = version;
  made.members.push_back({other, "h:1", member_role::voter, 50, 1, {}});
  return made;
}

value_ptr change_to(std::uint64_t version) { return std::make_shared<value>(site_change{site_of_version(version)}); }

std::string text_of(value const& what) {
  if (auto const* held = std::get_if<batch>(&what)) return std::string(held->messages.at(0).payload.text());
  if (auto const* change = std::get_if<site_change>(&what)) return "site " + std::to_string(change->next.version);
  return "no-op";
}

checkpoint checkpoint_at(std::uint64_t slot, std::uint64_t version) {
  return {slot_no(slot), site_of_version(version), {{other, first_of_boot(1)}}, base::blob::copy_of("app")};
}

void must(base::result<void> const& done) {
  if (!done) ADD_FAILURE() << done.error().text;
}

// A log on a copy of some files, as a restart would find it.
struct reopened {
  std::shared_ptr<memory_files> files;
  std::unique_ptr<agreed_log> log;
  recovered_log found;

  explicit reopened(memory_files const& from, log_config config = {}) : files(std::make_shared<memory_files>(from)) {
    log = std::make_unique<agreed_log>(config, files);
    auto opened = log->open();
    if (opened) {
      found = *opened;
    } else {
      ADD_FAILURE() << opened.error().text;
    }
  }
};

std::string readable(agreed_log& log, std::uint64_t slots_max) {
  std::ostringstream out;
  out << "decided " << log.decided_up_to().value() << " begins " << log.begins().value() << "\n";
  for (std::uint64_t each = 0; each <= slots_max; ++each) {
    auto slots = log.read(slot_no(each), slot_no(each), 1);
    if (!slots) {
      out << slots.error().text << "\n";
      continue;
    }
    for (auto const& slot : *slots) {
      out << slot.slot.value() << "=" << text_of(*slot.what) << " note '" << slot.note.text() << "'\n";
    }
  }
  for (auto const& each : log.checkpoints()) out << "checkpoint " << each.slot.value() << "\n";
  return out.str();
}

std::string describe(recovered_log const& found) {
  std::ostringstream out;
  out << "promised " << found.promised.round << " boot " << found.last.boot << " incarnation "
      << found.last.self.incarnation << " site " << found.at.version << "\n";
  for (auto const& each : found.undecided) {
    out << "undecided " << each.slot.value() << "@" << each.accepted_in.round << "=" << text_of(*each.what) << "\n";
  }
  return out.str();
}

std::string after_restart(memory_files const& files, std::uint64_t slots_max) {
  reopened again(files);
  return describe(again.found) + readable(*again.log, slots_max);
}

class agreed_log_test : public ::testing::Test {
 protected:
  void start(log_config how = {}) {
    config = how;
    log = std::make_unique<agreed_log>(how, files);
    ASSERT_TRUE(log->open());
    must(log->begin(identity, true));
  }
  void accept(std::uint64_t slot, std::uint64_t by, std::string const& text) {
    must(log->accepted({slot_no(slot), round(by), text_value(text)}));
  }

  log_config config;
  std::shared_ptr<memory_files> files = std::make_shared<memory_files>();
  std::unique_ptr<agreed_log> log;
};

TEST_F(agreed_log_test, an_empty_log_says_so) {
  agreed_log fresh({}, files);
  auto found = fresh.open();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty);
  EXPECT_EQ(found->begins, slot_no(1));
  EXPECT_EQ(found->decided, slot_no(0));
}

TEST_F(agreed_log_test, the_highest_ballot_of_a_slot_counts_and_learned_wins) {
  start();
  accept(1, 2, "old");
  accept(1, 3, "new");
  accept(2, 3, "lost");
  must(log->learned({slot_no(2), text_value("won"), base::blob::copy_of("n2")}));
  accept(2, 4, "late");
  EXPECT_TRUE(log->read(slot_no(1), slot_no(9), 1000)->empty()) << "slot 1 is not decided yet";
  must(log->decided(slot_no(1)));
  auto slots = log->read(slot_no(1), slot_no(9), 1000);
  ASSERT_EQ(slots->size(), 2U);
  EXPECT_EQ(text_of(*slots->at(0).what), "new");
  EXPECT_EQ(text_of(*slots->at(1).what), "won");
  EXPECT_EQ(slots->at(1).note.text(), "n2");
  EXPECT_EQ(log->decided_up_to(), slot_no(2)) << "a learned slot right after the decided ones is decided too";
}

TEST_F(agreed_log_test, a_learned_slot_above_a_gap_is_reported_with_its_value) {
  start();
  accept(5, 2, "accepted");
  must(log->learned({slot_no(5), text_value("decided"), {}}));
  reopened again(*files);
  ASSERT_EQ(again.found.undecided.size(), 1U);
  EXPECT_EQ(again.found.undecided[0].accepted_in, round(2));
  EXPECT_EQ(text_of(*again.found.undecided[0].what), "decided");
}

TEST_F(agreed_log_test, neighbours_are_read_with_one_read) {
  start();
  for (std::uint64_t slot = 1; slot <= 20; ++slot) {
    accept(slot, 1, "value " + std::to_string(slot));
    must(log->decided(slot_no(slot)));
    must(log->note(slot_no(slot), base::blob::copy_of("note " + std::to_string(slot))));
  }
  files->reads = 0;
  auto slots = log->read(slot_no(3), slot_no(17), 1U << 20);
  ASSERT_EQ(slots->size(), 15U);
  EXPECT_EQ(text_of(*slots->at(4).what), "value 7");
  EXPECT_EQ(slots->at(4).note.text(), "note 7");
  EXPECT_EQ(files->reads, 1U);
  EXPECT_EQ(log->read(slot_no(3), slot_no(17), 1)->size(), 1U) << "at least one";
}

TEST_F(agreed_log_test, history_filled_in_later_moves_begins_down) {
  start();
  must(log->store(checkpoint_at(2, 1)));
  must(log->store(checkpoint_at(5, 1)));
  accept(6, 1, "six");
  must(log->decided(slot_no(6)));
  EXPECT_EQ(log->begins(), slot_no(6));
  EXPECT_EQ(log->checkpoints().size(), 1U) << "from 2 nothing can be delivered yet";
  must(log->learned({slot_no(3), text_value("three"), {}}));
  must(log->learned({slot_no(4), text_value("four"), {}}));
  EXPECT_EQ(log->begins(), slot_no(6));
  must(log->learned({slot_no(5), text_value("five"), {}}));
  EXPECT_EQ(log->begins(), slot_no(3));
  EXPECT_EQ(log->checkpoints().size(), 2U);
  EXPECT_EQ(reopened(*files).found.begins, slot_no(3));
}

// However long the log grew: whoever stands somewhere in it finds a place to begin that is not much further back.
TEST_F(agreed_log_test, checkpoints_are_thinned_out_evenly_by_how_far_back_they_are) {
  start();
  auto joined_at = checkpoint_at(1, 1);
  joined_at.app = {};  // nobody can begin there
  must(log->store(joined_at));
  constexpr std::uint64_t slots = 4000;
  for (std::uint64_t slot = 2; slot <= slots; ++slot) {
    accept(slot, 1, "value");
    must(log->decided(slot_no(slot)));
    must(log->store(checkpoint_at(slot, 1)));
  }
  auto const check = [](std::vector<checkpoint> const& kept) {
    EXPECT_LE(kept.size(), 64U);
    EXPECT_EQ(kept.front().slot, slot_no(2));
    for (std::size_t each = 1; each < kept.size(); ++each) {
      auto const step = kept[each].slot.value() - kept[each - 1].slot.value();
      EXPECT_LE(step, 1 + (slots - kept[each - 1].slot.value()) / 2) << "behind slot " << kept[each - 1].slot.value();
    }
  };
  check(log->checkpoints());
  check(reopened(*files).log->checkpoints());
}

TEST_F(agreed_log_test, a_decided_site_change_is_the_site_after_a_restart) {
  start();
  must(log->store(checkpoint_at(2, 1)));
  must(log->accepted({slot_no(3), round(1), change_to(2)}));
  EXPECT_EQ(reopened(*files).found.at.version, 1U);
  must(log->decided(slot_no(3)));
  EXPECT_EQ(reopened(*files).found.at.version, 2U);
  must(log->begin(identity, true));
  EXPECT_EQ(reopened(*files).found.at.version, 2U);
}

TEST_F(agreed_log_test, a_new_boot_keeps_promises_and_a_new_incarnation_forgets_them) {
  start();
  must(log->promise(round(7)));
  accept(1, 7, "one");
  accept(2, 7, "two");
  must(log->decided(slot_no(1)));
  auto boot = identity;
  boot.boot = 2;
  must(log->begin(boot, true));
  {
    reopened again(*files);
    EXPECT_EQ(again.found.promised, round(7));
    EXPECT_EQ(again.found.last, boot);
    EXPECT_EQ(again.found.undecided.size(), 1U);
  }
  auto joined = identity;
  joined.self.incarnation = 2;
  must(log->begin(joined, true));
  reopened again(*files);
  EXPECT_EQ(again.found.promised, ballot{});
  EXPECT_TRUE(again.found.undecided.empty());
  EXPECT_EQ(again.found.decided, slot_no(1));
  EXPECT_EQ(again.log->read(slot_no(1), slot_no(9), 1000)->size(), 1U);
}

TEST_F(agreed_log_test, beginning_without_the_decided_slots_removes_everything) {
  start();
  accept(1, 1, "one");
  must(log->decided(slot_no(1)));
  memory_files const before = *files;
  must(log->begin(identity, false));
  EXPECT_EQ(files->held.size(), 1U);
  EXPECT_EQ(log->decided_up_to(), slot_no(0));
  // A crash before the removal of the old segment, which was damaged besides.
  memory_files leftover = *files;
  leftover.held[1] = before.held.at(1);
  leftover.held[1].back() ^= 1U;
  reopened again(leftover);
  EXPECT_EQ(again.found.decided, slot_no(0));
  EXPECT_EQ(again.files->held.size(), 1U);
}

TEST_F(agreed_log_test, purge_keeps_what_is_needed_undecided_or_under_the_last_checkpoint) {
  start({.segment_bytes = 600, .retain_bytes = 0});
  for (std::uint64_t slot = 1; slot <= 40; ++slot) accept(slot, 1, std::string(100, 'x'));
  must(log->decided(slot_no(30)));
  must(log->purge(slot_no(30)));
  EXPECT_EQ(log->begins(), slot_no(1)) << "no checkpoint yet";
  must(log->store(checkpoint_at(20, 3)));
  must(log->purge(slot_no(30)));
  EXPECT_GT(log->begins(), slot_no(10));
  EXPECT_LE(log->begins(), slot_no(21)) << "history above the checkpoint stays";
  reopened again(*files);
  EXPECT_EQ(again.found.begins, log->begins());
  EXPECT_EQ(again.found.undecided.size(), 10U);
  EXPECT_EQ(again.found.at.version, 3U);
  EXPECT_EQ(again.found.last, identity);
}

TEST_F(agreed_log_test, what_is_aged_goes_before_the_log_is_full) {
  start({.segment_bytes = 600, .retain_bytes = 1U << 30});
  for (std::uint64_t slot = 1; slot <= 40; ++slot) {
    accept(slot, 1, std::string(100, 'x'));
    must(log->decided(slot_no(slot)));
    if (slot % 5 == 0) must(log->store(checkpoint_at(slot, slot)));
  }
  must(log->purge(slot_no(40)));
  EXPECT_EQ(log->begins(), slot_no(1)) << "there is room";
  must(log->purge(slot_no(10), slot_no(30)));
  EXPECT_LE(log->begins(), slot_no(11)) << "needed, however old";
  must(log->purge(slot_no(40), slot_no(20)));
  EXPECT_GT(log->begins(), slot_no(10));
  EXPECT_LE(log->begins(), slot_no(21)) << "not aged yet";
  log->retain(0);
  must(log->purge(slot_no(40), slot_no(20)));
  EXPECT_GT(log->begins(), slot_no(30)) << "over the size, age does not count";
}

TEST_F(agreed_log_test, damage_before_the_last_segment_is_an_error_that_helps) {
  start({.segment_bytes = 300, .retain_bytes = 0});
  for (std::uint64_t slot = 1; slot <= 9; ++slot) accept(slot, 1, std::string(100, 'x'));
  ASSERT_GT(files->held.size(), 2U);
  files->held[1].back() ^= 1U;
  agreed_log again(config, files);
  auto found = again.open();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().text.find("segment 1 is damaged at byte"), std::string::npos) << found.error().text;
  EXPECT_NE(found.error().text.find("move"), std::string::npos);
  files->held[1][3] ^= 1U;
  EXPECT_FALSE(agreed_log(config, files).open());
  files->held.erase(2);
  EXPECT_FALSE(agreed_log(config, files).open());
}

// Its pages went to the disk in any order, and nobody waited for them.
TEST_F(agreed_log_test, after_a_failure_of_the_host_the_log_ends_at_its_first_damage) {
  start({.segment_bytes = 300, .retain_bytes = 0});
  for (std::uint64_t slot = 1; slot <= 9; ++slot) accept(slot, 1, std::string(100, 'x'));
  must(log->decided(slot_no(9)));
  ASSERT_GT(files->held.size(), 3U);
  log_config forgiving = config;
  forgiving.torn_anywhere = true;
  auto const ends_early = [&](memory_files const& as_found, std::size_t segments_left) {
    for (int each = 0; each < 2; ++each) {  // the second look finds what the first one did
      reopened again(as_found, forgiving);
      EXPECT_FALSE(again.found.whole);
      EXPECT_FALSE(again.found.notices.empty());
    }
    reopened again(as_found, forgiving);
    auto next = identity;
    next.self.incarnation = 2;
    must(again.log->begin(next, true));
    EXPECT_EQ(again.files->held.size(), segments_left + 1) << "and the new one";
    EXPECT_TRUE(reopened(*again.files).found.whole);
  };
  memory_files torn = *files;
  torn.held[2].resize(torn.held[2].size() - 5);
  ends_early(torn, 2);
  memory_files zeros = *files;
  std::fill(zeros.held[2].begin(), zeros.held[2].end(), std::uint8_t{0});
  ends_early(zeros, 1);
  memory_files gap = *files;
  gap.held.erase(2);
  ends_early(gap, 1);
  memory_files nothing = *files;
  nothing.held[1].resize(3);
  ends_early(nothing, 0);
}

// Who finds that promises may be gone and then does not come to begin anew must find it again.
TEST_F(agreed_log_test, a_log_that_is_not_whole_stays_so_until_somebody_begins) {
  start();
  accept(1, 1, "one");
  accept(2, 1, "two");
  files->held[1][files->held[1].size() - 1] ^= 1U;
  accept(3, 1, "three");
  for (int each = 0; each < 2; ++each) {
    agreed_log again(config, files);
    auto const found = again.open();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->whole);
    EXPECT_EQ(found->undecided.size(), 1U);
  }
  agreed_log again(config, files);
  ASSERT_TRUE(again.open());
  ASSERT_TRUE(again.begin(identity, true));
  EXPECT_TRUE(reopened(*files).found.whole);
  EXPECT_EQ(reopened(*files).found.undecided.size(), 1U);
}

// The fuzzer's find: taken for one, it made slots count that nobody can have decided, and the next start refused the file.
TEST_F(agreed_log_test, an_opening_stands_only_at_the_beginning) {
  start();
  log_opening stray;
  stray.segment = 1;
  stray.identity = identity;
  stray.decided = slot_no(~std::uint64_t{0});
  ASSERT_TRUE(files->append(1, make_record(record_kind::opening, stray)));
  auto found = agreed_log(config, files).open();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().text.find("opens a segment"), std::string::npos) << found.error().text;
}

TEST_F(agreed_log_test, an_opening_knows_no_site_it_has_not_decided) {
  log_opening head;
  head.segment = 1;
  head.identity = identity;
  head.decided = slot_no(4);
  head.site_since = slot_no(5);
  base::chain bytes = make_record(record_kind::opening, head);
  bytes.pieces.insert(bytes.pieces.begin(), segment_magic());
  files = std::make_shared<memory_files>();
  ASSERT_TRUE(files->append(1, bytes));
  EXPECT_FALSE(agreed_log(config, files).open());
}

TEST_F(agreed_log_test, a_newer_format_is_refused) {
  start();
  files->held[1][7] = 9;
  auto found = agreed_log(config, files).open();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().text.find("newer version"), std::string::npos);
}

TEST_F(agreed_log_test, a_full_disk_leaves_the_log_as_it_was) {
  start();
  accept(1, 1, "one");
  std::string const before = after_restart(*files, 5);
  files->appended_max = 20;
  EXPECT_FALSE(log->accepted({slot_no(2), round(1), text_value("two")}));
  EXPECT_EQ(after_restart(*files, 5), before);
  files->appended_max = 1000;
  log = std::make_unique<agreed_log>(config, files);
  ASSERT_TRUE(log->open());
  must(log->begin({identity.group, identity.self, 2}, true));
  accept(2, 1, "two");
  EXPECT_EQ(reopened(*files).found.undecided.size(), 2U);
  EXPECT_TRUE(reopened(*files).found.notices.empty());
}

// Its driver still carries out what the same step says behind that: that the slot is decided, for one, whose value came too late.
TEST_F(agreed_log_test, nothing_is_written_behind_what_could_not_be) {
  start();
  accept(1, 1, "older");
  std::string const before = after_restart(*files, 5);
  files->appended_max = 40;
  ASSERT_FALSE(log->accepted({slot_no(1), round(2), text_value("newer, and too long for the room that is left")}));
  EXPECT_FALSE(log->decided(slot_no(1))) << "the older value would count as decided";
  EXPECT_FALSE(log->promise(round(3)));
  EXPECT_EQ(after_restart(*files, 5), before);
  files->appended_max = 1000;
  EXPECT_FALSE(log->decided(slot_no(1)));
  EXPECT_EQ(reopened(*files).found.decided, slot_no(0));
}

TEST_F(agreed_log_test, a_hole_of_any_size_costs_nothing) {
  start();
  accept(1, 1, "one");
  must(log->decided(slot_no(1)));
  must(log->store(checkpoint_at(1ULL << 50, 1)));
  accept((1ULL << 50) + 1, 1, "far");
  must(log->decided(slot_no((1ULL << 50) + 1)));
  EXPECT_EQ(log->begins(), slot_no((1ULL << 50) + 1));
  EXPECT_EQ(log->read(slot_no(1), slot_no(5), 10)->size(), 1U);
}

// What the log must say, kept the simplest way: no files, no purge.
struct twin {
  struct held {
    std::string text;
    std::uint64_t round = 0;
    bool learned = false;
    std::uint64_t version = 0;
  };
  std::map<std::uint64_t, held> slots;
  std::uint64_t promised = 0;
  std::uint64_t decided = 0;

  void forget() {
    slots.erase(slots.upper_bound(decided), slots.end());
    promised = 0;
  }
  std::string undecided() {
    std::ostringstream out;
    for (auto each = slots.upper_bound(decided); each != slots.end(); ++each) {
      out << each->first << "@" << each->second.round << "=" << each->second.text << "\n";
    }
    return out.str();
  }
  std::uint64_t begins() {
    std::uint64_t at = decided + 1;
    while (at > 1 && slots.contains(at - 1)) --at;
    return at;
  }
};

class random_run {
 public:
  random_run(std::uint64_t seed, bool purging) : random_(seed), purging_(purging) {
    log_ = std::make_unique<agreed_log>(config_, files_);
    EXPECT_TRUE(log_->open());
    must(log_->begin(now_, true));
  }
  static constexpr std::uint64_t slots_max = 40;

  void step() {
    std::uint64_t const slot = random_.between(1, std::min(slots_max, twin_.decided + 6));
    switch (random_.below(purging_ ? 10 : 9)) {
      case 0: return promise();
      case 1:
      case 2:
      case 3: return accept(slot);
      case 4: return learn(slot);
      case 5: return decide();
      case 6: return must(log_->note(slot_no(slot), base::blob::copy_of("n" + std::to_string(random_.below(99)))));
      case 7: return store();
      case 8: return begin();
      default: return must(log_->purge(slot_no(random_.between(0, slots_max)), slot_no(random_.between(0, slots_max))));
    }
  }
  void check() {
    reopened again(*files_, config_);
    EXPECT_EQ(readable(*log_, slots_max), readable(*again.log, slots_max));
    EXPECT_EQ(again.found.promised.round, twin_.promised);
    EXPECT_EQ(again.found.decided.value(), twin_.decided);
    std::ostringstream undecided;
    for (auto const& each : again.found.undecided) {
      undecided << each.slot.value() << "@" << each.accepted_in.round << "=" << text_of(*each.what) << "\n";
    }
    EXPECT_EQ(undecided.str(), twin_.undecided());
    if (!purging_) { EXPECT_EQ(again.found.begins.value(), twin_.begins()); }
    for (std::uint64_t slot = again.found.begins.value(); slot <= twin_.decided; ++slot) {
      auto const read = again.log->read(slot_no(slot), slot_no(slot), 1);
      ASSERT_TRUE(read);
      ASSERT_EQ(read->size(), 1U);
      if (twin_.slots.contains(slot)) { EXPECT_EQ(text_of(*read->front().what), twin_.slots[slot].text); }
    }
    if (site_ != 0) { EXPECT_EQ(again.found.at.version, site_); }
  }
  [[nodiscard]] memory_files const& files() const { return *files_; }

 private:
  void promise() { must(log_->promise(round(++twin_.promised))); }
  void accept(std::uint64_t slot) {
    if (slot <= twin_.decided) return;
    std::uint64_t const by = std::max<std::uint64_t>(twin_.promised, 1);
    bool const change = random_.chance(1, 4);
    std::uint64_t const version = ++versions_;
    std::string const text =
        change ? "site " + std::to_string(version) : std::string(random_.below(40), 'a') + std::to_string(version);
    must(log_->accepted({slot_no(slot), round(by), change ? change_to(version) : text_value(text)}));
    auto& held = twin_.slots[slot];
    if (!held.learned) held = {text, by, false, change ? version : 0};
  }
  void learn(std::uint64_t slot) {
    if (twin_.slots.contains(slot) && (slot <= twin_.decided || twin_.slots[slot].learned)) return;
    if (slot <= twin_.decided && log_->read(slot_no(slot), slot_no(slot), 1)->size() == 1) return;
    std::string const text = "learned" + std::to_string(++versions_);
    must(log_->learned({slot_no(slot), text_value(text), base::blob::copy_of("ln")}));
    auto& held = twin_.slots[slot];
    held = {text, held.round, true, 0};
    raise(twin_.decided);
  }
  void decide() {
    std::uint64_t const up_to = std::min(slots_max, twin_.decided + random_.below(3));
    must(log_->decided(slot_no(up_to)));
    raise(up_to);
  }
  void store() {
    std::uint64_t const ahead = random_.chance(1, 5) ? random_.below(4) : 0;
    std::uint64_t const slot = std::min(slots_max, twin_.decided + ahead);
    raise_only(slot);
    std::uint64_t const version = site_ != 0 ? site_ : ++versions_;
    must(log_->store(checkpoint_at(slot, version)));
    site_ = version;
    raise(twin_.decided);
  }
  void begin() {
    if (!random_.chance(1, 4)) return;
    ++now_.boot;
    bool const same = random_.chance(1, 2);
    if (!same) ++now_.self.incarnation;
    bool const keep = random_.chance(3, 4);
    must(log_->begin(now_, keep));
    if (!same || !keep) twin_.forget();
    if (!keep) {
      twin_ = {};
      site_ = 0;
    }
  }
  void raise_only(std::uint64_t up_to) {
    for (std::uint64_t slot = twin_.decided + 1; slot <= up_to; ++slot) {
      if (twin_.slots.contains(slot) && twin_.slots[slot].version != 0) site_ = twin_.slots[slot].version;
    }
    twin_.decided = std::max(twin_.decided, up_to);
  }
  void raise(std::uint64_t up_to) {
    raise_only(up_to);
    while (twin_.slots.contains(twin_.decided + 1) && twin_.slots[twin_.decided + 1].learned) {
      raise_only(twin_.decided + 1);
    }
  }

  base::prng random_;
  bool purging_;
  log_config config_{.segment_bytes = 700, .retain_bytes = 1500};
  log_identity now_ = identity;
  std::shared_ptr<memory_files> files_ = std::make_shared<memory_files>();
  std::unique_ptr<agreed_log> log_;
  twin twin_;
  std::uint64_t versions_ = 0;
  std::uint64_t site_ = 0;  // 0: none known
};

TEST(agreed_log_property, a_restart_finds_what_the_twin_says) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_run run(seed, seed % 2 == 0);
    for (int step = 0; step < 120; ++step) {
      run.step();
      if (step % 4 == 0) run.check();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// Goal:   a tear never loses a record that was completely written, and never shows half of one.
// Method: remember what a restart finds after each step; then cut the last segment at every length and compare with the
//         last step that was whole by then.
TEST(agreed_log_property, any_tear_gives_the_last_whole_state) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    random_run run(seed, false);
    struct whole {
      std::uint64_t segment, length;
      std::string state;
    };
    std::vector<whole> states;
    auto const steps = static_cast<int>(40 + seed * 3);
    for (int step = 0; step < steps; ++step) {
      run.step();
      auto const& last = *run.files().held.rbegin();
      states.push_back({last.first, last.second.size(), after_restart(run.files(), random_run::slots_max)});
    }
    auto const [segment, bytes] = *run.files().held.rbegin();
    memory_files without = run.files();
    without.held.erase(segment);
    std::string const before = after_restart(without, random_run::slots_max);
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " cut at " + std::to_string(length));
      memory_files torn = run.files();
      torn.held[segment].resize(length);
      std::string const state = after_restart(torn, random_run::slots_max);
      auto const expected = std::find_if(states.rbegin(), states.rend(), [&](whole const& each) {
        return each.segment == segment && each.length <= length;
      });
      EXPECT_EQ(state, expected == states.rend() ? before : expected->state);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(agreed_log_death, what_could_not_be_read_again_is_not_written) {
  agreed_log log({}, std::make_shared<memory_files>());
  ASSERT_TRUE(log.open().has_value());
  must(log.begin(identity, false));
  must(log.promise(round(round_max)));
  EXPECT_DEATH((void)log.promise(round(round_max + 1)), "round <= round_max");
  EXPECT_DEATH((void)log.accepted({slot_no(1), round(round_max + 1), text_value("x")}), "round <= round_max");
}

}  // namespace
}  // namespace xcom
