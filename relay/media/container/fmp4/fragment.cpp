#include "relay/media/container/fmp4/fragment.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "relay/media/container/fmp4/box.hpp"

namespace fmp4 {
namespace {

using Bytes = std::span<const std::byte>;

// tf_flags, 8.8.7.1
constexpr std::uint32_t has_base_offset = 0x1;
constexpr std::uint32_t has_description_index = 0x2;
constexpr std::uint32_t has_default_duration = 0x8;
constexpr std::uint32_t has_default_size = 0x10;
constexpr std::uint32_t has_default_flags = 0x20;
constexpr std::uint32_t is_base_moof = 0x20000;
// tr_flags, 8.8.8.1
constexpr std::uint32_t has_data_offset = 0x1;
constexpr std::uint32_t has_first_flags = 0x4;
constexpr std::uint32_t has_duration = 0x100;
constexpr std::uint32_t has_size = 0x200;
constexpr std::uint32_t has_flags = 0x400;
constexpr std::uint32_t has_composition_offset = 0x800;
constexpr std::uint32_t row_flags = 0xF00;
// Sample flags, 8.8.3.1
constexpr std::uint32_t is_non_sync = 0x10000;
constexpr std::uint32_t depends_on_others = 0x1000000;

// Beyond it is no file; sums of two fit 64 bits.
constexpr std::uint64_t offset_max = std::uint64_t{1} << 62;

struct Row {
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
  std::int32_t composition_offset = 0;
};

class MoofParser {
 public:
  MoofParser(Place place, Movie& movie)
      : place_(place), movie_(movie), base_(place.begin), data_end_(place.begin) {}

  base::Result<Fragment> parse(Bytes payload) {
    const auto read = for_each_box(payload, [this](const Box& box) -> base::Result<void> {
      if (box.type == fourcc("traf")) return read_traf(box.payload);
      return {};
    });
    if (!read) return read.error();
    return std::move(fragment_);
  }

 private:
  base::Result<void> read_traf(Bytes payload);
  base::Result<void> read_tfhd(Bytes payload);
  base::Result<void> read_tfdt(Bytes payload);
  base::Result<void> read_trun(Bytes payload);
  base::Result<void> read_rows(base::ByteReader reader, std::uint32_t count, std::uint32_t flags,
                               std::optional<std::uint32_t> first_flags);
  base::Result<void> pass_alike(std::uint32_t count);
  base::Result<void> add(const Row& row);
  void mend_late_sample(std::size_t first, std::int64_t expected);
  base::Result<void> move_to(std::uint64_t base, std::int64_t offset);

  bool is_ours() const noexcept { return movie_.tracks[track_].codec != media::Codec::unknown; }

  Place place_;
  Movie& movie_;
  Fragment fragment_;
  std::uint32_t rows_ = 0;  // read so far

  // Of the traf being read.
  std::size_t track_ = 0;
  SampleDefaults defaults_;
  std::uint64_t base_;
  std::uint64_t data_end_;  // of the last run, where one without an offset goes on
  std::int64_t dts_ = 0;    // of the next sample, without the edit list
};

base::Result<void> MoofParser::read_traf(Bytes payload) {
  std::optional<Bytes> tfhd;
  std::optional<Bytes> tfdt;
  auto found = for_each_box(payload, [&](const Box& box) -> base::Result<void> {
    if (box.type == fourcc("tfhd")) tfhd = box.payload;
    if (box.type == fourcc("tfdt")) tfdt = box.payload;
    return {};
  });
  if (!found) return found;
  if (!tfhd) return Errc::truncated_box;
  if (auto read = read_tfhd(*tfhd); !read) return read;
  TrackContext& context = movie_.contexts[track_];
  const std::int64_t expected = context.next_dts;
  const std::size_t first = fragment_.samples.size();
  dts_ = expected;
  if (tfdt) {
    if (auto read = read_tfdt(*tfdt); !read) return read;
  }
  auto read = for_each_box(payload, [this](const Box& box) -> base::Result<void> {
    if (box.type == fourcc("trun")) return read_trun(box.payload);
    return {};
  });
  context.next_dts = dts_;
  if (read && dts_ > expected) mend_late_sample(first, expected);
  return read;
}

// ffmpeg's frag_every_frame writes some audio frames (a third of AAC) with duration 0 and the time
// at which they end, which is also the next frame's. Such a frame lasts from where the one before
// ended; later than by a frame, it is a gap.
void MoofParser::mend_late_sample(std::size_t first, std::int64_t expected) {
  if (fragment_.samples.size() != first + 1) return;
  FragmentSample& sample = fragment_.samples.back();
  const std::int64_t late = sample.dts - movie_.contexts[track_].shift - expected;
  const std::int64_t late_max = movie_.contexts[track_].last_duration;
  const bool is_audio = movie_.tracks[track_].kind == media::Kind::audio;
  if (!is_audio || sample.duration != 0 || late <= 0 || late > late_max) return;
  sample.dts -= late;
  sample.pts -= late;
  sample.duration = static_cast<std::uint32_t>(late);
}

// 8.8.7
base::Result<void> MoofParser::read_tfhd(Bytes payload) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  const std::uint32_t id = reader.u32();
  const auto track = std::find_if(movie_.tracks.begin(), movie_.tracks.end(),
                                  [&](const media::Track& other) { return other.id == id; });
  if (!reader.ok()) return Errc::truncated_box;
  if (track == movie_.tracks.end()) return Errc::unknown_track;
  track_ = static_cast<std::size_t>(track - movie_.tracks.begin());
  defaults_ = movie_.contexts[track_].defaults;
  // Without either, a fragment's first traf counts from the moof, each other one from the end of
  // the data of the one before.
  base_ = full.flags & is_base_moof ? place_.begin : data_end_;
  if (full.flags & has_base_offset) base_ = reader.u64();
  if (full.flags & has_description_index) defaults_.description_index = reader.u32();
  if (full.flags & has_default_duration) defaults_.duration = reader.u32();
  if (full.flags & has_default_size) defaults_.size = reader.u32();
  if (full.flags & has_default_flags) defaults_.flags = reader.u32();
  if (!reader.ok()) return Errc::truncated_box;
  if (is_ours() && defaults_.description_index > 1) return Errc::other_description;
  return move_to(base_, 0);
}

// 8.8.12
base::Result<void> MoofParser::read_tfdt(Bytes payload) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  const std::uint64_t dts = full.version == 0 ? reader.u32() : reader.u64();
  if (!reader.ok()) return Errc::truncated_box;
  if (dts >> 63 != 0) return Errc::bad_time;
  dts_ = static_cast<std::int64_t>(dts);
  if (!is_believable(dts_, movie_.tracks[track_].timescale)) return Errc::bad_time;
  return {};
}

