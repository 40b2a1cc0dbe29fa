#include "gr/mariadb/table_cells.hh"

#include <chrono>

#include <fmt/format.h>

namespace gr::mariadb {

std::string fitting(std::string text) {
  constexpr std::string_view more = "...";
  if (text.size() <= why_characters) return text;
  text.resize(why_characters - more.size());
  return text.append(more);
}

std::string id_text(base::uuid const& id) { return id.is_nil() ? std::string{} : base::to_string(id); }

std::string time_text(std::int64_t since_1970_ms) {
  auto const seconds = std::chrono::sys_seconds(std::chrono::seconds(since_1970_ms / 1000));
  auto const day = std::chrono::floor<std::chrono::days>(seconds);
  std::chrono::year_month_day const date(day);
  std::chrono::hh_mm_ss const clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()}, clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string gtid_text(base::uuid const& history, std::int64_t position) {
  return position > 0 ? base::to_string(history) + ":" + std::to_string(position) : std::string{};
}

}  // namespace gr::mariadb
