#include "tests/bench/ts_source.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "tests/bench/marker.hpp"

namespace bench {
namespace {

constexpr std::size_t packet_payload = 184;
constexpr std::size_t pcr_field = 8;  // an adaptation field with flags and a PCR
constexpr std::size_t pes_header = 14;
constexpr std::size_t size_line_room = 8;  // of an HTTP chunk; the line stands at its end
// The last packet of a video frame is never full: its stuffing tells a reader that the frame ends.
constexpr std::size_t last_packet_payload = 100;
constexpr std::size_t adts_frame = 341;  // 128 kbit/s
constexpr std::int64_t clock_rate = 90'000;
constexpr std::int64_t start_pts = 10 * clock_rate;
constexpr std::int64_t decoder_delay = clock_rate / 10;

constexpr std::array<std::uint8_t, 6> access_unit_delimiter = {0, 0, 0, 1, 0x09, 0xf0};
// 1280×720, High profile, as x264 writes them.
constexpr std::array<std::uint8_t, 44> parameter_sets = {
    0,    0,    0,    1,    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01,
    0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
    0,    0,    0,    1,    0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0,    0,    0,    1};
constexpr std::array<std::uint8_t, 3> idr_slice = {0x65, 0x88, 0x84};
constexpr std::array<std::uint8_t, 6> other_slice = {0, 0, 0, 1, 0x41, 0x9a};

std::uint32_t section_crc(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= std::uint32_t{byte} << 24;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x80000000u) != 0 ? (crc << 1) ^ 0x04c11db7u : crc << 1;
    }
  }
  return crc;
}

std::uint8_t low(std::int64_t value) { return static_cast<std::uint8_t>(value & 0xff); }

}  // namespace

std::size_t packets_per_frame(std::int64_t bit_rate, std::int64_t frames_per_second) {
  constexpr std::int64_t packet_bits = TsSource::packet_bytes * 8;
  const std::int64_t rounded = (bit_rate / frames_per_second + packet_bits / 2) / packet_bits;
  return static_cast<std::size_t>(std::max<std::int64_t>(rounded, 4));  // PAT, PMT and two of video
}

TsSource::TsSource(const TsOptions& options) : options_(options) {
  const std::size_t packets = packets_per_frame(options.bit_rate, options.frames_per_second);
  filler_.resize(std::max(packets * packet_bytes, adts_frame) + 4096);
  std::minstd_rand random(1);
  // Bytes above 0x80 hold no start code, no marker and no ADTS sync word but 0xff 0xf.
  for (std::byte& byte : filler_) byte = static_cast<std::byte>(0x80 + random() % 0x60);
  pes_.reserve(packets * packet_bytes + 1024);
  chunk_.reserve(packets * packet_bytes + 1024);
}

void TsSource::make_video() {
  const bool sync = video_frames_ % static_cast<std::uint64_t>(options_.group_frames) == 0;
  std::size_t packets = packets_per_frame(options_.bit_rate, options_.frames_per_second);
  begin_chunk();
  if (sync) {
    put_tables();
    packets -= 2;
  }
  const std::int64_t pts = start_pts + static_cast<std::int64_t>(video_frames_) * clock_rate /
                                           options_.frames_per_second;
  begin_pes(0xe0, pts, false);
  append_to_pes(access_unit_delimiter);
  if (sync) {
    append_to_pes(parameter_sets);
    append_to_pes(idr_slice);
  } else {
    append_to_pes(other_slice);
  }
  const std::size_t all =
      packet_payload - pcr_field + (packets - 2) * packet_payload + last_packet_payload;
  append_filler(all - pes_.size());
  put_pes(video_, {.carries_pcr = true, .random_access = sync, .pcr = pts - decoder_delay});
  end_chunk();
  ++video_frames_;
}

void TsSource::mark(std::int64_t sent_ns) {
  const auto place = std::span(chunk_).last(Marker::size + 2).first<Marker::size>();
  write_marker(place, {.frame = video_frames_ - 1, .sent_ns = sent_ns});
}

void TsSource::make_audio() {
  begin_chunk();
  if (!options_.video && audio_frames_ % 94 == 0) put_tables();
  const std::int64_t pts = start_pts + static_cast<std::int64_t>(audio_frames_) * audio_samples *
                                           clock_rate / audio_rate;
  begin_pes(0xc0, pts, true);
  // AAC-LC, 48 kHz, stereo, no CRC (ISO 13818-7, 6.2).
  const std::array<std::uint8_t, 7> adts = {
      0xff,
      0xf1,
      0x4c,
      static_cast<std::uint8_t>(0x80 | (adts_frame >> 11)),
      static_cast<std::uint8_t>((adts_frame >> 3) & 0xff),
      static_cast<std::uint8_t>(((adts_frame & 7) << 5) | 0x1f),
      0xfc};
  append_to_pes(adts);
  append_filler(adts_frame - adts.size());
  put_pes(audio_, {.carries_pcr = !options_.video,
                   .random_access = !options_.video,
                   .pcr = pts - decoder_delay});
  end_chunk();
  ++audio_frames_;
}

void TsSource::begin_chunk() {
  chunk_.clear();
  chunk_.resize(size_line_room);
}

