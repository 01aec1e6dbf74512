#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "relay/media/container/mpegts/packet.hpp"
#include "relay/media/container/mpegts/pid_table.hpp"
#include "relay/media/container/mpegts/section.hpp"
#include "relay/media/container/mpegts/tables.hpp"
#include "relay/media/track.hpp"

namespace mpegts {

/// Follows the PAT and all PMTs of a stream and chooses the *reference program*: the first with
/// video, else with audio, else with anything. Whoever owns it has the PidTable that says which
/// packets hold tables.
class ProgramTables {
 public:
  /// A packet in order, with payload, on a PID with the role pat or pmt. True if a table changed:
  /// then PIDs have other roles, and `tracks()` may be others.
  bool take(const Packet& packet, bool is_lost, PidTable& pids);
  /// What comes next does not follow: sections in the making are void.
  void on_discontinuity() noexcept;

  /// Of the reference program, as the PMT tells them; may be more than `tracks_max`.
  std::span<const media::Track> tracks() const noexcept;
  /// PAT and PMTs as far as they are known.
  std::vector<TableSection> sections() const;
  /// Sections that were damaged, or whose lengths inside lie.
  std::uint64_t bad_sections() const noexcept { return bad_sections_; }

 private:
  struct Program {
    std::uint16_t number;
    std::uint16_t pmt_pid;
    SectionReader sections;
    std::vector<media::Track> tracks;
  };

  bool take_pat(const Packet& packet, bool is_lost, PidTable& pids);
  bool take_pmt(const Packet& packet, bool is_lost);
  void take_section(SectionReader& sections, const Packet& packet, bool is_lost);

  SectionReader pat_{0};
  std::vector<Program> programs_;
  std::uint64_t bad_sections_ = 0;
};

/// Gives the PIDs of these tracks the role stream, with their indices, and takes it from all
/// others. PIDs of tables keep theirs.
void assign_streams(PidTable& pids, std::span<const media::Track> tracks);

}  // namespace mpegts
