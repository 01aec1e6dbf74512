#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "relay/disk/catalog.hpp"
#include "relay/disk/commands.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/folders.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/progress.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

using std::filesystem::path;

// A relay commits about once a second what it has removed.
constexpr std::chrono::seconds commit_time{3};
// Of segments that are read from the catalog at once.
constexpr std::size_t page = 10'000;

struct Counts {
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
  std::uint64_t open = 0;  // not closed: being written, or left by a crash
  std::uint64_t damaged_chunks = 0;
  std::uint64_t damaged_files = 0;
};

std::string to_hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

// The chunks that a damaged part of a file hits, one a line.
std::vector<std::string> describe(const SegmentTable& index, const Damage& damage) {
  std::vector<std::string> lines;
  const std::string why = ": " + damage.why.message();
  for (std::size_t place = 0; place < index.chunks.size(); ++place) {
    const ChunkEntry& chunk = index.chunks[place];
    if (chunk.offset < damage.offset || chunk.offset >= damage.offset + damage.bytes) continue;
    lines.push_back("offset " + std::to_string(chunk.offset) + ", " + std::to_string(chunk.bytes) +
                    " bytes, chunk " + std::to_string(index.segment.first.sequence + place) +
                    " of epoch " + to_hex(index.segment.first.epoch) + ", " +
                    base::to_iso8601(chunk.utc) + why);
  }
  if (!lines.empty()) return lines;
  std::string line =
      "offset " + std::to_string(damage.offset) + ", " + std::to_string(damage.bytes) + " bytes";
  if (damage.position) {
    line += ", chunk " + std::to_string(damage.position->sequence) + " of epoch " +
            to_hex(damage.position->epoch);
  }
  // Without an index, what came before is all that is known of its time.
  if (!index.chunks.empty()) line += ", after " + base::to_iso8601(index.chunks.back().utc);
  return {line + why};
}

class Verification {
 public:
  Verification(const path& root, std::vector<StreamFiles> streams, std::uint64_t bytes,
               std::ostream& out, std::ostream* bar)
      : root_(root), streams_(std::move(streams)), progress_(out, bar, bytes) {
    auto catalog = Catalog::read(root);
    if (catalog) catalog_ = std::move(*catalog);  // else the files are all there is
  }
  bool run();

 private:
  void verify(const StreamFiles& stream);
  void verify(const SegmentName& name, Counts& counts);
  void verify(const path& file, const SegmentName& name, const Scan& scan, Counts& counts);
  bool should_be_closed(const SegmentName& name);
  std::uint64_t report_missing();
  std::vector<path> find_missing();
  void add_missing(const std::string& stream, std::vector<path>& missing);

  const path& root_;
  const std::vector<StreamFiles> streams_;
  Progress progress_;
  std::unique_ptr<Catalog> catalog_;
  Counts all_;
};

bool Verification::run() {
  for (const StreamFiles& stream : streams_) verify(stream);
  const std::uint64_t missing = report_missing();
  const bool is_sound = all_.damaged_files == 0 && missing == 0;
  progress_.line(std::to_string(all_.segments) + " segments, " + to_size(all_.bytes) + ": " +
                 (is_sound ? "everything is as it was written"
                           : std::to_string(all_.damaged_chunks) + " damaged chunks in " +
                                 std::to_string(all_.damaged_files) + " files, " +
                                 std::to_string(missing) + " files missing"));
  return is_sound;
}

void Verification::verify(const StreamFiles& stream) {
  Counts counts;
  for (const SegmentName& name : stream.segments) {
    const std::uint64_t before = counts.bytes;
    verify(name, counts);
    progress_.add(counts.bytes - before);
  }
  std::string line = stream.stream + ": " + std::to_string(counts.segments) + " segments, " +
                     to_size(counts.bytes) + ", " + std::to_string(counts.damaged_chunks) +
                     " damaged chunks";
  if (counts.open > 0) line += ", " + std::to_string(counts.open) + " segments not closed";
  progress_.line(line);
  all_.segments += counts.segments;
  all_.bytes += counts.bytes;
  all_.damaged_chunks += counts.damaged_chunks;
  all_.damaged_files += counts.damaged_files;
}

