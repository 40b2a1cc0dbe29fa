#include "sim/data_exchange.hh"

#include <algorithm>
#include <array>

#include "sim/failure.hh"

namespace sim {
namespace {

using cloning::room;

constexpr char const* anchor = "ibdata1";
constexpr std::array others{"mysql", "shop", "undo001"};
constexpr char const* only_old = "dropped_since";
constexpr char const* only_new = "created_since";

}  // namespace

class data_exchange::files : public cloning::swap_files {
 public:
  files(data_exchange& of, std::uint64_t steps) : of_(of), steps_(steps) {}

  bool holds(room where, std::string const& name) override { return of_.names_.contains({where, name}); }
  base::result<void> move(room from, room to, std::string const& name) override {
    return step([&] {
      auto const held = of_.names_.find({from, name});
      check(held != of_.names_.end(), "an exchange moves what is there: " + name);
      of_.names_[{to, name}] = held->second;
      of_.names_.erase(held);
    });
  }
  base::result<void> link_aside(std::string const& name) override {
    return step([&] {
      auto const what = of_.names_.at({room::data, name});
      check(what == content::old, "the second name is the old anchor's");
      of_.names_[{room::aside, name}] = what;
    });
  }
  base::result<void> guard(std::string const& name) override {
    return step([&] { of_.names_[{room::data, name}] = content::guard; });
  }
  base::result<void> sync() override {
    return step([] {});
  }

 private:
  template <class Step> base::result<void> step(Step const& take) {
    if (steps_-- == 0) return base::fail("killed");
    take();
    of_.check_directory();
    return {};
  }

  data_exchange& of_;
  std::uint64_t steps_;
};

data_exchange::data_exchange(bool had_data, database fresh) : had_data_(had_data), fresh_(std::move(fresh)) {
  cloning::swap_journal what{anchor, had_data, "old", {}, {}};
  for (auto const* name : others) {
    if (had_data) what.out.emplace_back(name);
    what.in.emplace_back(name);
  }
  if (had_data) what.out.emplace_back(only_old);
  what.in.emplace_back(only_new);
  for (auto const& each : what.out) names_[{room::data, each}] = content::old;
  for (auto const& each : what.in) names_[{room::fresh, each}] = content::fresh;
  if (had_data) names_[{room::data, anchor}] = content::old;
  names_[{room::fresh, anchor}] = content::fresh;
  journal_ = cloning::journal_bytes(what);
}

bool data_exchange::carry_on(std::uint64_t killed_before) {
  auto const what = cloning::parse_journal(journal_);
  check(what.has_value(), "a journal that was written can be read");
  files all(*this, killed_before);
  if (!cloning::carry_out(*what, all)) return false;
  check_directory();
  check(names_.at({room::data, anchor}) == content::fresh, "an exchange that is done leaves the new data");
  return true;
}

// Whoever opens it finds the anchor first.
void data_exchange::check_directory() const {
  auto const found = names_.find({room::data, anchor});
  if (found == names_.end()) return check(!had_data_, "no moment is without an anchor");
  if (found->second == content::guard) return;
  for (auto const& [at, what] : names_)
    if (at.first == room::data)
      check(what == found->second, "a directory that a server opens is all old or all new: " + at.second);
  auto const count = std::ranges::count(names_, room::data, [](auto const& each) { return each.first.first; });
  check(count == 2 + static_cast<std::ptrdiff_t>(others.size()), "a directory that a server opens is complete");
}

}  // namespace sim