base::Result<void> MoofParser::move_to(std::uint64_t base, std::int64_t offset) {
  if (base > offset_max) return Errc::bad_offset;
  const std::int64_t to = static_cast<std::int64_t>(base) + offset;
  if (to < 0) return Errc::bad_offset;
  data_end_ = static_cast<std::uint64_t>(to);
  return {};
}

// 8.8.8
base::Result<void> MoofParser::read_trun(Bytes payload) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  const std::uint32_t count = reader.u32();
  if (full.flags & has_data_offset) {
    const auto offset = static_cast<std::int32_t>(reader.u32());
    if (auto moved = move_to(base_, offset); !moved) return moved;
  }
  std::optional<std::uint32_t> first_flags;
  if (full.flags & has_first_flags) first_flags = reader.u32();
  if (!reader.ok()) return Errc::truncated_box;
  const auto fields = static_cast<std::size_t>(std::popcount(full.flags & row_flags));
  if (fields > 0) {
    if (count > reader.remaining() / (4 * fields)) return Errc::truncated_box;
  } else if (!is_ours() || defaults_.size == 0) {
    return pass_alike(count);
  }
  return read_rows(reader, count, full.flags, first_flags);
}

base::Result<void> MoofParser::read_rows(base::ByteReader reader, std::uint32_t count,
                                         std::uint32_t flags,
                                         std::optional<std::uint32_t> first_flags) {
  if (count > rows_max - rows_) return Errc::too_many_samples;
  rows_ += count;
  for (std::uint32_t index = 0; index < count; ++index) {
    Row row{defaults_.duration, defaults_.size, defaults_.flags, 0};
    if (index == 0 && first_flags) row.flags = *first_flags;
    if (flags & has_duration) row.duration = reader.u32();
    if (flags & has_size) row.size = reader.u32();
    if (flags & has_flags) row.flags = reader.u32();
    // Unsigned in version 0; but no offset is that large, and some write negative ones there.
    if (flags & has_composition_offset) {
      row.composition_offset = static_cast<std::int32_t>(reader.u32());
    }
    if (auto added = add(row); !added) return added;
  }
  return {};
}

// Samples that the box does not list one by one, and that nobody gets: a small box may name 2^32.
base::Result<void> MoofParser::pass_alike(std::uint32_t count) {
  const std::uint64_t bytes = std::uint64_t{count} * defaults_.size;
  const std::uint64_t ticks = std::uint64_t{count} * defaults_.duration;
  if (bytes >= offset_max) return Errc::bad_offset;
  if (ticks >= offset_max) return Errc::bad_time;
  if (is_ours()) fragment_.empty_samples += count;
  dts_ += static_cast<std::int64_t>(ticks);
  if (!is_believable(dts_, movie_.tracks[track_].timescale)) return Errc::bad_time;
  return move_to(data_end_, static_cast<std::int64_t>(bytes));
}

base::Result<void> MoofParser::add(const Row& row) {
  TrackContext& context = movie_.contexts[track_];
  const media::Track& track = movie_.tracks[track_];
  const std::int64_t dts = dts_ + context.shift;
  if (!is_believable(dts_, track.timescale) || !is_believable(dts, track.timescale)) {
    return Errc::bad_time;
  }
  FragmentSample sample;
  sample.begin = data_end_;
  sample.size = row.size;
  sample.track = static_cast<std::uint8_t>(track_);
  sample.sync =
      track.kind != media::Kind::video || (row.flags & (is_non_sync | depends_on_others)) == 0;
  sample.duration = row.duration;
  sample.dts = dts;
  sample.pts = dts + row.composition_offset;
  dts_ += row.duration;
  if (row.duration != 0) context.last_duration = row.duration;
  if (auto moved = move_to(data_end_, row.size); !moved) return moved;
  if (!is_ours()) return {};
  if (row.size == 0) {
    ++fragment_.empty_samples;
    return {};
  }
  if (row.size > sample_bytes_max) return Errc::sample_too_big;
  if (sample.begin < place_.end) return Errc::sample_outside_mdat;
  if (sample.end() - place_.end > fragment_bytes_max) return Errc::fragment_too_big;
  if (fragment_.samples.size() == samples_max) return Errc::too_many_samples;
  fragment_.samples.push_back(sample);
  return {};
}

}  // namespace

base::Result<Fragment> parse_moof(Bytes payload, Place place, Movie& movie) {
  return MoofParser(place, movie).parse(payload);
}

}  // namespace fmp4
