#pragma once

#include <filesystem>
#include <ostream>

// `spancast recordings …`. They throw std::runtime_error with a sentence when they cannot be done.
namespace disk {

/// What each stream has recorded: a table, or JSON. Also while a relay runs.
void list_recordings(const std::filesystem::path& root, bool as_json, std::ostream& out);

/// Reads all files and tells of every chunk that is not what was written; `bar`: nothing, or a
/// terminal. False: there are such. Also while a relay runs; changes nothing.
bool verify_recordings(const std::filesystem::path& root, std::ostream& out, std::ostream* bar);

/// Makes the catalog anew from the files; those that were not closed are recovered as after a
/// crash. Refused while a relay uses the folder.
void reindex_recordings(const std::filesystem::path& root, std::ostream& out, std::ostream* bar);

}  // namespace disk
