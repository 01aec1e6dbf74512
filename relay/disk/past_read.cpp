#include "relay/disk/past_read.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "relay/disk/errc.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

/// Closed when it goes.
class File {
 public:
  explicit File(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

base::Error last_error() { return {errno, boost::system::system_category()}; }

// Fills all of them, or fails.
base::Result<void> read_at(int file, std::vector<iovec> buffers, std::uint64_t offset) {
  std::size_t first = 0;
  while (first < buffers.size()) {
    const std::span<iovec> rest =
        std::span(buffers).subspan(first, std::min<std::size_t>(buffers.size() - first, 1024));
    ssize_t count =
        ::preadv(file, rest.data(), static_cast<int>(rest.size()), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return Errc::cut_record;
    offset += static_cast<std::uint64_t>(count);
    for (; first < buffers.size() && count > 0; ++first) {
      iovec& buffer = buffers[first];
      const std::size_t part = std::min(static_cast<std::size_t>(count), buffer.iov_len);
      buffer.iov_base = static_cast<std::byte*>(buffer.iov_base) + part;
      buffer.iov_len -= part;
      count -= static_cast<ssize_t>(part);
      if (buffer.iov_len > 0) break;
    }
  }
  return {};
}

bool is_missing(const base::Error& error) {
  return error == base::Error(ENOENT, boost::system::system_category());
}

}  // namespace

PastRead::PastRead(Store& store, Events& events, Wanted wanted,
                   std::vector<memory::BlockHold*> blocks)
    : store_(store),
      events_(events),
      wanted_(std::move(wanted)),
      blocks_(std::move(blocks)),
      next_(wanted_.from) {}

PastRead::~PastRead() {
  if (held_) store_.release(*held_);
  for (memory::BlockHold* block : blocks_) memory::BlockPool::release(block);
}

void PastRead::run() noexcept {
  const auto found = find_next();
  if (!found) {
    error_ = found.error();
    is_lost_ = true;
    next_ = wanted_.from;
    return;
  }
  if (is_at_end_) {
    may_grow_ = store_.published(next_.place.table->segment.id) != nullptr;
    return;
  }
  const Segment& segment = next_.place.table->segment;
  const std::size_t first = next_.place.index;
  held_ = segment.id;
  store_.hold(*held_);
  const File file(segment_path(store_.root(), segment.stream, segment.start));
  auto done = file.descriptor() < 0 ? base::Result<void>(last_error()) : plan();
  if (done && bytes_needed_ == 0) done = read_head(file.descriptor());
  if (done && bytes_needed_ == 0) done = read_all(file.descriptor());
  if (!done) {
    records_.clear();
    return pass_over(done.error(), first);
  }
  check_all();
}

base::Result<void> PastRead::find_next() {
  gap_ = next_.gap;
  bool is_wanted = !next_.is_read;
  for (;;) {
    const bool needs_sync = gap_ != GapReason::none || wanted_.syncs_only;
    if (is_wanted && (!needs_sync || next_.place.entry().sync)) break;
    auto next = store_.next(next_.place);
    if (!next) return next.error();
    if (!*next) {
      next_.is_read = true;
      next_.gap = gap_;
      is_at_end_ = true;
      return {};
    }
    next_.place = std::move(**next);
    if (gap_ == GapReason::none) gap_ = next_.place.gap;
    is_wanted = true;
  }
  next_.is_read = false;
  next_.gap = GapReason::none;
  return {};
}

// As many as there is room for; of the next segment another read has them.
base::Result<void> PastRead::plan() {
  const std::vector<ChunkEntry>& chunks = next_.place.table->chunks;
  std::size_t used = 0;
  for (std::size_t index = next_.place.index; index < chunks.size() && records_.size() < chunks_max;
       ++index) {
    const ChunkEntry& entry = chunks[index];
    if (wanted_.syncs_only && !entry.sync) continue;
    if (used + entry.bytes > room()) break;
    records_.push_back({index, used, entry.bytes});
    used += entry.bytes;
  }
  if (records_.empty()) bytes_needed_ = chunks[next_.place.index].bytes;
  return {};
}

base::Result<void> PastRead::read_head(int file) {
  const Segment& segment = next_.place.table->segment;
  if (segment.id == wanted_.head_of) return {};
  head_.resize(next_.place.table->chunks.front().offset);
  return read_at(file, {{head_.data(), head_.size()}}, 0);
}

// What lies at one stretch is one read.
base::Result<void> PastRead::read_all(int file) {
  const std::vector<ChunkEntry>& chunks = next_.place.table->chunks;
  for (std::size_t first = 0; first < records_.size();) {
    std::size_t end = first + 1;
    while (end < records_.size() && records_[end].index == records_[end - 1].index + 1) ++end;
    const Record& last = records_[end - 1];
    const std::size_t bytes = last.offset + last.bytes - records_[first].offset;
    const auto done =
        read_at(file, buffers(records_[first].offset, bytes), chunks[records_[first].index].offset);
    if (!done) return done;
    bytes_read_ += bytes;
    first = end;
  }
  return {};
}

void PastRead::check_all() {
  for (std::size_t record = 0; record < records_.size(); ++record) {
    const auto [index, offset, bytes] = records_[record];
    const auto checked = check_record(buffers(offset, bytes), next_.place.table->chunks[index]);
    if (checked) continue;
    records_.resize(record);
    return pass_over(checked.error(), index);
  }
  if (records_.empty()) return;
  next_.place.index = records_.back().index;
  next_.place.gap = GapReason::none;
  next_.is_read = true;
}

// A chunk that cannot be used; of a file that is gone, none can.
void PastRead::pass_over(const base::Error& error, std::size_t index) noexcept {
  error_ = error;
  const bool is_gone = is_missing(error);
  next_.place.index = is_gone ? next_.place.table->chunks.size() - 1 : index;
  next_.place.gap = GapReason::none;
  next_.is_read = true;
  next_.gap = is_gone ? GapReason::not_kept : GapReason::damaged;
}

memory::WindowList PastRead::bytes(const Record& record) const {
  memory::WindowList list;
  const std::size_t block_bytes = blocks_.front()->pool->arena().block_bytes();
  std::size_t offset = record.offset;
  for (const iovec& buffer : buffers(record.offset, record.bytes)) {
    const auto* const begin = static_cast<const std::byte*>(buffer.iov_base);
    list.push_back({blocks_[offset / block_bytes], {begin, buffer.iov_len}});
    offset += buffer.iov_len;
  }
  return list;
}

std::size_t PastRead::room() const noexcept {
  return blocks_.empty() ? 0 : blocks_.size() * blocks_.front()->pool->arena().block_bytes();
}

std::vector<iovec> PastRead::buffers(std::size_t offset, std::size_t bytes) const {
  std::vector<iovec> parts;
  memory::Arena& arena = blocks_.front()->pool->arena();
  const std::size_t block_bytes = arena.block_bytes();
  while (bytes > 0) {
    const std::size_t within = offset % block_bytes;
    const std::size_t part = std::min(bytes, block_bytes - within);
    parts.push_back({arena.block(blocks_[offset / block_bytes]->index) + within, part});
    offset += part;
    bytes -= part;
  }
  return parts;
}

}  // namespace disk
