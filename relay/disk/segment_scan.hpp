#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/byte_source.hpp"
#include "relay/disk/segment.hpp"

// Looking at segment files. Blocks, but for `check_record()`: for the threads of the pool.
namespace disk {

/// The record that was written for this entry, and nothing has changed in it: both checksums, its
/// size, time and sync. Touches every byte.
base::Result<void> check_record(std::span<const iovec> record, const ChunkEntry& entry);

/// A part of a file that is not what was written.
struct Damage {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::optional<wire::Position> position;  ///< of the chunk that it hits, as far as that is known
  base::Error why;
};

struct Scan {
  /// The records up to the first damaged one. The segment is open where there is no sound index;
  /// its `bytes` are those of the file.
  SegmentTable table;
  std::string head;
  bool has_index = false;         ///< a sound one at the end, which says what the scan found
  std::uint64_t valid_bytes = 0;  ///< up to the end of the last of these records
  std::vector<Damage> damage;     ///< in order; at most `damages_max`
};
/// The last of so many goes to the end of the file, whatever is in it.
inline constexpr std::size_t damages_max = 1000;

/// Reads a whole file and checks every record. Behind a damaged one it goes on to report all.
/// Errc::bad_head, Errc::nothing_valid: there is nothing in it. `stream`: whose it should be.
base::Result<Scan> scan_segment(const std::filesystem::path& file, const std::string& stream);
base::Result<Scan> scan_segment(ByteSource& source, const std::string& stream);

/// The same for who wants to hear of all damage: also of a file without one valid record, with an
/// empty table.
base::Result<Scan> verify_segment(const std::filesystem::path& file, const std::string& stream);

/// The index of a closed one: from its end, in a few reads.
base::Result<SegmentTable> read_index(const std::filesystem::path& file);

/// Cuts off what a crash has left behind the last whole record, writes the index and waits until
/// the disk has it. Returns what the segment is now: closed, with the id that is `known`. A file
/// that is whole already stays as it is. Errc::bad_head, Errc::nothing_valid: nothing in it is of
/// use; the file is as it was.
base::Result<Segment> recover_segment(const std::filesystem::path& file, const Segment& known);

}  // namespace disk
