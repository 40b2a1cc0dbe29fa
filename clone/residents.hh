// What of a data directory is the data, which a clone replaces, and what is the server's own and stays where it is:
// certificates, logs, the agreed log of the group, settings.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cloning {

// Where everything of a clone lives, at the top of the data directory: so a rename never crosses a file system, and no right
// on the directory above is needed.
inline constexpr std::string_view work_directory = ".clone";

// A file at the top of the data directory. True: it stays.
bool file_stays(std::string_view name);
// A directory there, by what it holds. One that holds files and none of a database stays: keys, plugins and the like.
bool directory_stays(std::string_view name, std::span<std::string const> files);

// What mariadb-backup adds for itself, and no server wants.
bool is_of_the_backup(std::string_view name);

}  // namespace cloning
