// Short ways to write members, sets and expected actions. "a:1-5,b:7" stands for the sources aaaaaaaa-... and bbbbbbbb-...
#pragma once

#include <string>
#include <string_view>

#include "recovery/planner.hh"

namespace recovery::test {

inline base::uuid source(char letter) {
  std::string text = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  for (auto& each : text) each = each == 'x' ? letter : each;
  return base::parse_uuid(text).value();
}

// One letter before each ':' grows into its uuid.
inline gtid_set set(std::string_view text) {
  std::string full;
  for (std::size_t at = 0; at < text.size(); ++at) {
    bool const is_source = at + 1 < text.size() && text[at + 1] == ':' && text[at] >= 'a' && text[at] <= 'f';
    full += is_source ? base::to_string(source(text[at])) : std::string(1, text[at]);
  }
  return gtid_set::parse(full).value();
}

inline member_id member(std::uint64_t number) { return {base::make_uuid(number << 32, number), number}; }

inline candidate online(std::uint64_t number, std::string_view executed) {
  candidate answer;
  answer.id = member(number);
  answer.state = member_state::online;
  answer.executed = set(executed);
  return answer;
}

inline candidate in_state(candidate who, member_state state) {
  who.state = state;
  return who;
}

inline candidate purged(candidate who, std::string_view what) {
  who.purged = set(what);
  return who;
}

inline candidate without_vote(candidate who) {
  who.votes = false;
  return who;
}

inline candidate arbiter(candidate who) {
  who.arbiter = true;
  return who;
}

}  // namespace recovery::test
