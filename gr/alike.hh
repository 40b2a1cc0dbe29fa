// Settings in which the members of a group should not differ. Each tells its own with the site once it is ONLINE; whoever joins, or comes
// back, compares. Known by name: a member may tell of settings that another does not know.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gr {

struct told_setting {
  std::string name;
  std::string value;
  friend bool operator==(told_setting const&, told_setting const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(name, value); }
};

class option_store;
// The options that all members should set alike, but for the group's name: who has another does not get so far.
[[nodiscard]] std::vector<told_setting> settings_to_tell(option_store const& from);

struct disagreement {
  std::string text;    // "lower_case_table_names is 1 here and 0 on n1"
  bool fatal = false;  // rows of one would not be rows of the other
};

// Cost: one look per pair; there are a handful of settings.
[[nodiscard]] std::vector<disagreement> disagreements(std::span<told_setting const> own, std::string_view who,
                                                      std::span<told_setting const> theirs);

}  // namespace gr
