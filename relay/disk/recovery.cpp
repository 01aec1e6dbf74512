#include "relay/disk/recovery.hpp"

#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "relay/disk/chunk_box.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/folders.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

// Enough for most heads with the box of the first chunk.
constexpr std::size_t begin_bytes = 64 << 10;
// Read before the relay is ready, of each stream one: some minutes.
constexpr std::uint64_t learned_bytes_max = 64 << 20;

std::vector<std::byte> read_begin(const std::filesystem::path& file, std::size_t bytes) {
  std::vector<std::byte> begin(bytes);
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(begin.data()), static_cast<std::streamsize>(bytes));
  begin.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return begin;
}

// What the begin of a file says of a segment that was not closed: as much of it as a recorder knows
// when it opens one. Checksums are looked at when it is recovered.
base::Result<Segment> read_first(const std::filesystem::path& file, const SegmentName& name) {
  std::vector<std::byte> begin = read_begin(file, begin_bytes);
  auto head_bytes = find_head(begin);
  if (begin.size() == begin_bytes &&
      (!head_bytes || begin.size() - *head_bytes < chunk_box_bytes_max)) {
    begin = read_begin(file, head_bytes_max + chunk_box_bytes_max);
    head_bytes = find_head(begin);
  }
  if (!head_bytes) return head_bytes.error();
  const auto head = read_head(std::span(begin).first(*head_bytes));
  if (!head) return head.error();
  const auto rest = std::span<const std::byte>(begin).subspan(*head_bytes);
  ChunkBox box;
  if (const auto read = read_chunk_box(rest, box); !read) return read.error();
  Segment segment;
  segment.stream = name.stream;
  segment.first = box.position;
  segment.chunks = 1;
  segment.start = name.start;
  segment.end = name.start;
  segment.start_time = box.time;
  segment.end_time = box.end_time();
  segment.bytes = file_bytes(file);
  segment.last_sync = box.position.sequence;
  segment.last_sync_time = box.time;
  segment.number = box.segment;
  segment.discontinuity = box.discontinuity;
  segment.gap = head->gap;
  return segment;
}

}  // namespace

void Recovery::begin() {
  began_ = base::monotonic_now();
  if (auto open = store_.catalog().open_ones()) {
    for (Segment& segment : *open) pieces_.emplace_back(std::move(segment));
  } else {
    store_.log().warning("open recordings are not known", {{"error", open.error().message()}});
  }
  const auto streams = list_streams(store_.root());
  if (!streams) {
    store_.log().warning("cannot list recordings",
                         {{"root", store_.root().string()}, {"error", streams.error().message()}});
    return;
  }
  for (const std::string& stream : *streams) find_new_files(stream);
  std::erase_if(pieces_, [this](const Piece& piece) {
    const auto* segment = std::get_if<Segment>(&piece);
    return segment != nullptr && !learn_end(*segment);
  });
}

// Where the newest one ends is where its camera is asked to go on: what was written since a row was
// would be missing for ever, and what a row tells may have been lost with the power. False: there
// was nothing in it.
bool Recovery::learn_end(const Segment& segment) {
  const auto newest = store_.newest(segment.stream);
  if (!newest || newest->id != segment.id) return true;
  const auto file = segment_path(store_.root(), segment.stream, segment.start);
  if (file_bytes(file) > learned_bytes_max) return true;
  auto scan = scan_segment(file, segment.stream);
  if (!scan) {
    recover(segment);
    return false;
  }
  Segment& found = scan->table.segment;
  found.id = segment.id;
  found.start = segment.start;
  store_.set_newest(found);
  return true;
}

void Recovery::find_new_files(const std::string& stream) {
  const auto known = store_.newest(stream);
  const base::Utc after = known ? known->start : base::Utc::min();
  auto hours = list_hours(store_.root(), stream, after);
  if (!hours) {
    store_.log().warning("cannot list recordings",
                         {{"stream", stream}, {"error", hours.error().message()}});
    return;
  }
  if (!known) {  // all of it is new: the newest now, the rest later
    for (std::size_t index = 0; index + 1 < hours->size(); ++index) {
      pieces_.emplace_back(Hour{(*hours)[index]});
    }
    if (hours->size() > 1) hours->erase(hours->begin(), hours->end() - 1);
  }
  for (const auto& hour : *hours) add_new_files(hour, after);
}

void Recovery::add_new_files(const std::filesystem::path& hour, base::Utc after) {
  const auto names = list_segments(store_.root(), hour);
  if (!names) return;
  for (const SegmentName& name : *names) {
    if (name.start <= after) continue;
    const auto file = segment_path(store_.root(), name.stream, name.start);
    auto segment = read_closed(name);
    if (!segment) segment = read_first(file, name);
    if (!segment) {
      pieces_.emplace_back(name);
      continue;
    }
    segment->id = store_.catalog().add(*segment);
    store_.set_newest(*segment);
    if (segment->is_open) {
      pieces_.emplace_back(std::move(*segment));
    } else {
      ++counts_.indexed;
    }
  }
}

base::Result<Segment> Recovery::read_closed(const SegmentName& name) {
  auto table = read_index(segment_path(store_.root(), name.stream, name.start));
  if (!table) return table.error();
  table->segment.stream = name.stream;
  table->segment.start = name.start;
  return std::move(table->segment);
}

