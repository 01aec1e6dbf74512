#include "relay/disk/clip_source.hpp"

#include <algorithm>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/layout.hpp"

namespace disk {
namespace {

constexpr std::size_t check_bytes = 64 << 10;

}  // namespace

base::Result<void> ClipSource::read(std::uint64_t offset, std::span<std::byte> out) {
  RELAY_ASSERT(offset + out.size() <= plan_->content_bytes);
  if (auto found = seek(offset); !found) return found;
  while (!out.empty()) {
    const std::uint64_t from = offset - piece_begin_;
    if (from == piece().bytes) {
      if (auto next = next_piece(); !next) return next;
      continue;
    }
    const auto part = out.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), piece().bytes - from)));
    const bool is_whole = part.size() == piece().bytes;
    if (!is_whole && checked_ != piece_) {
      if (auto checked = check_piece(); !checked) return checked;
    }
    if (auto done = file_->read(piece().offset + from, part); !done) return done;
    if (is_whole) {
      wire::Checksum checksum;
      checksum.add(part);
      if (checksum.value() != piece().checksum) return Errc::bad_checksum;
    }
    offset += part.size();
    out = out.subspan(part.size());
  }
  return {};
}

// Most reads go on where the last one ended.
base::Result<void> ClipSource::seek(std::uint64_t offset) {
  const bool is_here = file_ && offset >= piece_begin_ && offset - piece_begin_ <= piece().bytes;
  if (is_here) return {};
  const auto behind = std::upper_bound(
      plan_->files.begin(), plan_->files.end(), offset,
      [](std::uint64_t wanted, const ClipPlan::File& file) { return wanted < file.begin; });
  RELAY_ASSERT(behind != plan_->files.begin());
  if (auto begun = begin_file(static_cast<std::size_t>(behind - plan_->files.begin() - 1));
      !begun) {
    return begun;
  }
  while (offset - piece_begin_ >= piece().bytes) {
    piece_begin_ += piece().bytes;
    ++piece_;
  }
  return {};
}

base::Result<void> ClipSource::begin_file(std::size_t index) {
  const ClipPlan::File& file = plan_->files[index];
  file_.reset();
  auto opened = FileSource::open(segment_path(root_, plan_->stream, file.start));
  if (!opened) return opened.error();
  file_.emplace(std::move(*opened));
  file_index_ = index;
  piece_ = file.first_piece;
  piece_begin_ = file.begin;
  return {};
}

base::Result<void> ClipSource::next_piece() {
  const std::size_t next = file_index_ + 1;
  if (next < plan_->files.size() && piece_ + 1 == plan_->files[next].first_piece) {
    return begin_file(next);
  }
  piece_begin_ += piece().bytes;
  ++piece_;
  return {};
}

base::Result<void> ClipSource::check_piece() {
  std::vector<std::byte> scratch(std::min<std::size_t>(piece().bytes, check_bytes));
  wire::Checksum checksum;
  std::uint32_t at = 0;
  while (at < piece().bytes) {
    const auto part =
        std::span(scratch).first(std::min<std::size_t>(scratch.size(), piece().bytes - at));
    if (auto done = file_->read(piece().offset + at, part); !done) return done;
    checksum.add(part);
    at += static_cast<std::uint32_t>(part.size());
  }
  if (checksum.value() != piece().checksum) return Errc::bad_checksum;
  checked_ = piece_;
  return {};
}

}  // namespace disk
