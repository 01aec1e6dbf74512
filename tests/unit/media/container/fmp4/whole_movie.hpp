#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/media/container/fmp4/boxes.hpp"

namespace test {

/// What a file that is not fragmented says of its samples (ISO/IEC 14496-12, 8.5 to 8.7), read from
/// its tables without looking at the writer.
struct WholeMovie {
  struct Sample {
    std::uint64_t offset = 0;  ///< in the file
    std::uint32_t bytes = 0;
    std::int64_t dts = 0;  ///< from 0 on
    std::int64_t pts = 0;
    std::uint32_t duration = 0;
    bool sync = true;
    std::uint32_t description = 0;
  };
  struct Edit {
    std::uint64_t duration = 0;
    std::int64_t media_time = 0;
  };
  struct Track {
    std::uint32_t id = 0;
    std::uint64_t shown = 0;  ///< duration of tkhd
    std::uint32_t timescale = 0;
    std::uint64_t duration = 0;  ///< of mdhd
    std::vector<std::string> entries;
    std::vector<Edit> edits;
    std::vector<Sample> samples;
    std::size_t places = 0;
  };

  std::uint32_t timescale = 0;
  std::uint64_t duration = 0;
  std::uint64_t created = 0;
  std::vector<Track> tracks;
};

inline std::uint64_t time_of(base::ByteReader& in, unsigned version) {
  return version == 1 ? in.u64() : in.u32();
}

/// (version, the rest) of a full box.
inline std::pair<unsigned, base::ByteReader> full_box(const BoxNode& box) {
  auto in = box.reader();
  const unsigned version = in.u8();
  in.u24();
  return {version, in};
}

inline void read_edits(const BoxNode& edts, WholeMovie::Track& track) {
  auto boxes = parse_boxes(edts.payload);
  REQUIRE(boxes.size() == 1);
  auto [version, in] = full_box(boxes[0]);
  for (std::uint32_t left = in.u32(); left > 0; --left) {
    WholeMovie::Edit& edit = track.edits.emplace_back();
    edit.duration = time_of(in, version);
    edit.media_time =
        version == 1 ? static_cast<std::int64_t>(in.u64()) : static_cast<std::int32_t>(in.u32());
    CHECK(in.u32() == 0x10000);
  }
  CHECK((in.ok() && in.remaining() == 0));
}

inline void read_sizes(const BoxNode& stbl, WholeMovie::Track& track) {
  auto [version, in] = full_box(stbl.at("stsz"));
  CHECK(in.u32() == 0);
  for (std::uint32_t left = in.u32(); left > 0; --left) track.samples.push_back({0, in.u32()});
  CHECK((in.ok() && in.remaining() == 0));
}

inline void read_times(const BoxNode& stbl, WholeMovie::Track& track) {
  auto [version, in] = full_box(stbl.at("stts"));
  std::size_t at = 0;
  std::int64_t dts = 0;
  for (std::uint32_t runs = in.u32(); runs > 0; --runs) {
    const std::uint32_t count = in.u32();
    const std::uint32_t duration = in.u32();
    for (std::uint32_t left = count; left > 0; --left) {
      REQUIRE(at < track.samples.size());
      track.samples[at].dts = track.samples[at].pts = dts;
      track.samples[at++].duration = duration;
      dts += duration;
    }
  }
  CHECK((in.ok() && in.remaining() == 0));
  CHECK(at == track.samples.size());
  CHECK(track.duration == static_cast<std::uint64_t>(dts));
  if (stbl.count("ctts") == 0) return;
  auto [offsets_version, offsets] = full_box(stbl.at("ctts"));
  CHECK(offsets_version == 0);
  at = 0;
  for (std::uint32_t runs = offsets.u32(); runs > 0; --runs) {
    const std::uint32_t count = offsets.u32();
    const std::uint32_t offset = offsets.u32();
    for (std::uint32_t left = count; left > 0; --left) {
      REQUIRE(at < track.samples.size());
      track.samples[at++].pts += offset;
    }
  }
  CHECK((offsets.ok() && offsets.remaining() == 0));
  CHECK(at == track.samples.size());
}

inline void read_syncs(const BoxNode& stbl, WholeMovie::Track& track) {
  if (stbl.count("stss") == 0) return;
  for (auto& sample : track.samples) sample.sync = false;
  auto [version, in] = full_box(stbl.at("stss"));
  for (std::uint32_t left = in.u32(); left > 0; --left) {
    track.samples.at(in.u32() - 1).sync = true;
  }
  CHECK((in.ok() && in.remaining() == 0));
}

inline void read_places(const BoxNode& stbl, WholeMovie::Track& track) {
  struct Change {
    std::uint32_t place, samples, description;
  };
  std::vector<Change> changes;
  auto [version, in] = full_box(stbl.at("stsc"));
  for (std::uint32_t left = in.u32(); left > 0; --left) {
    const std::uint32_t place = in.u32();
    const std::uint32_t samples = in.u32();
    changes.push_back({place, samples, in.u32()});
  }
  CHECK((in.ok() && in.remaining() == 0));
  const bool is_long = stbl.count("co64") > 0;
  auto [places_version, places] = full_box(stbl.at(is_long ? "co64" : "stco"));
  track.places = places.u32();
  std::size_t at = 0;
  std::size_t change = 0;
  for (std::uint32_t place = 1; place <= track.places; ++place) {
    std::uint64_t offset = is_long ? places.u64() : places.u32();
    while (change + 1 < changes.size() && changes[change + 1].place <= place) ++change;
    for (std::uint32_t left = changes.at(change).samples; left > 0; --left) {
      REQUIRE(at < track.samples.size());
      track.samples[at].offset = offset;
      track.samples[at].description = changes[change].description;
      offset += track.samples[at++].bytes;
    }
  }
  CHECK((places.ok() && places.remaining() == 0));
  CHECK(at == track.samples.size());
}

inline WholeMovie::Track read_track(const BoxNode& trak) {
  WholeMovie::Track track;
  auto [tkhd_version, tkhd] = full_box(trak.at("tkhd"));
  time_of(tkhd, tkhd_version);
  time_of(tkhd, tkhd_version);
  track.id = tkhd.u32();
  tkhd.u32();
  track.shown = time_of(tkhd, tkhd_version);
  auto [mdhd_version, mdhd] = full_box(trak.at("mdia/mdhd"));
  time_of(mdhd, mdhd_version);
  time_of(mdhd, mdhd_version);
  track.timescale = mdhd.u32();
  track.duration = time_of(mdhd, mdhd_version);
  const BoxNode& stbl = trak.at("mdia/minf/stbl");
  auto [stsd_version, stsd] = full_box(stbl.at("stsd"));
  const std::uint32_t entries = stsd.u32();
  for (const BoxNode& entry : parse_boxes(stsd.rest())) track.entries.push_back(entry.type);
  CHECK(track.entries.size() == entries);
  read_edits(trak.at("edts"), track);
  read_sizes(stbl, track);
  read_times(stbl, track);
  read_syncs(stbl, track);
  read_places(stbl, track);
  return track;
}

/// `head`: ftyp and moov, and nothing behind them that is looked at.
inline WholeMovie read_whole_movie(std::span<const std::byte> head) {
  base::ByteReader in(head);
  const std::uint32_t ftyp_bytes = in.u32();
  base::ByteReader moov_in(head.subspan(ftyp_bytes));
  const std::uint32_t moov_bytes = moov_in.u32();
  const BoxNode file = parse_file(head.first(ftyp_bytes + moov_bytes));
  REQUIRE(file.children.size() == 2);
  CHECK(file.children[0].type == "ftyp");
  const BoxNode& moov = file.at("moov");
  WholeMovie movie;
  auto [version, mvhd] = full_box(moov.at("mvhd"));
  movie.created = time_of(mvhd, version);
  time_of(mvhd, version);
  movie.timescale = mvhd.u32();
  movie.duration = time_of(mvhd, version);
  for (const BoxNode& box : moov.children) {
    if (box.type == "trak") movie.tracks.push_back(read_track(box));
  }
  return movie;
}

}  // namespace test
