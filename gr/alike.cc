#include "gr/alike.hh"

#include "gr/options.hh"

namespace gr {
namespace {

// Table names are part of keys and of row events. Where one member folds their case and another does not, changes of one row have
// different keys, so both pass certification.
bool must_not_differ(std::string_view setting) { return setting == "lower_case_table_names"; }

}  // namespace

std::vector<told_setting> settings_to_tell(option_store const& from) {
  std::vector<told_setting> told;
  for (auto const& each : option_table())
    if (each.scope == option_scope::equal && each.name != "group_replication_group_name")
      told.push_back({std::string(each.name), from.text(each.name)});
  return told;
}

std::vector<disagreement> disagreements(std::span<told_setting const> own, std::string_view who,
                                        std::span<told_setting const> theirs) {
  std::vector<disagreement> found;
  for (auto const& ours : own)
    for (auto const& other : theirs)
      if (ours.name == other.name && ours.value != other.value)
        found.push_back({ours.name + " is " + ours.value + " here and " + other.value + " on " + std::string(who),
                         must_not_differ(ours.name)});
  return found;
}

}  // namespace gr
