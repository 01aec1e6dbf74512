#include "relay/disk/segment_scan.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "relay/disk/errc.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/record_check.hpp"
#include "relay/disk/uuid_box.hpp"

namespace disk {
namespace {

// What all our boxes have in common, behind their size.
constexpr std::string_view mark = "uuidspancast";
constexpr std::size_t size_bytes = 4;
static_assert(head_type.starts_with("spancast") && chunk_type.starts_with("spancast") &&
              index_type.starts_with("spancast"));

class Scanner {
 public:
  Scanner(ByteSource& source, const std::string& stream) : source_(source), stream_(stream) {}

  base::Result<Scan> run();

 private:
  std::span<const std::byte> at(std::uint64_t offset, std::size_t least);
  std::string gather(std::uint64_t offset, std::uint64_t bytes);
  void read_head();
  void take_box();
  void take_record();
  base::Error check_at(std::uint64_t& end);
  bool fits(const ChunkBox& box) const noexcept;
  void accept(const ChunkBox& box);
  void take_index(std::uint32_t bytes);
  base::Error judge(const SegmentTable& index) const noexcept;
  void pass(base::Error why);
  std::optional<std::uint64_t> find_by_size();
  std::uint64_t find_by_mark();
  bool is_box(std::uint64_t offset);

  ByteSource& source_;
  const std::string& stream_;
  Scan scan_;
  RecordCheck check_;
  base::Error failed_;  // there is no going on
  std::uint64_t offset_ = 0;
  std::uint64_t epoch_ = 0;
  std::size_t tracks_ = 0;
  std::optional<wire::Position> expected_;  // of the next record, if anything is
  std::uint64_t least_ = 0;                 // a smaller number cannot come
};

base::Result<Scan> Scanner::run() {
  read_head();
  while (!failed_ && offset_ < source_.size()) take_box();
  if (failed_) return failed_;
  Segment& segment = scan_.table.segment;
  segment.stream = stream_;
  segment.bytes = source_.size();
  segment.is_open = !scan_.has_index;
  return std::move(scan_);
}

// Empty only at the end, or when the source has failed.
std::span<const std::byte> Scanner::at(std::uint64_t offset, std::size_t least) {
  if (failed_ || offset >= source_.size()) return {};
  const auto bytes = source_.at(offset, least);
  if (bytes) return *bytes;
  failed_ = bytes.error();
  return {};
}

std::string Scanner::gather(std::uint64_t offset, std::uint64_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const auto part = at(offset + text.size(), 1);
    if (part.empty()) break;
    const std::size_t left = static_cast<std::size_t>(bytes) - text.size();
    text.append(reinterpret_cast<const char*>(part.data()), std::min(left, part.size()));
  }
  return text;
}

void Scanner::read_head() {
  std::string begin = gather(0, head_bytes_max);
  if (failed_) return;
  const auto size = find_head(std::as_bytes(std::span(begin)));
  if (!size) {
    failed_ = size.error();
    return;
  }
  begin.resize(*size);
  const auto head = disk::read_head(std::as_bytes(std::span(begin)));
  if (!head || head->stream != stream_) {
    failed_ = head ? Errc::bad_head : head.error();
    return;
  }
  scan_.table.segment.gap = head->gap;
  scan_.head = std::move(begin);
  scan_.valid_bytes = *size;
  epoch_ = head->epoch;
  tracks_ = head->tracks->tracks.size();
  offset_ = *size;
}

void Scanner::take_box() {
  const auto index = uuid_box_bytes(at(offset_, uuid_head_bytes), index_type);
  if (index) {
    take_index(*index);
  } else {
    take_record();
  }
}

void Scanner::take_record() {
  std::uint64_t end = offset_;
  if (const base::Error wrong = check_at(end)) return pass(wrong);
  if (!fits(check_.box())) return pass(Errc::other_record);
  accept(check_.box());
  offset_ = end;
  if (scan_.damage.empty()) scan_.valid_bytes = end;
}

// What is wrong with the record, or else where it ends.
base::Error Scanner::check_at(std::uint64_t& end) {
  check_.restart();
  while (!check_.is_whole()) {
    const auto bytes = at(end, 1);
    if (bytes.empty()) return Errc::cut_record;
    const auto taken = check_.feed(bytes);
    if (!taken) return taken.error();
    end += *taken;
  }
  return {};
}

bool Scanner::fits(const ChunkBox& box) const noexcept {
  const auto is_known = [this](const ChunkBox::Sample& one) { return one.track < tracks_; };
  return box.position.epoch == epoch_ && box.position.sequence >= least_ &&
         (!expected_ || box.position == *expected_) && std::ranges::all_of(box.samples, is_known);
}

void Scanner::accept(const ChunkBox& box) {
  expected_ = box.position.next();
  least_ = expected_->sequence;
  if (!scan_.damage.empty()) return;
  SegmentTable& table = scan_.table;
  Segment& segment = table.segment;
  if (table.chunks.empty()) {
    segment.first = box.position;
    segment.last_sync = box.position.sequence;
    segment.last_sync_time = box.time;
    segment.start = box.utc;
    segment.start_time = box.time;
  }
  table.chunks.push_back({offset_, box.record_bytes, box.sync, box.utc, box.time});
  segment.chunks = table.chunks.size();
  if (box.sync) {
    segment.last_sync = box.position.sequence;
    segment.last_sync_time = box.time;
  }
  segment.end_time = box.end_time();
  segment.end = box.utc + std::chrono::duration_cast<std::chrono::microseconds>(
                              stream::to_duration(box.length));
  segment.number = box.segment;
  segment.discontinuity = box.discontinuity;
}

void Scanner::take_index(std::uint32_t bytes) {
  if (bytes > index_bytes_max || bytes > source_.size() - offset_) return pass(Errc::bad_index);
  const std::string box = gather(offset_, bytes);
  if (failed_) return;
  const auto index = read_index_box(std::as_bytes(std::span(box)));
  if (!index) return pass(index.error());
  if (const base::Error wrong = judge(*index)) return pass(wrong);
  offset_ += bytes;
  scan_.has_index = offset_ == source_.size();
}

// It is this file's, and agrees with the records that were read.
base::Error Scanner::judge(const SegmentTable& index) const noexcept {
  const auto& found = scan_.table.chunks;
  const auto& said = index.chunks;
  const bool are_as_said =
      said.size() >= found.size() && std::equal(found.begin(), found.end(), said.begin());
  const bool are_all = !scan_.damage.empty() || said.size() == found.size();
  const bool is_place =
      said.front().offset == scan_.head.size() && said.back().offset + said.back().bytes == offset_;
  const bool is_first = found.empty() || index.segment.first == scan_.table.segment.first;
  const bool is_ours = index.segment.stream == stream_ && index.segment.first.epoch == epoch_;
  if (are_as_said && are_all && is_place && is_first && is_ours) return {};
  return Errc::bad_index;
}

// What is at `offset_` is damaged: goes on with the next box, which is where this one says that it
// ends, or where one is found.
void Scanner::pass(base::Error why) {
  if (failed_) return;
  Damage damage{offset_, 0, expected_, why};
  std::uint64_t next = source_.size();
  if (scan_.damage.size() + 1 < damages_max) {
    if (const auto end = find_by_size()) {
      next = *end;
      if (expected_) expected_ = expected_->next();
    } else {
      next = find_by_mark();
      expected_.reset();
    }
  }
  damage.bytes = next - offset_;
  scan_.damage.push_back(damage);
  offset_ = next;
}

std::optional<std::uint64_t> Scanner::find_by_size() {
  const auto size = find_chunk_box(at(offset_, chunk_box_size_bytes));
  if (!size || size->record_bytes < size->box_bytes) return std::nullopt;
  const std::uint64_t end = offset_ + size->record_bytes;
  return end == source_.size() || is_box(end) ? std::optional(end) : std::nullopt;
}

bool Scanner::is_box(std::uint64_t offset) {
  const auto bytes = at(offset, uuid_head_bytes);
  return uuid_box_bytes(bytes, chunk_type) || uuid_box_bytes(bytes, index_type);
}

std::uint64_t Scanner::find_by_mark() {
  std::uint64_t from = offset_ + size_bytes + 1;
  for (;;) {
    const auto bytes = at(from, mark.size());
    if (bytes.size() < mark.size()) return source_.size();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t found = text.find(mark);
    if (found == std::string_view::npos) {
      from += text.size() - mark.size() + 1;  // one may begin at the end of these
      continue;
    }
    from += found;
    if (is_box(from - size_bytes)) return from - size_bytes;
    ++from;
  }
}

}  // namespace