void TsSource::end_chunk() {
  payload_bytes_ = chunk_.size() - size_line_room;
  char line[16];
  const int length = std::snprintf(line, sizeof line, "%zx\r\n", payload_bytes_);
  chunk_begin_ = size_line_room - static_cast<std::size_t>(length);
  std::memcpy(chunk_.data() + chunk_begin_, line, static_cast<std::size_t>(length));
  chunk_.push_back(std::byte{'\r'});
  chunk_.push_back(std::byte{'\n'});
}

void TsSource::put_tables() {
  const std::array<std::uint8_t, 12> pat = {0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0x00};
  put_section(pat_, pat);
  std::vector<std::uint8_t> pmt = {0x02, 0xb0, 0, 0, 1, 0xc1, 0, 0, 0, 0, 0xf0, 0};
  const auto add_track = [&pmt](std::uint8_t type, std::uint16_t pid) {
    pmt.insert(pmt.end(), {type, static_cast<std::uint8_t>(0xe0 | (pid >> 8)), low(pid), 0xf0, 0});
  };
  if (options_.video) add_track(0x1b, video_.pid);
  if (options_.audio) add_track(0x0f, audio_.pid);
  const std::uint16_t pcr_pid = options_.video ? video_.pid : audio_.pid;
  pmt[8] = static_cast<std::uint8_t>(0xe0 | (pcr_pid >> 8));
  pmt[9] = low(pcr_pid);
  pmt[2] = static_cast<std::uint8_t>(pmt.size() + 4 - 3);
  put_section(pmt_, pmt);
}

std::byte* TsSource::new_packet() {
  chunk_.resize(chunk_.size() + packet_bytes, std::byte{0xff});
  return chunk_.data() + chunk_.size() - packet_bytes;
}

void TsSource::put_section(Track& track, std::span<const std::uint8_t> section) {
  std::byte* const packet = new_packet();
  const std::uint32_t crc = section_crc(section);
  const std::array<std::uint8_t, 5> head = {
      0x47, static_cast<std::uint8_t>(0x40 | (track.pid >> 8)), low(track.pid),
      static_cast<std::uint8_t>(0x10 | (track.counter++ & 15)), 0};
  std::memcpy(packet, head.data(), head.size());
  std::memcpy(packet + head.size(), section.data(), section.size());
  for (std::size_t i = 0; i < 4; ++i) {
    packet[head.size() + section.size() + i] = static_cast<std::byte>((crc >> (24 - 8 * i)) & 255);
  }
}

void TsSource::put_pes(Track& track, const Timing& timing) {
  for (std::size_t from = 0; from < pes_.size();) {
    std::byte* const packet = new_packet();
    const bool first = from == 0;
    const std::size_t pcr = first && timing.carries_pcr ? pcr_field : 0;
    const std::size_t payload = std::min(pes_.size() - from, packet_payload - pcr);
    const std::size_t adaptation = packet_payload - payload;  // its length byte included
    const std::array<std::uint8_t, 6> head = {
        0x47,
        static_cast<std::uint8_t>((first ? 0x40 : 0) | (track.pid >> 8)),
        low(track.pid),
        static_cast<std::uint8_t>((adaptation > 0 ? 0x30 : 0x10) | (track.counter++ & 15)),
        static_cast<std::uint8_t>(adaptation - 1),
        static_cast<std::uint8_t>(pcr == 0               ? 0
                                  : timing.random_access ? 0x50
                                                         : 0x10)};
    std::memcpy(packet, head.data(), 4 + std::min<std::size_t>(adaptation, 2));
    if (pcr > 0) {
      const std::int64_t base = timing.pcr & 0x1ffffffff;
      const std::array<std::uint8_t, 6> field = {
          low(base >> 25),
          low(base >> 17),
          low(base >> 9),
          low(base >> 1),
          static_cast<std::uint8_t>(((base & 1) << 7) | 0x7e),
          0};
      std::memcpy(packet + 6, field.data(), field.size());
    }
    std::memcpy(packet + packet_bytes - payload, pes_.data() + from, payload);
    from += payload;
  }
}

void TsSource::begin_pes(std::uint8_t stream_id, std::int64_t pts, bool sized) {
  pes_.clear();
  const std::size_t size = sized ? pes_header - 6 + adts_frame : 0;
  const std::array<std::uint8_t, pes_header> head = {
      0,
      0,
      1,
      stream_id,
      static_cast<std::uint8_t>(size >> 8),
      static_cast<std::uint8_t>(size),
      0x80,
      0x80,
      5,
      static_cast<std::uint8_t>(0x21 | ((pts >> 29) & 0x0e)),
      low(pts >> 22),
      static_cast<std::uint8_t>(low(pts >> 14) | 1),
      low(pts >> 7),
      static_cast<std::uint8_t>(low(pts << 1) | 1)};
  append_to_pes(head);
}

void TsSource::append_to_pes(std::span<const std::uint8_t> bytes) {
  const auto as_bytes = std::as_bytes(bytes);
  pes_.insert(pes_.end(), as_bytes.begin(), as_bytes.end());
}

void TsSource::append_filler(std::size_t count) {
  // Another place in the filler for each frame, so that no two frames are the same.
  const std::size_t from = (video_frames_ * 37 + audio_frames_ * 11) % 4096;
  const auto bytes = std::span(filler_).subspan(from, count);
  pes_.insert(pes_.end(), bytes.begin(), bytes.end());
}

}  // namespace bench
