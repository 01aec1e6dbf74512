#include "tests/bench/mp4_boxes.hpp"

#include "tests/bench/coded_frames.hpp"
#include "tests/bench/source.hpp"

namespace bench {
namespace {

constexpr std::uint32_t movie_timescale = 1000;

void put_matrix(BoxWriter& boxes) {
  for (const std::uint32_t value : {0x10000u, 0u, 0u, 0u, 0x10000u, 0u, 0u, 0u, 0x40000000u}) {
    boxes.put(4, value);
  }
}

void put_movie_header(BoxWriter& boxes, std::size_t tracks) {
  boxes.open_full("mvhd", 0, 0);
  boxes.put_zeros(8);  // times
  boxes.put(4, movie_timescale);
  boxes.put(4, 0);
  boxes.put(4, 0x10000);  // rate
  boxes.put(2, 0x100);    // volume
  boxes.put_zeros(10);
  put_matrix(boxes);
  boxes.put_zeros(24);
  boxes.put(4, tracks + 1);
  boxes.close();
}

void put_track_header(BoxWriter& boxes, const Mp4Track& track) {
  boxes.open_full("tkhd", 0, 3);  // enabled, in the movie
  boxes.put_zeros(8);
  boxes.put(4, track.id);
  boxes.put_zeros(4 + 4 + 8 + 4);
  boxes.put(2, track.is_video ? 0 : 0x100);
  boxes.put_zeros(2);
  put_matrix(boxes);
  boxes.put(2, track.is_video ? CodedFrames::width() : 0u);
  boxes.put_zeros(2);
  boxes.put(2, track.is_video ? CodedFrames::height() : 0u);
  boxes.put_zeros(2);
  boxes.close();
}

// ISO/IEC 14496-15, 5.3.3.1
void put_avc_configuration(BoxWriter& boxes) {
  const auto sps = CodedFrames::sps();
  const auto pps = CodedFrames::pps();
  boxes.open("avcC");
  boxes.put(1, 1);
  boxes.put(sps.subspan(1, 3));  // profile, constraints, level
  boxes.put(1, 0xff);            // lengths of four bytes
  boxes.put(1, 0xe1);
  boxes.put(2, sps.size());
  boxes.put(sps);
  boxes.put(1, 1);
  boxes.put(2, pps.size());
  boxes.put(pps);
  boxes.put(4, 0xfdf8f800);  // High profile: 4:2:0, 8 bits, no extension
  boxes.close();
}

void put_video_entry(BoxWriter& boxes) {
  boxes.open("avc1");
  boxes.put_zeros(6);
  boxes.put(2, 1);
  boxes.put_zeros(16);
  boxes.put(2, CodedFrames::width());
  boxes.put(2, CodedFrames::height());
  boxes.put(4, 0x480000);  // 72 dpi
  boxes.put(4, 0x480000);
  boxes.put_zeros(4);
  boxes.put(2, 1);
  boxes.put_zeros(32);
  boxes.put(2, 24);
  boxes.put(2, 0xffff);
  put_avc_configuration(boxes);
  boxes.close();
}

// ISO/IEC 14496-1, 7.2.6: an ES, its decoder's configuration and AudioSpecificConfig.
void put_audio_configuration(BoxWriter& boxes) {
  boxes.open_full("esds", 0, 0);
  boxes.put(2, 0x0319);  // ES_Descriptor
  boxes.put(2, 0);       // ES_ID
  boxes.put(1, 0);
  boxes.put(2, 0x0411);  // DecoderConfigDescriptor
  boxes.put(2, 0x4015);  // MPEG-4 audio
  boxes.put_zeros(3);
  boxes.put(4, 128'000);
  boxes.put(4, 128'000);
  boxes.put(4, 0x05021190);  // AAC-LC, 48 kHz, stereo
  boxes.put(3, 0x060102);    // SLConfigDescriptor
  boxes.close();
}

void put_audio_entry(BoxWriter& boxes) {
  boxes.open("mp4a");
  boxes.put_zeros(6);
  boxes.put(2, 1);
  boxes.put_zeros(8);
  boxes.put(2, 2);
  boxes.put(2, 16);
  boxes.put_zeros(4);
  boxes.put(4, Source::audio_rate << 16);
  put_audio_configuration(boxes);
  boxes.close();
}

void put_sample_table(BoxWriter& boxes, const Mp4Track& track) {
  boxes.open("stbl");
  boxes.open_full("stsd", 0, 0);
  boxes.put(4, 1);
  if (track.is_video) {
    put_video_entry(boxes);
  } else {
    put_audio_entry(boxes);
  }
  boxes.close();
  for (const std::string_view type : {"stts", "stsc", "stsz", "stco"}) {
    boxes.open_full(type, 0, 0);
    boxes.put_zeros(type == "stsz" ? 8 : 4);  // no samples: they are in fragments
    boxes.close();
  }
  boxes.close();
}

void put_media(BoxWriter& boxes, const Mp4Track& track) {
  boxes.open("mdia");
  boxes.open_full("mdhd", 0, 0);
  boxes.put_zeros(8);
  boxes.put(4, track.timescale);
  boxes.put(4, 0);
  boxes.put(4, 0x55c40000);  // "und"
  boxes.close();
  boxes.open_full("hdlr", 0, 0);
  boxes.put(4, 0);
  boxes.put(track.is_video ? "vide" : "soun");
  boxes.put_zeros(12 + 1);
  boxes.close();
  boxes.open("minf");
  boxes.open_full(track.is_video ? "vmhd" : "smhd", 0, track.is_video ? 1 : 0);
  boxes.put_zeros(track.is_video ? 8 : 4);
  boxes.close();
  boxes.open("dinf");
  boxes.open_full("dref", 0, 0);
  boxes.put(4, 1);
  boxes.open_full("url ", 0, 1);  // in this file
  boxes.close();
  boxes.close();
  boxes.close();
  put_sample_table(boxes, track);
  boxes.close();
  boxes.close();
}

}  // namespace

void BoxWriter::open(std::string_view type) {
  open_.push_back(out_.size());
  put_zeros(4);
  put(type);
}

void BoxWriter::open_full(std::string_view type, std::uint8_t version, std::uint32_t flags) {
  open(type);
  put(1, version);
  put(3, flags);
}

void BoxWriter::close() {
  overwrite(open_.back(), static_cast<std::uint32_t>(out_.size() - open_.back()));
  open_.pop_back();
}

void BoxWriter::put(std::size_t bytes, std::uint64_t value) {
  while (bytes-- > 0) out_.push_back(static_cast<std::byte>((value >> (8 * bytes)) & 0xff));
}

void BoxWriter::put(std::string_view text) { put(std::as_bytes(std::span(text))); }

void BoxWriter::put(std::span<const std::byte> bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void BoxWriter::put_zeros(std::size_t bytes) { out_.resize(out_.size() + bytes); }

void BoxWriter::overwrite(std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    out_[at + i] = static_cast<std::byte>((value >> (24 - 8 * i)) & 0xff);
  }
}

void put_init_segment(BoxWriter& boxes, std::span<const Mp4Track> tracks) {
  boxes.open("ftyp");
  boxes.put("iso5");
  boxes.put(4, 0x200);
  boxes.put("iso5iso6mp41");
  boxes.close();
  boxes.open("moov");
  put_movie_header(boxes, tracks.size());
  for (const Mp4Track& track : tracks) {
    boxes.open("trak");
    put_track_header(boxes, track);
    put_media(boxes, track);
    boxes.close();
  }
  boxes.open("mvex");
  for (const Mp4Track& track : tracks) {
    boxes.open_full("trex", 0, 0);
    boxes.put(4, track.id);
    boxes.put(4, 1);
    boxes.put_zeros(12);
    boxes.close();
  }
  boxes.close();
  boxes.close();
}

}  // namespace bench