void Verification::verify(const SegmentName& name, Counts& counts) {
  const path file = segment_path(root_, name.stream, name.start);
  const std::uint64_t bytes = file_bytes(file);
  const auto scan = verify_segment(file, name.stream);
  if (!scan && scan.error() == std::errc::no_such_file_or_directory) return;  // removed meanwhile
  ++counts.segments;
  counts.bytes += bytes;
  if (scan) return verify(file, name, *scan, counts);
  // Of one that was begun and not closed the head may be missing.
  if (scan.error() == make_error_code(Errc::bad_head) && !should_be_closed(name) &&
      bytes < head_bytes_max) {
    ++counts.open;
    return;
  }
  ++counts.damaged_files;
  progress_.line(file.string() + ": " + scan.error().message());
}

void Verification::verify(const path& file, const SegmentName& name, const Scan& scan,
                          Counts& counts) {
  const bool is_open = !scan.has_index && !should_be_closed(name);
  counts.open += is_open;
  const auto index = read_index(file);
  std::uint64_t damaged = 0;
  for (const Damage& damage : scan.damage) {
    // The end of one that is not closed may be half written: recovery cuts it off.
    const bool is_end = damage.offset + damage.bytes >= scan.table.segment.bytes;
    if (is_open && is_end) continue;
    for (const std::string& line : describe(index ? *index : scan.table, damage)) {
      progress_.line(file.string() + ": " + line);
      ++damaged;
    }
  }
  const bool is_cut = !scan.has_index && !is_open && damaged == 0;
  if (is_cut) progress_.line(file.string() + ": " + disk::describe(Errc::no_index));
  counts.damaged_chunks += damaged;
  counts.damaged_files += damaged > 0 || is_cut;
}

bool Verification::should_be_closed(const SegmentName& name) {
  if (!catalog_) return false;
  const auto known = catalog_->at(name.stream, name.start);
  return known && *known && (*known)->start == name.start && !(*known)->is_open;
}

// What the catalog has and the folders do not. A relay that runs may just have removed it.
std::uint64_t Verification::report_missing() {
  std::vector<path> missing = find_missing();
  const base::Time deadline = base::monotonic_now() + commit_time;
  while (!missing.empty() && base::monotonic_now() < deadline) {
    std::this_thread::sleep_for(commit_time / 10);
    missing = find_missing();
  }
  for (const path& file : missing) {
    progress_.line(file.string() + ": the catalog has it, the folder does not");
  }
  return missing.size();
}

std::vector<path> Verification::find_missing() {
  std::vector<path> missing;
  if (!catalog_) return missing;
  if (const auto sums = catalog_->sums()) {
    for (const Catalog::Sum& sum : *sums) add_missing(sum.stream, missing);
  }
  return missing;
}

void Verification::add_missing(const std::string& stream, std::vector<path>& missing) {
  base::Utc from = base::Utc::min();
  for (;;) {
    const auto segments = catalog_->starting_from(stream, from, page);
    if (!segments) return;
    for (const Segment& segment : *segments) {
      path file = segment_path(root_, segment.stream, segment.start);
      std::error_code ignored;
      const bool is_there = std::filesystem::exists(file, ignored);
      if (!segment.is_open && !is_there) missing.push_back(std::move(file));
    }
    if (segments->size() < page) return;
    from = segments->back().start + base::Utc::duration(1);
  }
}

}  // namespace

bool verify_recordings(const path& root, std::ostream& out, std::ostream* bar) {
  auto streams = list_files(root);
  if (!streams) {
    throw std::runtime_error("cannot read " + root.string() + ": " + streams.error().message());
  }
  std::uint64_t bytes = 0;
  for (const StreamFiles& stream : *streams) bytes += stream.bytes;
  return Verification(root, std::move(*streams), bytes, out, bar).run();
}

}  // namespace disk
