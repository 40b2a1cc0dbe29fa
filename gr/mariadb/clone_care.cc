#include "gr/mariadb/clone_care.hh"

#include <dlfcn.h>
#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gr/mariadb/shared.hh"
#include "gr/transfer_settings.hh"
#include "runtime/data_swap.hh"

namespace gr::mariadb {
namespace {

namespace fs = std::filesystem;
using level = gr::server::level;

constexpr auto lock_patience = std::chrono::seconds(20);  // a transfer program ends within a second of its server

void log(level how, std::string const& line) { shared_state::instance().log(how, line); }

std::string file_of_transfers(std::string const& data_dir, std::string_view name) {
  return (fs::path(data_dir.empty() ? "." : data_dir) / name).string();
}

base::result<bool> finish(std::string const& data_dir) {
  auto const lock = runtime::clone_lock::take(data_dir, lock_patience);
  if (!lock) return lock.error();
  return runtime::finish_swap(data_dir);
}

base::result<bool> settle(std::string const& data_dir, std::string const& how) {
  auto const keep = runtime::parse_keep_old(how);
  if (!keep) return keep.error();
  auto const lock = runtime::clone_lock::take(data_dir, lock_patience);
  if (!lock) return lock.error();
  return runtime::settle_old_data(data_dir, *keep);
}

}  // namespace

bool finish_interrupted_clone(std::string const& data_dir) {
  if (!runtime::is_half_swapped(data_dir)) return true;
  auto const done = finish(data_dir);
  if (done) {
    log(level::warning, "the exchange of this server's data for a clone had been interrupted; it is finished now");
    return true;
  }
  log(level::error,
      "the exchange of this server's data for a clone was interrupted and cannot be finished: " + done.error().text);
  return false;
}

void make_own_programs_found() {
  Dl_info about{};
  if (::dladdr(reinterpret_cast<void const*>(&make_own_programs_found), &about) == 0 || about.dli_fname == nullptr)
    return;
  auto const own = fs::path(about.dli_fname).parent_path().string();
  auto const* const now = std::getenv("PATH");
  std::string const path = now == nullptr ? "" : now;
  if (own.empty() || (":" + path + ":").find(":" + own + ":") != std::string::npos) return;
  (void)::setenv("PATH", (path.empty() ? own : path + ":" + own).c_str(), 1);
}

void tell_transfer_program(std::string const& data_dir, option_store const& options, std::string const& own_host) {
  auto const path = file_of_transfers(data_dir, transfer_settings_name);
  std::ofstream file(path, std::ios::trunc);
  file << transfer_settings_text(options, {own_host});
  file.close();
  if (!file) log(level::warning, "cannot write " + path + ": " + std::strerror(errno));
}

std::optional<runtime::shared_count> make_backlog(std::string const& data_dir) {
  auto made = runtime::shared_count::make(file_of_transfers(data_dir, transfer_backlog_name));
  if (made) return std::move(*made);
  log(level::warning, made.error().text);
  return std::nullopt;
}

void settle_clone(std::string const& data_dir, option_store const& options) {
  std::error_code ignored;
  runtime::clone_directories const places(data_dir);
  if (!fs::exists(places.work, ignored)) return;
  auto const how = options.text("group_replication_clone_keep_old");
  auto const done = settle(data_dir, how);
  if (!done) return log(level::warning, "what a clone left in " + places.work + " stays there: " + done.error().text);
  if (*done)
    log(level::info, "this member is ONLINE with its clone; the data from before is " +
                         std::string(how == "ALWAYS" ? "kept in " + places.work : "removed"));
}

}  // namespace gr::mariadb
