#include "gr/mariadb/table_cells.hh"

#include <fmt/chrono.h>

namespace gr::mariadb {

std::string fitting(std::string text) {
  constexpr std::string_view more = "...";
  if (text.size() <= why_characters) return text;
  text.resize(why_characters - more.size());
  return text.append(more);
}

std::string id_text(base::uuid const& id) { return id.is_nil() ? std::string{} : base::to_string(id); }

std::string time_text(std::chrono::system_clock::time_point when) {
  return when == std::chrono::system_clock::time_point{} ? std::string{} : fmt::format("{:%F %T}", fmt::gmtime(when));
}

std::string time_text(std::int64_t since_1970_ms) {
  return time_text(std::chrono::system_clock::time_point(std::chrono::milliseconds(since_1970_ms)));
}

std::string gtid_text(base::uuid const& history, std::int64_t position) {
  return position > 0 ? base::to_string(history) + ":" + std::to_string(position) : std::string{};
}

}  // namespace gr::mariadb