bool Recovery::run_next() noexcept {
  std::optional<Piece> piece;
  {
    const std::lock_guard lock(lock_);
    if (pieces_.empty() || is_stopping_) return false;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    ++running_;
  }
  if (const auto* segment = std::get_if<Segment>(&*piece)) recover(*segment);
  if (const auto* name = std::get_if<SegmentName>(&*piece)) index(*name);
  if (const auto* hour = std::get_if<Hour>(&*piece)) look_at(*hour);
  bool is_last;
  {
    const std::lock_guard lock(lock_);
    is_last = --running_ == 0 && pieces_.empty();
  }
  if (is_last) log_end();
  return true;
}

void Recovery::look_at(const Hour& hour) {
  const auto names = list_segments(store_.root(), hour.folder);
  if (!names) return;
  for (const SegmentName& name : *names) {
    if (is_stopping_) return;
    index(name);
  }
}

void Recovery::index(const SegmentName& name) {
  const auto known = store_.catalog().at(name.stream, name.start);
  if (known && *known && (*known)->start == name.start) return;
  if (auto segment = read_closed(name)) {
    segment->id = store_.catalog().add(*segment);
    store_.set_newest(*segment);
    const std::lock_guard lock(lock_);
    ++counts_.indexed;
    return;
  }
  Segment unknown;
  unknown.stream = name.stream;
  unknown.start = name.start;
  recover(std::move(unknown));
}

void Recovery::recover(Segment segment) {
  const auto file = segment_path(store_.root(), segment.stream, segment.start);
  const std::uint64_t bytes_before = file_bytes(file);
  auto recovered = recover_segment(file, segment);
  if (!recovered) {
    const base::Error error = recovered.error();
    const bool is_gone = error == std::errc::no_such_file_or_directory;
    const bool has_nothing =
        error == make_error_code(Errc::nothing_valid) || error == make_error_code(Errc::bad_head);
    if (is_gone || has_nothing) return drop(segment, bytes_before, error);
    store_.log().warning(
        "recording not recovered",
        {{"stream", segment.stream}, {"file", file.string()}, {"error", error.message()}});
    const std::lock_guard lock(lock_);
    ++counts_.failed;
    return;
  }
  recovered->stream = segment.stream;
  recovered->start = segment.start;
  recovered->is_open = false;
  if (segment.id == 0) {
    recovered->id = store_.catalog().add(*recovered);
  } else {
    store_.catalog().update(*recovered);
  }
  store_.forget_table(recovered->id);
  const auto newest = store_.newest(segment.stream);
  if (!newest || newest->id == recovered->id) store_.set_newest(*recovered);
  on_recovered(*recovered, bytes_before);
}

void Recovery::on_recovered(const Segment& segment, std::uint64_t bytes_before) {
  const auto file = segment_path(store_.root(), segment.stream, segment.start);
  // What is there now but was not before is the index; a file that was whole is as it was.
  const auto table = read_index(file);
  const std::uint64_t index_bytes = table ? write_index(*table).size() : 0;
  const std::uint64_t bytes_cut =
      segment.bytes == bytes_before
          ? 0
          : bytes_before - std::min(bytes_before, segment.bytes - index_bytes);
  store_.log().info("recording recovered", {{"stream", segment.stream},
                                            {"file", file.string()},
                                            {"chunks", segment.chunks},
                                            {"bytes_cut", bytes_cut}});
  const std::lock_guard lock(lock_);
  ++counts_.segments;
  counts_.bytes_cut += bytes_cut;
}

// Nobody can read anything of it: a crash came before its first chunk, or took that.
void Recovery::drop(const Segment& segment, std::uint64_t bytes, const base::Error& why) {
  const auto file = segment_path(store_.root(), segment.stream, segment.start);
  // Something large that does not begin like a recording is not ours to remove.
  const bool is_foreign = why == make_error_code(Errc::bad_head) && bytes > head_bytes_max;
  std::error_code ignored;
  if (!is_foreign && std::filesystem::remove(file, ignored)) {
    remove_empty_folders(store_.root(), file);
  }
  if (segment.id != 0) {
    store_.catalog().remove(segment.id);
    const auto before = store_.catalog().newest(segment.stream);
    if (before) store_.drop_newest(segment, *before);
  }
  store_.log().warning(is_foreign ? "not a recording" : "recording without a whole chunk removed",
                       {{"stream", segment.stream},
                        {"file", file.string()},
                        {"bytes", bytes},
                        {"error", why.message()}});
  const std::lock_guard lock(lock_);
  ++counts_.removed;
}

void Recovery::log_end() {
  const Counts done = counts();
  store_.log().info("recordings recovered",
                    {{"segments", done.segments},
                     {"indexed", done.indexed},
                     {"removed", done.removed},
                     {"failed", done.failed},
                     {"bytes_cut", done.bytes_cut},
                     {"seconds", base::to_seconds(base::monotonic_now() - began_)}});
}

Recovery::Counts Recovery::counts() const {
  const std::lock_guard lock(lock_);
  return counts_;
}

}  // namespace disk
