#include "clone/residents.hh"

#include <algorithm>
#include <array>

namespace cloning {
namespace {

using namespace std::string_view_literals;

// Of the server's recovery, though they end as its logs do: with other data they would be carried out on the wrong tables.
constexpr std::array recovery_files{"ddl_recovery.log"sv, "ddl_recovery-backup.log"sv, "tc.log"sv};

constexpr std::array staying_names{"auto.cnf"sv,        "galera.cache"sv,       "gvwstate.dat"sv,
                                   "sst_in_progress"sv, "mysql_upgrade_info"sv, "mariadb_upgrade_info"sv,
                                   "my.cnf"sv};
constexpr std::array staying_beginnings{"."sv, "group_replication."sv, "RPM_UPGRADE_"sv, "debian-"sv,
                                        "wsrep_recovery."sv};
constexpr std::array staying_endings{".pem"sv, ".key"sv, ".crt"sv,  ".cnf"sv, ".err"sv,
                                     ".log"sv, ".pid"sv, ".sock"sv, ".lock"sv};

constexpr std::array table_endings{".frm"sv, ".ibd"sv, ".MYD"sv, ".MYI"sv, ".MAD"sv, ".MAI"sv, ".MRG"sv, ".CSV"sv,
                                   ".CSM"sv, ".ARZ"sv, ".TRG"sv, ".TRN"sv, ".par"sv, ".isl"sv, ".opt"sv, ".cfg"sv};

constexpr std::array backup_beginnings{"xtrabackup_"sv, "mariadb_backup_"sv, "backup-my.cnf"sv, "donor_galera_info"sv};

template <class List> bool is_in(std::string_view name, List const& list) {
  return std::ranges::find(list, name) != list.end();
}
template <class List> bool begins_with_one(std::string_view name, List const& list) {
  return std::ranges::any_of(list, [&](auto each) { return name.starts_with(each); });
}
template <class List> bool ends_with_one(std::string_view name, List const& list) {
  return std::ranges::any_of(list, [&](auto each) { return name.ends_with(each); });
}

}  // namespace

bool file_stays(std::string_view name) {
  if (is_in(name, recovery_files)) return false;
  return is_in(name, staying_names) || begins_with_one(name, staying_beginnings) ||
         ends_with_one(name, staying_endings);
}

bool directory_stays(std::string_view name, std::span<std::string const> files) {
  if (name == "lost+found" || name.starts_with('.')) return true;
  if (files.empty() || name == "mysql") return false;
  return std::ranges::none_of(files, [](auto const& each) { return ends_with_one(each, table_endings); });
}

bool is_of_the_backup(std::string_view name) { return begins_with_one(name, backup_beginnings); }

}  // namespace cloning
