#include "gr/mariadb/plugin_status.hh"

#include <mysql/plugin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>

#include "gr/mariadb/plugin_version.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/shared.hh"
#include "gr/mariadb/table_cells.hh"

namespace gr::mariadb {
namespace {

constexpr std::size_t text_bytes_max = 256;
constexpr std::size_t texts_bytes_max = 1024;
constexpr std::size_t variable_count = 27;

// All that one SHOW STATUS shows, inside the buffer the server lends for it: it outlives the call, the snapshot does not.
struct shown {
  std::array<st_mysql_show_var, variable_count + 1> list;
  std::size_t used;
  std::array<char, texts_bytes_max> texts;
  std::size_t texts_used;
  std::array<long long, variable_count> numbers;
  std::size_t numbers_used;

  void put(char const* name, std::string const& text) {
    auto* const kept = texts.data() + texts_used;
    auto const length = std::min({text.size(), text_bytes_max - 1, texts.size() - texts_used - 1});
    std::memcpy(kept, text.data(), length);
    kept[length] = '\0';
    texts_used += std::min(length + 1, texts.size() - texts_used - 1);
    list.at(used++) = {name, kept, SHOW_CHAR};
  }
  void put(char const* name, std::int64_t number) {
    auto& kept = numbers.at(numbers_used++);
    kept = number;
    list.at(used++) = {name, &kept, SHOW_SLONGLONG};
  }
  void put(char const* name, std::uint64_t number) { put(name, static_cast<std::int64_t>(number)); }
};
static_assert(sizeof(shown) <= SHOW_VAR_FUNC_BUFF_SIZE);

std::string leader_of(group_status const& now) {
  auto const found = std::ranges::find_if(now.members, [](member_row const& row) { return row.is_leader; });
  return found == now.members.end() ? std::string{} : base::to_string(found->id);
}

void fill_throttle(shown& out, flow_status const& flow) {
  constexpr std::uint64_t ns_in_us = 1000;
  out.put("flow_control_throttle_count", flow.count.waits);
  out.put("flow_control_throttle_time_sum", flow.count.waited_ns / ns_in_us);
  out.put("flow_control_throttle_active_count", flow.count.waiting);
  out.put("flow_control_throttle_last_throttle_timestamp", time_text(flow.count.last));
  out.put("flow_control_quota", flow.quota);
  out.put("flow_control_quota_bytes", flow.quota_bytes);
  out.put("flow_control_slowest", flow.slowest);
}

void fill(shown& out, group_status const& now) {
  out.put("state", now.state);
  out.put("group", now.group.is_nil() ? std::string{} : base::to_string(now.group));
  out.put("leader", leader_of(now));
  out.put("primary_member", now.roles.primary.is_nil() ? std::string{} : base::to_string(now.roles.primary));
  out.put("primary_change", now.roles.news);
  out.put("primary_epoch", now.roles.epoch);
  out.put("recovery", now.recovery);
  out.put("exit", role_keeper::instance().exit_text());
  out.put("members", static_cast<std::uint64_t>(now.members.size()));
  out.put("view_number", now.view_number);
  out.put("have_quorum", std::int64_t{now.have_quorum ? 1 : 0});
  out.put("donating", std::int64_t{now.donating ? 1 : 0});
  out.put("last_ordered", now.last_ordered);
  out.put("stable", now.stable);
  out.put("certification_rows", now.count.cert_index_rows);
  out.put("certification_conflicts", now.count.cert_failures);
  out.put("receive_queue", now.count.receive_queue);
  out.put("leader_changes", now.count.leader_changes);
  out.put("slots_decided", now.count.slots_decided);
  out.put("log_bytes", now.count.log_bytes);
  fill_throttle(out, now.flow);
}

// One snapshot for all of them; the server puts "Gr_" before each name.
int show(THD*, st_mysql_show_var* var, void* buffer, system_status_var*, enum_var_type) {
  auto* const out = new (buffer) shown{};
  fill(*out, shared_state::instance().status());
  var->type = SHOW_ARRAY;
  var->value = out->list.data();
  return 0;
}

}  // namespace

st_mysql_show_var* status_variables() {
  // The server puts the plugin's name before all of them, unless the first one begins with it. Hence the first one.
  static std::array<char, sizeof library_version> version{};
  std::memcpy(version.data(), library_version, sizeof library_version);
  static std::array<st_mysql_show_var, 3> list{{{"Group_replication_version", version.data(), SHOW_CHAR},
                                                SHOW_FUNC_ENTRY("Gr", show),
                                                {nullptr, nullptr, SHOW_UNDEF}}};
  return list.data();
}

}  // namespace gr::mariadb
