#include "relay/disk/keeper.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "relay/disk/folders.hpp"

namespace disk {
namespace {

// That many of the oldest segments of a stream may be held before the others are left alone too.
constexpr std::size_t held_max = 64;

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& root) {
  struct statvfs system {};
  if (statvfs(root.c_str(), &system) != 0) return std::nullopt;
  return std::uint64_t{system.f_bavail} * system.f_frsize;
}

}  // namespace

bool Keeper::run(base::Utc now) noexcept {
  removed_ = {};
  has_failed_ = false;
  auto sums = store_.catalog().sums();
  if (!sums) return false;
  std::vector<Stream> streams;
  for (Catalog::Sum& sum : *sums) {
    const KeepPolicy policy = policy_of_(sum.stream);
    streams.push_back({std::move(sum), policy});
  }
  keep_space(streams);
  for (Stream& stream : streams) keep_limits(stream, now);
  if (removed_.files > 0) {
    store_.log().debug("recordings removed",
                       {{"files", removed_.files}, {"bytes", removed_.bytes}});
  }
  if (!has_failed_) has_said_so_ = false;
  return removed_.files >= removed_max && !has_failed_;
}

void Keeper::keep_limits(Stream& stream, base::Utc now) {
  const KeepPolicy& policy = stream.policy;
  const base::Utc from = now - std::chrono::duration_cast<std::chrono::microseconds>(policy.age);
  while (may_go_on()) {
    const bool may_be_old = policy.age.count() > 0 && stream.sum.start < from;
    const bool is_too_much = policy.bytes > 0 && stream.sum.bytes > policy.bytes;
    if (!may_be_old && !is_too_much) return;
    const auto segment = oldest(stream, false);
    if (!segment || (!is_too_much && segment->end >= from)) return;
    remove(stream, *segment);
  }
}

// The oldest of all streams that give way while so little is free.
void Keeper::keep_space(std::vector<Stream>& streams) {
  while (may_go_on()) {
    const auto free = free_bytes(store_.root());
    if (!free) return;
    Stream* first = nullptr;
    for (Stream& stream : streams) {
      const bool gives_way = !stream.is_done && stream.policy.free_bytes > *free;
      if (gives_way && (first == nullptr || stream.sum.start < first->sum.start)) first = &stream;
    }
    if (first == nullptr) return;
    if (const auto segment = oldest(*first, true)) {
      remove(*first, *segment);
    } else {
      first->is_done = true;
    }
  }
}

std::optional<Segment> Keeper::oldest(const Stream& stream, bool behind_held) {
  auto segments = store_.catalog().oldest(behind_held ? held_max : 1, stream.sum.stream);
  if (!segments) return std::nullopt;
  for (Segment& segment : *segments) {
    if (!store_.is_held(segment.id)) return std::move(segment);
  }
  return std::nullopt;
}

// The file first: what the catalog has without a file is passed over, and removed once more.
void Keeper::remove(Stream& stream, const Segment& segment) {
  const auto file = segment_path(store_.root(), segment.stream, segment.start);
  if (unlink(file.c_str()) != 0 && errno != ENOENT) {
    has_failed_ = true;
    if (std::exchange(has_said_so_, true)) return;
    store_.log().warning(
        "cannot remove a recording",
        {{"file", file.string()}, {"error", std::generic_category().message(errno)}});
    return;
  }
  remove_empty_folders(store_.root(), file);
  store_.catalog().remove(segment.id);
  store_.forget_table(segment.id);
  ++removed_.files;
  removed_.bytes += segment.bytes;
  stream.sum.bytes -= std::min(stream.sum.bytes, segment.bytes);
  stream.sum.start = std::max(stream.sum.start, segment.end);
}

}  // namespace disk
