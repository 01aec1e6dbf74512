#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/media/track.hpp"

namespace fmp4 {

class BoxWriter;

/// Writes a whole file that players can seek in (ISO/IEC 14496-12, 8.5 to 8.7), except for its
/// samples:
///
///     ftyp moov mdat [samples of all tracks, where their owner puts them]
///
/// Times of all tracks are on one line, whose zero is anywhere; an edit list says which part of it
/// is shown. Video frames before that are there to be decoded only and last next to nothing: not
/// every player knows edit lists, and some that do end what begins late too early. A pause in a
/// track is a sample that lasts until the next one. H.264 and H.265 are avc1 and hvc1, which every
/// player takes; their samples may repeat the parameter sets. Grows with what is added; whoever
/// adds bounds that.
class ProgressiveWriter {
 public:
  static constexpr std::uint32_t movie_timescale = 90'000;
  /// Of one entry in the table of places: a player reads no more at once than it has to.
  static constexpr std::uint32_t run_samples_max = 64;

  struct Sample {
    std::uint64_t offset = 0;  ///< in the content of mdat
    std::uint32_t bytes = 0;
    std::int64_t dts = 0;        ///< in the track's timescale
    std::int64_t pts = 0;        ///< likewise
    std::uint32_t duration = 0;  ///< likewise; told of the last sample only
    bool sync = false;
  };

  /// A track that can be written, see `can_write()`. Returns its index.
  std::size_t add_track(const media::Track& track);
  std::size_t track_count() const noexcept { return tracks_.size(); }
  const media::Track& track(std::size_t index) const noexcept { return tracks_[index].now(); }
  /// What follows in the track has another configuration, of the same codec. Its timescale stays.
  void describe(std::size_t track, const media::Track& as);
  /// In decoding order within each track: a dts that goes back is moved to the last one.
  void add(std::size_t track, const Sample& sample);

  /// Of everything that was added.
  std::uint64_t samples() const noexcept { return samples_; }
  /// About what `write()` returns, which is also about what this holds.
  std::uint64_t bytes() const noexcept;

  /// What is to be seen of it, from `start` to before `end`.
  struct Shown {
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::uint32_t timescale = movie_timescale;  ///< of the two
  };
  /// Everything before the content of mdat, which has `mdat_bytes`. `created`: seconds since 1970,
  /// of the start. A track of which nothing is shown is left out.
  std::vector<std::byte> write(const Shown& shown, std::uint64_t mdat_bytes,
                               std::int64_t created) const;

 private:
  template <class Value>
  struct Run {
    std::uint32_t count = 0;
    Value value{};
  };
  struct Place {
    std::uint64_t offset = 0;
    std::uint32_t samples = 0;
    std::uint32_t description = 0;
  };
  struct Track {
    const media::Track& now() const noexcept { return descriptions[description]; }

    std::vector<media::Track> descriptions;
    std::uint32_t description = 0;
    std::vector<std::uint32_t> sizes;
    std::vector<Run<std::uint32_t>> durations;  // but for the last sample's
    std::vector<Run<std::int32_t>> offsets;     // from dts to pts
    std::vector<std::uint32_t> syncs;           // sample numbers, from 1
    std::vector<Place> places;
    std::uint64_t next_offset = 0;
    std::int64_t first_dts = 0;
    std::int64_t last_dts = 0;
    std::uint32_t last_duration = 0;
    std::int64_t first_pts = 0;  // the earliest
    std::int64_t last_pts = 0;   // the latest
    std::int32_t offset_min = 0;
  };
  struct Edit;
  struct Layout;
  /// A track as its tables tell it.
  struct Times {
    std::vector<Run<std::uint32_t>> durations;
    std::vector<Run<std::int32_t>> offsets;
    std::int64_t first_dts = 0;
    std::int32_t offset_min = 0;
  };

  template <class Runs>
  class Walk;

  template <class Value>
  static void append(std::vector<Run<Value>>& runs, Value value);
  static Times times_of(const Track& track, const Shown& shown);
  static Edit edit_of(const Track& track, const Times& times, const Shown& shown) noexcept;
  static std::uint64_t table_bytes(const Track& track) noexcept;
  void write_head(BoxWriter& out, std::span<const Times> times, const Shown& shown,
                  const Layout& layout) const;
  static void write_trak(BoxWriter& out, const Track& track, const Times& times, std::uint32_t id,
                         const Edit& edit, const Layout& layout);
  static void write_elst(BoxWriter& out, const Edit& edit);
  static void write_stbl(BoxWriter& out, const Track& track, const Times& times,
                         const Layout& layout);
  static void write_times(BoxWriter& out, const Times& times);
  static void write_places(BoxWriter& out, const Track& track, const Layout& layout);

  std::vector<Track> tracks_;
  std::uint64_t samples_ = 0;
};

}  // namespace fmp4