base::Result<void> check_record(std::span<const iovec> record, const ChunkEntry& entry) {
  RecordCheck check;
  for (const iovec& part : record) {
    auto bytes = std::span(static_cast<const std::byte*>(part.iov_base), part.iov_len);
    if (bytes.empty()) continue;
    if (check.is_whole()) return Errc::other_record;
    const auto taken = check.feed(bytes);
    if (!taken) return taken.error();
    if (*taken != bytes.size()) return Errc::other_record;
  }
  if (!check.is_whole()) return Errc::cut_record;
  const ChunkBox& box = check.box();
  const bool is_it = box.record_bytes == entry.bytes && box.sync == entry.sync &&
                     box.utc == entry.utc && box.time == entry.time;
  if (!is_it) return Errc::other_record;
  return {};
}

base::Result<Scan> scan_segment(ByteSource& source, const std::string& stream) {
  auto scan = Scanner(source, stream).run();
  if (scan && scan->table.chunks.empty()) return Errc::nothing_valid;
  return scan;
}

base::Result<Scan> scan_segment(const std::filesystem::path& file, const std::string& stream) {
  auto source = FileSource::open(file);
  if (!source) return source.error();
  return scan_segment(*source, stream);
}

base::Result<Scan> verify_segment(const std::filesystem::path& file, const std::string& stream) {
  auto source = FileSource::open(file);
  if (!source) return source.error();
  return Scanner(*source, stream).run();
}

}  // namespace disk
