#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "relay/base/byte_reader.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/segment_scan.hpp"
#include "relay/disk/uuid_box.hpp"

namespace disk {
namespace {

base::Error last_error() noexcept { return {errno, boost::system::system_category()}; }

/// A file that is being mended.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& file) noexcept
      : descriptor_(::open(file.c_str(), O_WRONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool is_open() const noexcept { return descriptor_ >= 0; }
  base::Result<void> cut(std::uint64_t bytes) {
    if (ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) return last_error();
    return {};
  }
  base::Result<void> write(std::uint64_t offset, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count =
          pwrite(descriptor_, text.data(), text.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return last_error();
      text.remove_prefix(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }
  base::Result<void> sync() {
    if (fdatasync(descriptor_) != 0) return last_error();
    return {};
  }

 private:
  int descriptor_;
};

// The box in front of the first chunk says what the index says of it, so both are of one file.
base::Result<void> check_first(const FileSource& source, const SegmentTable& table) {
  const ChunkEntry& first = table.chunks.front();
  std::array<std::byte, 72> begin;  // as in the picture of ChunkBox
  if (first.bytes < begin.size()) return Errc::bad_index;
  if (auto read = source.read(first.offset, begin); !read) return read;
  const auto size = find_chunk_box(begin);
  base::ByteReader reader{std::span<const std::byte>(begin).subspan(chunk_box_size_bytes)};
  const wire::Position position{reader.u64(), reader.u64()};
  const base::Utc utc(std::chrono::microseconds(static_cast<std::int64_t>(reader.u64())));
  if (!size || size->record_bytes != first.bytes || position != table.segment.first ||
      utc != first.utc) {
    return Errc::bad_index;
  }
  return {};
}

}  // namespace

base::Result<SegmentTable> read_index(const std::filesystem::path& file) {
  const auto source = FileSource::open(file);
  if (!source) return source.error();
  std::array<std::byte, 4> end;
  if (source->size() < end.size()) return Errc::no_index;
  if (auto read = source->read(source->size() - end.size(), end); !read) return read.error();
  const std::size_t bytes = base::ByteReader(end).u32();
  if (bytes < uuid_head_bytes || bytes > index_bytes_max || bytes > source->size()) {
    return Errc::no_index;
  }
  std::array<std::byte, uuid_head_bytes> begin;
  if (auto read = source->read(source->size() - bytes, begin); !read) return read.error();
  if (uuid_box_bytes(begin, index_type) != bytes) return Errc::no_index;
  std::vector<std::byte> box(bytes);
  if (auto read = source->read(source->size() - bytes, box); !read) return read.error();
  auto table = read_index_box(box);
  if (!table) return table;
  if (table->segment.bytes != source->size()) return Errc::bad_index;
  if (auto checked = check_first(*source, *table); !checked) return checked.error();
  return table;
}

base::Result<Segment> recover_segment(const std::filesystem::path& file, const Segment& known) {
  auto scan = scan_segment(file, known.stream);
  if (!scan) return scan.error();
  Segment& segment = scan->table.segment;
  segment.id = known.id;
  segment.is_open = false;
  if (scan->has_index && scan->damage.empty()) return segment;
  const std::string index = write_index(scan->table);
  segment.bytes = scan->valid_bytes + index.size();
  OpenFile opened(file);
  if (!opened.is_open()) return last_error();
  if (auto cut = opened.cut(scan->valid_bytes); !cut) return cut.error();
  if (auto written = opened.write(scan->valid_bytes, index); !written) return written.error();
  if (auto synced = opened.sync(); !synced) return synced.error();
  return segment;
}

}  // namespace disk
