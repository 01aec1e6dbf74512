#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"

namespace fmp4 {

class BoxWriter;

/// A track can be written: its codec is one of ours, and its configuration (of video also its size,
/// of MP3 its sample rate) is known.
bool can_write(const media::Track& track) noexcept;

/// The initialisation segment, ftyp and moov (ISO/IEC 14496-12, 8.2), with sample entries whose
/// parameter sets may also come in-band (avc3, hev1). The track with index i has track_ID i + 1;
/// tracks that cannot be written are left out.
std::vector<std::byte> write_init(std::span<const media::Track> tracks);

/// Writes movie fragments that fit that initialisation segment. What `trex` says is not repeated:
/// one video and two audio samples take 168 bytes. Owned by a feed; a call allocates nothing but
/// what a list of more than four windows takes.
class FragmentWriter {
 public:
  explicit FragmentWriter(std::span<const media::Track> tracks);

  /// One moof and mdat with these samples, which are in order within each track; those of tracks
  /// that cannot be written, and those without payload, are left out. The header comes to lie where
  /// `headers` writes, the payload stays where it is. More samples than a header of
  /// `header_bytes_max` can list become several pairs of moof and mdat with the same `sequence`.
  /// Empty when no sample is left; Errc::arena_full of memory.
  base::Result<memory::WindowList> write(std::uint32_t sequence,
                                         std::span<const media::Sample> samples,
                                         memory::BlockWriter& headers);

  /// What a caller has that lays headers and payload out itself: one moof with all these samples,
  /// and an mdat whose content is the payload of all of them in the order given, also of those that
  /// the moof leaves out. Returns the bytes up to that payload, which `write_in_order()` writes,
  /// with the same samples.
  std::size_t plan_in_order(std::span<const media::Sample> samples) noexcept;
  void write_in_order(std::span<std::byte> out, std::uint32_t sequence,
                      std::span<const media::Sample> samples) noexcept;

  /// The smallest block of an arena: a header lies in one.
  static constexpr std::size_t header_bytes_max = 4096;

 private:
  // The samples of one track in the fragment being written: what its traf says.
  struct Run {
    std::uint32_t count = 0;
    std::uint32_t pieces = 0;  // of its payload: truns
    std::uint64_t payload_bytes = 0;
    std::int64_t first_dts = 0;
    const media::Sample* last = nullptr;  // while it is planned
    std::uint32_t duration = 0;           // of the first
    std::uint32_t last_duration = 0;
    std::uint32_t first_flags = 0;
    bool has_durations = false;  // not all are the same
    bool has_flags = false;      // a later sample has others than the track's default
    bool has_offsets = false;
    bool has_negative_offsets = false;
  };
  struct Output {
    bool is_written = false;
    std::uint32_t id = 0;
    std::uint32_t timescale = 0;
    std::uint32_t default_duration = 0;
    std::uint32_t default_flags = 0;
    std::uint32_t interval = 0;  // the last one between two samples; 0: not known
    std::optional<std::int64_t> last_dts;
    Run run;
  };

  Output* output_of(const media::Sample& sample) noexcept;
  std::size_t samples_that_fit(std::span<const media::Sample> samples) noexcept;
  void plan(std::span<const media::Sample> samples, std::size_t count) noexcept;
  static void plan_sample(Output& output, const media::Sample& sample) noexcept;
  static void plan_duration(Run& run, std::uint32_t duration) noexcept;
  std::uint32_t last_duration(const Output& output, std::span<const media::Sample> later) noexcept;
  static bool has_first_flags(const Output& output) noexcept;
  static bool has_own_duration(const Output& output) noexcept;
  static bool needs_long_time(const Output& output) noexcept;
  static std::size_t traf_bytes(const Output& output) noexcept;
  std::size_t header_bytes() const noexcept;
  base::Result<void> write_fragment(memory::WindowList& out, std::uint32_t sequence,
                                    std::span<const media::Sample> samples,
                                    memory::BlockWriter& headers);
  void write_header(std::span<std::byte> out, std::uint32_t sequence,
                    std::span<const media::Sample> samples, std::uint64_t payload_bytes) noexcept;
  void write_traf(BoxWriter& out, const Output& output, std::span<const media::Sample> samples,
                  std::uint64_t data_offset) noexcept;
  void write_truns(BoxWriter& out, const Output& output, std::span<const media::Sample> samples,
                   std::uint64_t data_offset) noexcept;
  std::size_t piece_end(const Output& output, std::span<const media::Sample> samples) noexcept;
  void write_trun(BoxWriter& out, const Output& output, std::span<const media::Sample> samples,
                  std::size_t end, std::uint64_t data_offset, bool is_first) noexcept;

  std::vector<Output> outputs_;  // by track
  bool is_in_order_ = false;     // the payload of what is being written
};

}  // namespace fmp4
