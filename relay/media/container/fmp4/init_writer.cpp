#include <numeric>

#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/container/fmp4/movie_boxes.hpp"
#include "relay/media/container/fmp4/sample_entry_writer.hpp"
#include "relay/media/container/fmp4/track_defaults.hpp"
#include "relay/media/container/fmp4/writer.hpp"

namespace fmp4 {
namespace {

using media::Track;

constexpr std::uint32_t movie_timescale = 1000;

void write_ftyp(BoxWriter& out) {
  const auto ftyp = out.begin("ftyp");
  out.four("iso6");  // tfdt, and signed composition offsets
  out.u32(0);
  out.four("iso5");  // default-base-is-moof
  out.four("iso6");
  out.four("mp41");
  out.end(ftyp);
}

// 8.5: the description of the samples; the tables of samples are empty, those are in fragments.
void write_stbl(BoxWriter& out, const Track& track) {
  const auto stbl = out.begin("stbl");
  const auto stsd = out.begin_full("stsd", 0, 0);
  out.u32(1);
  write_sample_entry(out, track, ParameterSets::in_band);
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

void write_trak(BoxWriter& out, const Track& track, std::uint32_t id) {
  const auto trak = out.begin("trak");
  write_tkhd(out, track, id, {});
  const auto mdia = out.begin("mdia");
  write_mdhd(out, track, {});
  write_hdlr(out, track);
  const auto minf = out.begin("minf");
  write_media_information(out, track);
  write_stbl(out, track);
  out.end(minf);
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
  write_mvhd(out, {}, movie_timescale, static_cast<std::uint32_t>(tracks.size() + 1));
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
