#include <algorithm>
#include <numeric>

#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/container/fmp4/sample_entry_writer.hpp"
#include "relay/media/container/fmp4/track_defaults.hpp"
#include "relay/media/container/fmp4/writer.hpp"

namespace fmp4 {
namespace {

using media::Track;

// 0x00010000 is 1 in 16.16, 0x40000000 in 2.30: the picture is shown as it is (6.2.2).
void write_matrix(BoxWriter& out) {
  for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U}) {
    out.u32(value);
  }
}

void write_ftyp(BoxWriter& out) {
  const auto ftyp = out.begin("ftyp");
  out.four("iso6");  // tfdt, and signed composition offsets
  out.u32(0);
  out.four("iso5");  // default-base-is-moof
  out.four("iso6");
  out.four("mp41");
  out.end(ftyp);
}

// 8.2.2
void write_mvhd(BoxWriter& out, std::size_t tracks) {
  const auto mvhd = out.begin_full("mvhd", 0, 0);
  out.zeros(8);
  out.u32(1000);     // timescale
  out.u32(0);        // duration
  out.u32(0x10000);  // rate 1
  out.u16(0x100);    // volume 1
  out.zeros(10);
  write_matrix(out);
  out.zeros(24);
  out.u32(static_cast<std::uint32_t>(tracks + 1));  // next_track_ID
  out.end(mvhd);
}

// 8.3.2
void write_tkhd(BoxWriter& out, const Track& track, std::uint32_t id) {
  constexpr std::uint32_t enabled_in_movie = 3;
  const bool has_picture = is_video(track.codec);
  const auto tkhd = out.begin_full("tkhd", 0, enabled_in_movie);
  out.zeros(8);
  out.u32(id);
  out.zeros(4);
  out.u32(0);  // duration
  out.zeros(8);
  out.u16(0);                        // layer
  out.u16(has_picture ? 0 : 1);      // alternate_group: one audio track is played at a time
  out.u16(has_picture ? 0 : 0x100);  // volume
  out.zeros(2);
  write_matrix(out);
  out.u32(has_picture ? track.width << 16 : 0);
  out.u32(has_picture ? track.height << 16 : 0);
  out.end(tkhd);
}

// Three letters of five bits each (8.4.2).
std::uint32_t packed_language(const std::string& language) {
  const auto is_letter = [](char letter) { return letter >= 'a' && letter <= 'z'; };
  const bool is_code = language.size() == 3 && std::ranges::all_of(language, is_letter);
  std::uint32_t packed = 0;
  for (const char letter : is_code ? language : std::string("und")) {
    packed = packed << 5 | static_cast<std::uint32_t>(letter - 0x60);
  }
  return packed;
}

void write_mdhd(BoxWriter& out, const Track& track) {
  const auto mdhd = out.begin_full("mdhd", 0, 0);
  out.zeros(8);
  out.u32(track.timescale);
  out.u32(0);  // duration
  out.u16(packed_language(track.language));
  out.u16(0);
  out.end(mdhd);
}

void write_hdlr(BoxWriter& out, const Track& track) {
  const auto hdlr = out.begin_full("hdlr", 0, 0);
  out.u32(0);
  if (is_video(track.codec)) {
    out.four("vide");
  } else {
    out.four("soun");
  }
  out.zeros(12);
  out.u8(0);  // an empty name
  out.end(hdlr);
}

// 8.5: the description of the samples; the tables of samples are empty, those are in fragments.
void write_stbl(BoxWriter& out, const Track& track) {
  const auto stbl = out.begin("stbl");
  const auto stsd = out.begin_full("stsd", 0, 0);
  out.u32(1);
  write_sample_entry(out, track);
  out.end(stsd);
  const auto stts = out.begin_full("stts", 0, 0);
  out.u32(0);
  out.end(stts);
  const auto stsc = out.begin_full("stsc", 0, 0);
  out.u32(0);
  out.end(stsc);
  const auto stsz = out.begin_full("stsz", 0, 0);
  out.zeros(8);
  out.end(stsz);
  const auto stco = out.begin_full("stco", 0, 0);
  out.u32(0);
  out.end(stco);
  out.end(stbl);
}

void write_minf(BoxWriter& out, const Track& track) {
  constexpr std::uint32_t same_file = 1;
  const auto minf = out.begin("minf");
  if (is_video(track.codec)) {
    const auto vmhd = out.begin_full("vmhd", 0, 1);
    out.zeros(8);
    out.end(vmhd);
  } else {
    const auto smhd = out.begin_full("smhd", 0, 0);
    out.zeros(4);
    out.end(smhd);
  }
  const auto dinf = out.begin("dinf");
  const auto dref = out.begin_full("dref", 0, 0);
  out.u32(1);
  out.end(out.begin_full("url ", 0, same_file));
  out.end(dref);
  out.end(dinf);
  write_stbl(out, track);
  out.end(minf);
}

void write_trak(BoxWriter& out, const Track& track, std::uint32_t id) {
  const auto trak = out.begin("trak");
  write_tkhd(out, track, id);
  const auto mdia = out.begin("mdia");
  write_mdhd(out, track);
  write_hdlr(out, track);
  write_minf(out, track);
  out.end(mdia);
  out.end(trak);
}

// 8.8.3
void write_trex(BoxWriter& out, const Track& track, std::uint32_t id) {
  const TrackDefaults defaults = defaults_of(track);
  const auto trex = out.begin_full("trex", 0, 0);
  out.u32(id);
  out.u32(1);  // sample description
  out.u32(defaults.duration);
  out.u32(0);  // size
  out.u32(defaults.flags);
  out.end(trex);
}

template <class Write>
void for_each_written(std::span<const Track> tracks, Write&& write) {
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    if (can_write(tracks[index])) write(tracks[index], static_cast<std::uint32_t>(index + 1));
  }
}

}  // namespace

std::vector<std::byte> write_init(std::span<const Track> tracks) {
  // What a track takes without its configuration is about 600 bytes.
  constexpr std::size_t movie_bytes_max = 256;
  constexpr std::size_t track_bytes_max = 1024;
  const std::size_t bytes_max = std::accumulate(
      tracks.begin(), tracks.end(), movie_bytes_max, [](std::size_t sum, const Track& track) {
        return sum + track_bytes_max + track.config.size();
      });
  std::vector<std::byte> bytes(bytes_max);
  BoxWriter out(bytes);
  write_ftyp(out);
  const auto moov = out.begin("moov");
  write_mvhd(out, tracks.size());
  for_each_written(tracks,
                   [&](const Track& track, std::uint32_t id) { write_trak(out, track, id); });
  const auto mvex = out.begin("mvex");
  for_each_written(tracks,
                   [&](const Track& track, std::uint32_t id) { write_trex(out, track, id); });
  out.end(mvex);
  out.end(moov);
  bytes.resize(out.size());
  return bytes;
}

}  // namespace fmp4
