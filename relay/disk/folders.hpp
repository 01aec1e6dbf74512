#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/disk/layout.hpp"

// What lies in the folders of a root; see layout.hpp. Blocks. What is no recording is passed over.
namespace disk {

/// A root as all functions here want it: without `..`, `.` in the middle or a slash at the end.
std::filesystem::path normal_root(const std::filesystem::path& root);

/// The streams that have recordings, by name.
base::Result<std::vector<std::string>> list_streams(const std::filesystem::path& root);

/// The hours of a stream that have a folder, in order; those before the hour of `from` are left
/// out.
base::Result<std::vector<std::filesystem::path>> list_hours(const std::filesystem::path& root,
                                                            const std::string& stream,
                                                            base::Utc from = base::Utc::min());

/// The segments in the folder of an hour, in order.
base::Result<std::vector<SegmentName>> list_segments(const std::filesystem::path& root,
                                                     const std::filesystem::path& hour);

/// All of a stream.
struct StreamFiles {
  std::string stream;
  std::vector<SegmentName> segments;  ///< in order
  std::uint64_t bytes = 0;
};
/// Of all streams, by name. What goes meanwhile is left out.
base::Result<std::vector<StreamFiles>> list_files(const std::filesystem::path& root);

/// 0 when there is none.
std::uint64_t file_bytes(const std::filesystem::path& file);

/// Removes the folders of a segment that is gone as far up as they are empty, not the root.
void remove_empty_folders(const std::filesystem::path& root, const std::filesystem::path& segment);

}  // namespace disk
