#include "relay/media/container/mpegts/program_tables.hpp"

#include <algorithm>
#include <utility>

namespace mpegts {

using media::Kind;
using media::Track;

bool ProgramTables::take(const Packet& packet, bool is_lost, PidTable& pids) {
  const Role role = pids[pids.find(packet.pid())].role;
  return role == Role::pat ? take_pat(packet, is_lost, pids) : take_pmt(packet, is_lost);
}

void ProgramTables::on_discontinuity() noexcept {
  pat_.on_loss();
  for (Program& program : programs_) program.sections.on_loss();
}

bool ProgramTables::take_pat(const Packet& packet, bool is_lost, PidTable& pids) {
  take_section(pat_, packet, is_lost);
  if (!pat_.has_new()) return false;
  std::vector<Program> programs;
  for (const ProgramEntry& entry : parse_pat(pat_.take_new())) {
    const auto known = std::ranges::find_if(programs_, [&entry](const Program& program) {
      return program.number == entry.number && program.pmt_pid == entry.pmt_pid;
    });
    if (known == programs_.end()) {
      programs.push_back({entry.number, entry.pmt_pid, SectionReader(2, entry.number), {}});
    } else {
      programs.push_back(std::move(*known));
      programs_.erase(known);
    }
  }
  programs_ = std::move(programs);
  pids.clear_role(Role::pmt);
  for (const Program& program : programs_) pids.assign(program.pmt_pid, Role::pmt, 0);
  return true;
}

bool ProgramTables::take_pmt(const Packet& packet, bool is_lost) {
  bool has_new = false;
  for (Program& program : programs_) {
    // Programs may share the PID of their PMTs.
    if (program.pmt_pid != packet.pid()) continue;
    take_section(program.sections, packet, is_lost);
    if (!program.sections.has_new()) continue;
    const auto section = program.sections.take_new();
    program.tracks = parse_pmt(section);
    if (!is_whole_pmt(section)) ++bad_sections_;
    has_new = true;
  }
  return has_new;
}

void ProgramTables::take_section(SectionReader& sections, const Packet& packet, bool is_lost) {
  if (is_lost) sections.on_loss();
  const std::uint32_t before = sections.bad_sections();
  sections.take(packet.payload(), packet.is_unit_start());
  bad_sections_ += sections.bad_sections() - before;
}

std::span<const Track> ProgramTables::tracks() const noexcept {
  for (const Kind kind : {Kind::video, Kind::audio, Kind::data}) {
    for (const Program& program : programs_) {
      const bool has_kind = std::ranges::any_of(
          program.tracks, [kind](const Track& track) { return track.kind == kind; });
      if (has_kind) return program.tracks;
    }
  }
  return {};
}

std::vector<TableSection> ProgramTables::sections() const {
  std::vector<TableSection> sections;
  if (!pat_.section().empty()) sections.push_back({pat_pid, pat_.section()});
  for (const Program& program : programs_) {
    if (!program.sections.section().empty()) {
      sections.push_back({program.pmt_pid, program.sections.section()});
    }
  }
  return sections;
}

void assign_streams(PidTable& pids, std::span<const Track> tracks) {
  pids.clear_role(Role::stream);
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    const auto pid = static_cast<std::uint16_t>(tracks[index].id);
    if (const auto slot = pids.find(pid);
        slot != PidTable::none && pids[slot].role != Role::other) {
      continue;
    }
    pids.assign(pid, Role::stream, static_cast<std::uint8_t>(index));
  }
}

}  // namespace mpegts
