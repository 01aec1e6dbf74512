#include "tests/bench/ts_source.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/bench/marker.hpp"

namespace bench {
namespace {

constexpr std::size_t packet_payload = 184;
constexpr std::size_t pcr_field = 8;  // an adaptation field with flags and a PCR
constexpr std::size_t pes_header = 14;
// The last packet of a video frame is never full: its stuffing tells a reader that the frame ends.
constexpr std::size_t last_packet_payload = 100;
constexpr std::size_t adts_header = 7;
constexpr std::size_t adts_frame = adts_header + CodedFrames::audio_bytes;
constexpr std::int64_t clock_rate = 90'000;
constexpr std::int64_t start_pts = 10 * clock_rate;
constexpr std::int64_t decoder_delay = clock_rate / 10;

constexpr std::array<std::uint8_t, 6> access_unit_delimiter = {0, 0, 0, 1, 0x09, 0xf0};
constexpr std::array<std::uint8_t, 4> start_code = {0, 0, 0, 1};

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

TsSource::TsSource(const SourceOptions& options)
    : options_(options),
      coded_(packets_per_frame(options.bit_rate, options.frames_per_second) * packet_bytes),
      chunk_(packets_per_frame(options.bit_rate, options.frames_per_second) * packet_bytes + 1024) {
  pes_.reserve(packets_per_frame(options.bit_rate, options.frames_per_second) * packet_bytes +
               1024);
}

void TsSource::make_video() {
  const std::uint64_t in_group = video_frames_ % static_cast<std::uint64_t>(options_.group_frames);
  const bool sync = in_group == 0;
  std::size_t packets = packets_per_frame(options_.bit_rate, options_.frames_per_second);
  chunk_.begin();
  if (sync) {
    put_tables();
    packets -= 2;
  }
  const std::int64_t pts = start_pts + static_cast<std::int64_t>(video_frames_) * clock_rate /
                                           options_.frames_per_second;
  begin_pes(0xe0, pts, false);
  append_to_pes(access_unit_delimiter);
  if (sync) {
    append_to_pes(start_code);
    append_to_pes(CodedFrames::sps());
    append_to_pes(start_code);
    append_to_pes(CodedFrames::pps());
  }
  append_to_pes(start_code);
  const std::size_t all =
      packet_payload - pcr_field + (packets - 2) * packet_payload + last_packet_payload;
  coded_.append_slice(video_frames_, in_group, all - pes_.size(), pes_);
  put_pes(video_, {.carries_pcr = true, .random_access = sync, .pcr = pts - decoder_delay});
  chunk_.end();
  ++video_frames_;
}

void TsSource::mark(std::int64_t sent_ns) {
  chunk_.mark({.frame = video_frames_ - 1, .sent_ns = sent_ns});
}

void TsSource::make_audio() {
  chunk_.begin();
  if (!options_.video && audio_frames_ % 94 == 0) put_tables();
  const std::int64_t pts = start_pts + static_cast<std::int64_t>(audio_frames_) * audio_samples *
                                           clock_rate / audio_rate;
  begin_pes(0xc0, pts, true);
  // AAC-LC, 48 kHz, stereo, no CRC (ISO 13818-7, 6.2).
  const std::array<std::uint8_t, adts_header> adts = {
      0xff,
      0xf1,
      0x4c,
      static_cast<std::uint8_t>(0x80 | (adts_frame >> 11)),
      static_cast<std::uint8_t>((adts_frame >> 3) & 0xff),
      static_cast<std::uint8_t>(((adts_frame & 7) << 5) | 0x1f),
      0xfc};
  append_to_pes(adts);
  append_to_pes(coded_.audio());
  put_pes(audio_, {.carries_pcr = !options_.video,
                   .random_access = !options_.video,
                   .pcr = pts - decoder_delay});
  chunk_.end();
  ++audio_frames_;
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

void TsSource::put_section(Track& track, std::span<const std::uint8_t> section) {
  std::byte* const packet = chunk_.grow(packet_bytes);
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
    std::byte* const packet = chunk_.grow(packet_bytes);
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
  append_to_pes(std::as_bytes(bytes));
}

void TsSource::append_to_pes(std::span<const std::byte> bytes) {
  pes_.insert(pes_.end(), bytes.begin(), bytes.end());
}

}  // namespace bench
