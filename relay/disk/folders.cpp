#include "relay/disk/folders.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace disk {
namespace {

using std::filesystem::directory_iterator;
using std::filesystem::path;

constexpr int stream_segments_max = 8;  // of a stream's name

bool is_date(const std::string& name) { return name.starts_with('@'); }

// The names of what lies in a folder, in order: folders or files.
base::Result<std::vector<std::string>> list(const path& folder, bool folders) {
  std::error_code error;
  std::vector<std::string> names;
  directory_iterator entry(folder, error);
  for (; !error && entry != directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored) == folders) names.push_back(entry->path().filename().string());
  }
  if (error) return base::Error(error);
  std::sort(names.begin(), names.end());
  return names;
}

base::Result<void> find_streams(const path& folder, const std::string& name, int depth,
                                std::vector<std::string>& streams) {
  const auto names = list(folder, true);
  // Retention may remove one while the others are listed.
  if (!names && depth > 0 && names.error() == std::errc::no_such_file_or_directory) return {};
  if (!names) return names.error();
  if (!name.empty() && std::any_of(names->begin(), names->end(), is_date)) streams.push_back(name);
  if (depth == stream_segments_max) return {};
  for (const std::string& next : *names) {
    if (is_date(next) || next.starts_with('.')) continue;
    const auto done =
        find_streams(folder / next, name.empty() ? next : name + "/" + next, depth + 1, streams);
    if (!done) return done.error();
  }
  return {};
}

}  // namespace

path normal_root(const path& root) { return (root / "").lexically_normal().parent_path(); }

base::Result<std::vector<std::string>> list_streams(const path& root) {
  std::vector<std::string> streams;
  if (const auto done = find_streams(root, "", 0, streams); !done) return done.error();
  std::sort(streams.begin(), streams.end());
  return streams;
}

base::Result<std::vector<path>> list_hours(const path& root, const std::string& stream,
                                           base::Utc from) {
  std::string first_date;
  std::string first_hour;
  if (from != base::Utc::min()) {
    const path hour = segment_path(root, stream, from).parent_path();
    first_hour = hour.filename().string();
    first_date = hour.parent_path().filename().string();
  }
  const path folder = root / stream;
  std::vector<path> hours;
  const auto dates = list(folder, true);
  if (!dates) return dates.error();
  for (const std::string& date : *dates) {
    if (!is_date(date) || date < first_date) continue;
    const auto names = list(folder / date, true);
    if (!names) return names.error();
    for (const std::string& hour : *names) {
      if (date == first_date && hour < first_hour) continue;
      hours.push_back(folder / date / hour);
    }
  }
  return hours;
}

base::Result<std::vector<SegmentName>> list_segments(const path& root, const path& hour) {
  const auto names = list(hour, false);
  if (!names) return names.error();
  std::vector<SegmentName> segments;
  const path below_root = hour.lexically_relative(root);
  for (const std::string& name : *names) {
    if (auto segment = read_segment_path(below_root / name))
      segments.push_back(std::move(*segment));
  }
  return segments;
}

base::Result<std::vector<StreamFiles>> list_files(const path& root) {
  const auto is_gone = [](const base::Error& error) {
    return error == std::errc::no_such_file_or_directory;
  };
  auto streams = list_streams(root);
  if (!streams) return streams.error();
  std::vector<StreamFiles> all;
  for (std::string& stream : *streams) {
    const auto hours = list_hours(root, stream);
    if (!hours && is_gone(hours.error())) continue;
    if (!hours) return hours.error();
    StreamFiles files;
    for (const path& hour : *hours) {
      auto segments = list_segments(root, hour);
      if (!segments && is_gone(segments.error())) continue;
      if (!segments) return segments.error();
      for (SegmentName& name : *segments) {
        files.bytes += file_bytes(segment_path(root, name.stream, name.start));
        files.segments.push_back(std::move(name));
      }
    }
    files.stream = std::move(stream);
    all.push_back(std::move(files));
  }
  return all;
}

std::uint64_t file_bytes(const path& file) {
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(file, error);
  return error ? 0 : bytes;
}

void remove_empty_folders(const path& root, const path& segment) {
  for (path folder = segment.parent_path(); folder != root; folder = folder.parent_path()) {
    if (rmdir(folder.c_str()) != 0) return;
  }
}

}  // namespace disk
