#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "relay/base/folder_lock.hpp"
#include "relay/disk/catalog.hpp"
#include "relay/disk/commands.hpp"
#include "relay/disk/folders.hpp"
#include "relay/disk/progress.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

using std::filesystem::path;

constexpr std::uint64_t segments_per_commit = 10'000;

[[noreturn]] void fail(const path& what, const base::Error& error) {
  throw std::runtime_error(what.string() + ": " + error.message());
}

base::Result<Segment> look_at(const path& root, const SegmentName& name) {
  const path file = segment_path(root, name.stream, name.start);
  Segment known;
  known.stream = name.stream;
  known.start = name.start;
  const auto table = read_index(file);
  const auto recovered =
      table ? base::Result<Segment>(table->segment) : recover_segment(file, known);
  if (!recovered) return recovered.error();
  Segment segment = *recovered;
  segment.stream = name.stream;
  segment.start = name.start;
  segment.is_open = false;
  return segment;
}

// The catalog is made beside the one that is there, so that a stop in the middle changes nothing.
class Reindexing {
 public:
  Reindexing(const path& root, std::ostream& out, std::ostream* bar)
      : root_(root), folder_(root / ".reindex"), out_(out), bar_(bar) {}

  void run();

 private:
  void take(Catalog& catalog, const std::vector<StreamFiles>& streams);
  void put_in_place();

  const path& root_;
  const path folder_;
  std::ostream& out_;
  std::ostream* bar_;
};

void Reindexing::run() {
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_);
  const auto streams = list_files(root_);
  if (!streams) fail(root_, streams.error());
  {
    const auto catalog = Catalog::open(folder_);
    if (!catalog) fail(folder_, catalog.error());
    take(**catalog, *streams);
    if (const auto done = (*catalog)->commit(); !done) fail(folder_, done.error());
  }
  put_in_place();
}

void Reindexing::take(Catalog& catalog, const std::vector<StreamFiles>& streams) {
  std::uint64_t bytes = 0;
  for (const StreamFiles& stream : streams) bytes += stream.bytes;
  Progress progress(out_, bar_, bytes);
  std::uint64_t segments = 0;
  std::uint64_t left_out = 0;
  for (const StreamFiles& stream : streams) {
    for (const SegmentName& name : stream.segments) {
      const auto segment = look_at(root_, name);
      if (!segment) {
        ++left_out;
        progress.line(segment_path(root_, name.stream, name.start).string() +
                      ": left out: " + segment.error().message());
        continue;
      }
      catalog.add(*segment);
      progress.add(segment->bytes);
      if (++segments % segments_per_commit != 0) continue;
      if (const auto done = catalog.commit(); !done) fail(folder_, done.error());
    }
  }
  progress.line(std::to_string(segments) + " segments are in the catalog of " + root_.string() +
                (left_out > 0 ? "; left out: " + std::to_string(left_out) + " files" : ""));
}

void Reindexing::put_in_place() {
  for (const char* suffix : {"-wal", "-shm"}) {
    std::filesystem::remove(root_ / (std::string("catalog.sqlite") + suffix));
  }
  std::filesystem::rename(folder_ / "catalog.sqlite", root_ / "catalog.sqlite");
  std::filesystem::remove_all(folder_);
}

}  // namespace

void reindex_recordings(const path& root, std::ostream& out, std::ostream* bar) {
  if (!std::filesystem::is_directory(root)) {
    throw std::runtime_error("there is no folder " + root.string());
  }
  const base::FolderLock lock(root);
  Reindexing(root, out, bar).run();
}

}  // namespace disk
