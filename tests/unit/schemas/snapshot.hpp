#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace schemas {

/// What of a schema others rely on, one line each: what it is about and what that is.
///   spancast.wire.Chunk 4        | optional bool sync
///   spancast.wire.Chunk reserved | ( 12 label )
using Snapshot = std::map<std::string, std::string>;

/// Of every .proto in `root`/schemas. Throws std::runtime_error when one cannot be read.
Snapshot take_snapshot(const std::filesystem::path& root);

Snapshot read_snapshot(const std::filesystem::path& file);
void write_snapshot(const std::filesystem::path& file, const Snapshot& snapshot);

/// What is not as it was and may never be so: a sentence each, with what to do instead.
std::vector<std::string> find_breaks(const Snapshot& before, const Snapshot& now);

}  // namespace schemas
