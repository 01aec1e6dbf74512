#include "relay/media/container/fmp4/movie_boxes.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "relay/media/container/fmp4/track_defaults.hpp"

namespace fmp4 {
namespace {

using media::Track;

// 0x00010000 is 1 in 16.16, 0x40000000 in 2.30: the picture is shown as it is (6.2.2).
void write_matrix(BoxWriter& out) {
  for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U}) {
    out.u32(value);
  }
}

void write_time(BoxWriter& out, const HeaderTimes& times, std::uint64_t value) {
  if (times.version() == 1) {
    out.u64(value);
  } else {
    out.u32(static_cast<std::uint32_t>(value));
  }
}

// When it was made, and when it was changed.
void write_created(BoxWriter& out, const HeaderTimes& times) {
  write_time(out, times, times.created);
  write_time(out, times, times.created);
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

}  // namespace

std::uint32_t HeaderTimes::version() const noexcept {
  return std::max(created, duration) > std::numeric_limits<std::uint32_t>::max() ? 1 : 0;
}

void write_mvhd(BoxWriter& out, const HeaderTimes& times, std::uint32_t timescale,
                std::uint32_t next_track) {
  const auto mvhd = out.begin_full("mvhd", times.version(), 0);
  write_created(out, times);
  out.u32(timescale);
  write_time(out, times, times.duration);
  out.u32(0x10000);  // rate 1
  out.u16(0x100);    // volume 1
  out.zeros(10);
  write_matrix(out);
  out.zeros(24);
  out.u32(next_track);
  out.end(mvhd);
}

void write_tkhd(BoxWriter& out, const Track& track, std::uint32_t id, const HeaderTimes& times) {
  constexpr std::uint32_t enabled_in_movie = 3;
  const bool has_picture = is_video(track.codec);
  const auto tkhd = out.begin_full("tkhd", times.version(), enabled_in_movie);
  write_created(out, times);
  out.u32(id);
  out.zeros(4);
  write_time(out, times, times.duration);
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

void write_mdhd(BoxWriter& out, const Track& track, const HeaderTimes& times) {
  const auto mdhd = out.begin_full("mdhd", times.version(), 0);
  write_created(out, times);
  out.u32(track.timescale);
  write_time(out, times, times.duration);
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

void write_media_information(BoxWriter& out, const Track& track) {
  constexpr std::uint32_t same_file = 1;
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
}

}  // namespace fmp4
