#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/stream/chunk.hpp"

namespace disk {

/// Why chunks are missing before a segment. The names are the words of timeline.json, of
/// `spancast recordings` and of metrics; the numbers are in files and in the catalog: never reused.
enum class GapReason : std::uint8_t {
  none = 0,       ///< none are: it follows the one before, or is the first of all
  publisher = 1,  ///< another publisher, or the same after it lost its state; or nobody published
  lost = 2,       ///< the publisher left them out
  memory = 3,     ///< the relay had no memory for them
  restart = 4,    ///< the relay was not running, or what it had not written died with it
  backlog = 5,    ///< the disk was too slow
  failed = 6,     ///< they could not be written: disk full, read-only or failing
  damaged = 7,    ///< they were written, but what is there now is not what was
  stopped = 8,    ///< recording was switched off
  not_kept = 9,   ///< they are from before everything there is: never recorded, or removed since
};
constexpr std::size_t gap_reason_count = 10;
const char* name_of(GapReason reason) noexcept;
/// What a player over the wire is told.
wire::GapReason to_wire(GapReason reason) noexcept;

/// Where one chunk lies in a segment file, and what is asked for when it is looked for.
struct ChunkEntry {
  std::uint64_t offset = 0;  ///< in the file, of the box that precedes it
  std::uint32_t bytes = 0;   ///< of that box, moof and mdat together
  bool sync = false;
  base::Utc utc{};             ///< of its first frame
  stream::MediaTime time = 0;  ///< likewise, in log time

  bool operator==(const ChunkEntry&) const = default;
};

/// One file of a recording: chunks of one epoch whose numbers follow each other.
struct Segment {
  std::int64_t id = 0;   ///< of the catalog; ids grow
  std::string stream;    ///< `live/cam`
  wire::Position first;  ///< of its first chunk
  std::uint64_t chunks = 0;
  base::Utc start{};  ///< UTC of its first chunk or later, see Store::next_start(); names the file
  base::Utc end{};    ///< UTC where its last chunk ends (that one's plus the last interval)
  stream::MediaTime start_time = 0;  ///< of its first chunk
  stream::MediaTime end_time = 0;    ///< where its last one ends
  std::uint64_t bytes = 0;           ///< of the file
  std::uint64_t last_sync = 0;       ///< number (sequence) of its last sync chunk, or of the first
  stream::MediaTime last_sync_time = 0;  ///< of that one
  std::uint32_t number = 0;              ///< `Chunk::segment` of its last chunk
  std::uint32_t discontinuity = 0;       ///< likewise
  GapReason gap = GapReason::none;       ///< before it
  bool is_open = true;                   ///< still being written, or it was when the process died

  wire::Position next() const noexcept { return {first.epoch, first.sequence + chunks}; }
  bool operator==(const Segment&) const = default;
};

/// Why what comes before `next` does not end with `wanted`, or not at once with it; none: the
/// segment has that chunk, or it is the first.
GapReason gap_before(const Segment& next, wire::Position wanted) noexcept;

/// A segment with its index: chunk `i` has the position `first + i`. Immutable once shared.
struct SegmentTable {
  Segment segment;
  std::vector<ChunkEntry> chunks;
};

}  // namespace disk
