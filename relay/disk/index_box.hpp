#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "relay/base/result.hpp"
#include "relay/disk/segment.hpp"

namespace disk {

/// The end of a closed segment.
///
///      0  size 4 | "uuid" 4 | user type 16
///     24  version 1 | gap reason 1 | length of the stream's name 2
///     28  number of chunks 4
///     32  epoch 8 | first sequence 8 | last sync sequence 8
///     56  UTC of the end 8 | time of the end 8
///     72  segment 4 | discontinuity 4
///     80  offset of the first record 8
///         stream
///         for each chunk: 0x80000000 sync, else its bytes 4 | UTC 8 | time 8
///         CRC32C 4: of all before it in this box
///         size 4: the same as above, so that the box is found from the end of the file
///
/// Records follow one another: each begins where the one before ends, the index behind the last.
inline constexpr std::size_t index_bytes_max = 64 << 20;

/// `table.segment.bytes` does not count: it is known when this is written.
std::string write_index(const SegmentTable& table);
/// `bytes`: the box, all of it. The segment is closed, its id 0, its bytes those of the file.
base::Result<SegmentTable> read_index_box(std::span<const std::byte> bytes);

}  // namespace disk
