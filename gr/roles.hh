// Who may write, as the log has it: the group's mode, its primary, and the number of the epoch these two began.
//
// Owner:  gr::member, as a part of its replicated state; changed only by what was delivered, in order.
// Always: (1) equal slots, equal roles on every member;
//         (2) epoch grows with every change of mode or primary, and a change names the epoch it ends: of several on their way
//             the first one counts;
//         (3) in single-primary mode a write set passes only when its origin is the primary at its slot, whoever believes
//             what about clocks and silence. A primary that was replaced cannot commit any more, though it may not know.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "gr/ports.hh"
#include "xcom/types.hh"

namespace gr {

enum class primary_mode : std::uint8_t { multi = 0, single = 1 };

// What an election looks at first (group_replication_primary_election_mode).
enum class election_mode : std::uint8_t { weight_only = 0, gtid_first = 1, weight_first = 2 };

// What a member does once it is the primary, or is not any more. Of the whole group.
enum class member_action_kind : std::uint8_t { lift_read_only = 0, start_channels = 1 };
struct member_action_name {
  member_action_kind kind;
  std::string_view name;  // MySQL's
};
inline constexpr std::string_view after_primary_election = "AFTER_PRIMARY_ELECTION";
inline constexpr std::array member_action_names{
    member_action_name{member_action_kind::lift_read_only, "mysql_disable_super_read_only_if_primary"},
    member_action_name{member_action_kind::start_channels, "mysql_start_failover_channels_if_primary"},
};

struct member_actions {
  bool lift_read_only = true;
  bool start_channels = true;
  std::uint64_t version = 1;  // grows with each change
  friend bool operator==(member_actions const&, member_actions const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(lift_read_only, start_channels, version); }
};

// A switch that was ordered and not finished: the primary lets what is under way end, and then says that it is silent.
struct switch_under_way {
  xcom::member_id to;
  std::uint32_t patience_ms = 0;
  friend bool operator==(switch_under_way const&, switch_under_way const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(to, patience_ms); }
};

struct group_roles {  // in checkpoints
  std::uint64_t epoch = 0;
  primary_mode mode = primary_mode::multi;
  election_mode elects = election_mode::weight_only;
  xcom::member_id primary;  // nobody (incarnation 0): every member writes, or one has to be elected
  seqno_t since = 0;        // where the epoch began: who may write in it does so after it has applied this
  std::optional<switch_under_way> switching;
  member_actions actions;

  [[nodiscard]] bool has_primary() const { return primary.incarnation != 0; }
  [[nodiscard]] bool may_write(xcom::member_id const& who) const {
    return mode == primary_mode::multi || (has_primary() && primary == who);
  }
  friend bool operator==(group_roles const&, group_roles const&) = default;
  template <class Codec> void fields(Codec& codec) {
    codec(epoch, mode, elects, primary, since, switching, actions);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (mode > primary_mode::single || elects > election_mode::weight_first) codec.reject();
  }
};

// ---- changes, as they are ordered ----
struct elect {  // the primary is gone, or is not heard any more
  xcom::member_id winner;
  template <class Codec> void fields(Codec& codec) { codec(winner); }
};
struct begin_switch {
  xcom::member_id to;
  std::uint32_t patience_ms = 0;  // for transactions that are open
  template <class Codec> void fields(Codec& codec) { codec(to, patience_ms); }
};
struct finish_switch {  // by the primary: none of its transactions comes behind this
  template <class Codec> void fields(Codec&) {}
};
struct cancel_switch {
  std::string why;  // for a person
  template <class Codec> void fields(Codec& codec) { codec(why); }
};
struct change_mode {
  primary_mode to = primary_mode::multi;
  xcom::member_id primary;  // of single-primary mode
  template <class Codec> void fields(Codec& codec) {
    codec(to, primary);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (to > primary_mode::single) codec.reject();
  }
};
struct set_action {
  member_action_kind which = member_action_kind::lift_read_only;
  bool enabled = true;
  template <class Codec> void fields(Codec& codec) {
    codec(which, enabled);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (which > member_action_kind::start_channels) codec.reject();
  }
};
struct reset_actions {
  template <class Codec> void fields(Codec&) {}
};
using role_change =
    std::variant<elect, begin_switch, finish_switch, cancel_switch, change_mode, set_action, reset_actions>;

struct role_message {
  std::uint64_t epoch = 0;  // the one it is meant for
  role_change what;
  template <class Codec> void fields(Codec& codec) { codec(epoch, what); }
};

// ---- arithmetic; equal on every member ----

// A voter with data that is ONLINE. Null: not in the site.
[[nodiscard]] bool can_be_primary(xcom::site_member const* who);

// The first roles of a group that `founder` begins at `position`.
[[nodiscard]] group_roles founding_roles(primary_mode mode, election_mode elects, xcom::member_id const& founder,
                                         seqno_t position);

// Carries out a change that `from` had ordered, with `at` in force and `position` given out last. The answer: what speaks
// against it, for a person; empty: it was done.
[[nodiscard]] std::string apply(group_roles& to, role_message const& what, xcom::member_id const& from,
                                xcom::site const& at, seqno_t position);

// A site came into force: a primary that is not ONLINE in it is none any more, and nobody writes before another is elected.
void follow_site(group_roles& roles, xcom::site const& at, seqno_t position);

// "n2 is elected", for the error log; `name` says how members are called.
[[nodiscard]] std::string describe(role_change const& what,
                                   std::function<std::string(xcom::member_id const&)> const& name);

[[nodiscard]] char const* to_string(primary_mode mode);
[[nodiscard]] char const* to_string(election_mode mode);
[[nodiscard]] std::optional<election_mode> election_mode_named(std::string_view name);
[[nodiscard]] std::optional<member_action_kind> member_action_named(std::string_view name);

}  // namespace gr
