#pragma once

#include <cstddef>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/container/mpegts/pid_table.hpp"
#include "relay/media/container/mpegts/tables.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Writes the packets of join images into the arena.
class JoinWriter {
 public:
  explicit JoinWriter(memory::BlockPool& pool) noexcept : writer_(pool) {}

  /// The tables, with continuity counters that end where each PID's stood at the mark.
  base::Result<void> add_tables(memory::WindowList& out, std::span<const TableSection> tables,
                                const PidTable& pids);
  /// For each PID a packet without payload that says: counters jump, and fit again from here on;
  /// for tables, from what `add_tables` writes on.
  base::Result<void> add_discontinuities(memory::WindowList& out,
                                         std::span<const TableSection> tables,
                                         const PidTable& pids);

 private:
  base::Result<void> add_section(memory::WindowList& out, const TableSection& table,
                                 unsigned counter);
  base::Result<void> add_packet(memory::WindowList& out, std::span<const std::byte> packet);

  memory::BlockWriter writer_;
};

}  // namespace mpegts
