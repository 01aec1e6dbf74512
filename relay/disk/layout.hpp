#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/base/time.hpp"

namespace disk {

/// Where segments lie: `<root>/<stream>/@<date>/<hour>/<start>.mp4`, as
/// `live/cam/@2026-11-26/19/20261126T193106.123456Z.mp4`. No stream has an `@` in its name.
std::filesystem::path segment_path(const std::filesystem::path& root, const std::string& stream,
                                   base::Utc start);

struct SegmentName {
  std::string stream;
  base::Utc start;
};
/// The inverse, for a path below the root; nothing for anything else that may lie there.
std::optional<SegmentName> read_segment_path(const std::filesystem::path& below_root);

}  // namespace disk
