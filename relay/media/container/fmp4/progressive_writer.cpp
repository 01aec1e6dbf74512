#include "relay/media/container/fmp4/progressive_writer.hpp"

#include <algorithm>
#include <limits>

#include "relay/base/assert.hpp"
#include "relay/media/container/fmp4/movie_boxes.hpp"
#include "relay/media/container/fmp4/sample_entry_writer.hpp"
#include "relay/media/container/fmp4/track_defaults.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/timescale.hpp"

namespace fmp4 {
namespace {

constexpr std::uint32_t u32_max = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t seconds_from_1904_to_1970 = 2'082'844'800;
// Of a frame that is shown, how long one lasts that is not. FFmpeg takes what lasts a thousand
// times as long as the ones before for a discontinuity.
constexpr std::uint32_t early_steps = 256;
// What is there however many samples there are: ftyp, mvhd, the head of mdat; of a track all but
// its tables and descriptions; of a description all but the decoder's configuration.
constexpr std::uint64_t movie_bytes_max = 256;
constexpr std::uint64_t track_bytes_max = 768;
constexpr std::uint64_t description_bytes_max = 256;

std::uint64_t movie_ticks(std::int64_t ticks, std::uint32_t timescale) noexcept {
  return static_cast<std::uint64_t>(
      media::rescale(ticks, ProgressiveWriter::movie_timescale, timescale));
}

// 4.3: composition offsets are plain, edits are used, nothing newer is.
void write_ftyp(BoxWriter& out) {
  const auto ftyp = out.begin("ftyp");
  out.four("isom");
  out.u32(0x200);
  out.four("isom");
  out.four("iso2");
  out.four("mp41");
  out.end(ftyp);
}

template <class Values, class Write>
void write_table(BoxWriter& out, const char (&type)[5], const Values& values, Write&& write) {
  const auto box = out.begin_full(type, 0, 0);
  out.u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& value : values) write(value);
  out.end(box);
}

}  // namespace

/// Goes through runs value by value.
template <class Runs>
class ProgressiveWriter::Walk {
 public:
  explicit Walk(const Runs& runs) : runs_(runs), left_(runs.front().count) {}

  bool is_over() const noexcept { return run_ == runs_.size(); }
  auto take() noexcept {
    const auto value = runs_[run_].value;
    if (--left_ == 0 && ++run_ < runs_.size()) left_ = runs_[run_].count;
    return value;
  }
  /// What was not taken.
  void append_rest(Runs& out) const {
    for (std::size_t run = run_; run < runs_.size(); ++run) {
      if (out.empty() || out.back().value != runs_[run].value) out.push_back({0, runs_[run].value});
      out.back().count += run == run_ ? left_ : runs_[run].count;
    }
  }

 private:
  const Runs& runs_;
  std::size_t run_ = 0;
  std::uint32_t left_;
};

// 8.6.6, in the movie's timescale but for `media_time`.
struct ProgressiveWriter::Edit {
  std::uint64_t wait = 0;  // nothing is shown for so long
  std::uint64_t duration = 0;
  std::uint64_t media_time = 0;  // on the track's own line, which begins with its first dts

  std::uint64_t end() const noexcept { return wait + duration; }
};

struct ProgressiveWriter::Layout {
  std::uint64_t created = 0;  // since 1904
  std::uint64_t mdat_bytes = 0;
  std::uint64_t mdat_begin = 0;  // of its content in the file
  bool is_long = false;          // offsets have 64 bits
};

std::size_t ProgressiveWriter::add_track(const media::Track& track) {
  RELAY_ASSERT(can_write(track));
  tracks_.emplace_back().descriptions.push_back(track);
  return tracks_.size() - 1;
}

void ProgressiveWriter::describe(std::size_t track, const media::Track& as) {
  RELAY_ASSERT(can_write(as));
  Track& out = tracks_[track];
  RELAY_ASSERT(as.codec == out.now().codec);
  const auto is_same = [&as](const media::Track& other) {
    return other.config == as.config && other.width == as.width && other.height == as.height &&
           other.sample_rate == as.sample_rate && other.channels == as.channels;
  };
  const auto found = std::ranges::find_if(out.descriptions, is_same);
  out.description = static_cast<std::uint32_t>(found - out.descriptions.begin());
  if (found != out.descriptions.end()) return;
  const std::uint32_t timescale = out.descriptions.front().timescale;
  out.descriptions.push_back(as);
  out.descriptions.back().timescale = timescale;
}

template <class Value>
void ProgressiveWriter::append(std::vector<Run<Value>>& runs, Value value) {
  if (runs.empty() || runs.back().value != value) runs.push_back({0, value});
  ++runs.back().count;
}

void ProgressiveWriter::add(std::size_t track, const Sample& sample) {
  Track& out = tracks_[track];
  std::int64_t dts = sample.dts;
  if (out.sizes.empty()) {
    out.first_dts = dts;
    out.first_pts = out.last_pts = sample.pts;
  } else {
    dts = std::clamp<std::int64_t>(dts, out.last_dts, out.last_dts + u32_max);
    append(out.durations, static_cast<std::uint32_t>(dts - out.last_dts));
  }
  const auto offset = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(sample.pts - dts, std::numeric_limits<std::int32_t>::min() / 2,
                               std::numeric_limits<std::int32_t>::max() / 2));
  append(out.offsets, offset);
  out.offset_min = std::min(out.offset_min, offset);
  out.first_pts = std::min(out.first_pts, dts + offset);
  out.last_pts = std::max(out.last_pts, dts + offset);
  out.last_dts = dts;
  out.last_duration = sample.duration;
  out.sizes.push_back(sample.bytes);
  if (sample.sync) out.syncs.push_back(static_cast<std::uint32_t>(out.sizes.size()));
  const bool goes_on = !out.places.empty() && sample.offset == out.next_offset &&
                       out.places.back().samples < run_samples_max &&
                       out.places.back().description == out.description;
  if (!goes_on) out.places.push_back({sample.offset, 0, out.description});
  ++out.places.back().samples;
  out.next_offset = sample.offset + sample.bytes;
  ++samples_;
}

std::uint64_t ProgressiveWriter::table_bytes(const Track& track) noexcept {
  std::uint64_t bytes = track_bytes_max + track.sizes.size() * 4 + track.syncs.size() * 4 +
                        (track.durations.size() + 1 + track.offsets.size()) * 8 +
                        track.places.size() * (8 + 12);
  for (const media::Track& description : track.descriptions) {
    bytes += description_bytes_max + description.config.size();
  }
  return bytes;
}

std::uint64_t ProgressiveWriter::bytes() const noexcept {
  std::uint64_t bytes = movie_bytes_max;
  for (const Track& track : tracks_) bytes += table_bytes(track);
  return bytes;
}

std::vector<std::byte> ProgressiveWriter::write(const Shown& shown, std::uint64_t mdat_bytes,
                                                std::int64_t created) const {
  std::vector<Times> times;
  std::uint64_t bytes_max = bytes();
  for (const Track& track : tracks_) {
    const Times& last = times.emplace_back(times_of(track, shown));
    bytes_max += (last.durations.size() + last.offsets.size()) * 8;
  }
  std::vector<std::byte> head(bytes_max);
  Layout layout;
  layout.created =
      static_cast<std::uint64_t>(std::max<std::int64_t>(created + seconds_from_1904_to_1970, 0));
  layout.mdat_bytes = mdat_bytes;
  layout.is_long = head.size() + mdat_bytes > u32_max;
  // Once to learn where the samples begin, and once to say so.
  BoxWriter draft(head);
  write_head(draft, times, shown, layout);
  layout.mdat_begin = draft.size();
  BoxWriter out(head);
  write_head(out, times, shown, layout);
  RELAY_ASSERT(out.size() == layout.mdat_begin);
  head.resize(out.size());
  return head;
}

// Those before the first that is shown, one step after the other in the order in which they would
// have been decoded and shown.
ProgressiveWriter::Times ProgressiveWriter::times_of(const Track& track, const Shown& shown) {
  if (track.sizes.empty()) return {};
  Times times{track.durations, track.offsets, track.first_dts, track.offset_min};
  append(times.durations, track.last_duration);
  const std::int64_t start = media::rescale(shown.start, track.now().timescale, shown.timescale);
  if (!is_video(track.now().codec) || track.first_dts >= start) return times;
  std::vector<std::int64_t> early;  // pts of samples that are decoded before, in that order
  std::vector<std::int64_t> unseen;
  std::int64_t dts = track.first_dts;
  Walk durations(times.durations);
  Walk offsets(times.offsets);
  std::uint32_t duration = 1;
  while (dts < start && !durations.is_over()) {
    early.push_back(dts + offsets.take());
    if (early.back() < start) unseen.push_back(early.back());
    duration = durations.take();
    dts += duration;
  }
  std::ranges::sort(unseen);
  const auto count = static_cast<std::int64_t>(early.size());
  const std::uint32_t step = std::max(duration / early_steps, std::uint32_t{1});
  Times moved{{}, {}, start - count * step, 0};
  for (std::int64_t index = 0; index < count; ++index) {
    const auto place = std::ranges::lower_bound(unseen, early[static_cast<std::size_t>(index)]);
    const std::int64_t pts = place == unseen.end() ? early[static_cast<std::size_t>(index)]
                                                   : start - (unseen.end() - place) * step;
    const std::int64_t at = start - (count - index) * step;
    append(moved.durations, index + 1 == count ? static_cast<std::uint32_t>(dts - at) : step);
    append(moved.offsets, static_cast<std::int32_t>(pts - at));
  }
  durations.append_rest(moved.durations);
  offsets.append_rest(moved.offsets);
  for (const auto& run : moved.offsets) moved.offset_min = std::min(moved.offset_min, run.value);
  return moved;
}

ProgressiveWriter::Edit ProgressiveWriter::edit_of(const Track& track, const Times& times,
                                                   const Shown& shown) noexcept {
  if (track.sizes.empty()) return {};
  const std::uint32_t timescale = track.now().timescale;
  const std::int64_t start = media::rescale(shown.start, timescale, shown.timescale);
  const std::int64_t end = std::min(media::rescale(shown.end, timescale, shown.timescale),
                                    track.last_pts + track.last_duration);
  const std::int64_t begin = std::max(start, track.first_pts);
  if (end <= begin) return {};
  // Composition offsets are told without a sign: the whole track lies so much later.
  return {movie_ticks(begin - start, timescale), movie_ticks(end - begin, timescale),
          static_cast<std::uint64_t>(begin - times.first_dts - times.offset_min)};
}

void ProgressiveWriter::write_head(BoxWriter& out, std::span<const Times> times, const Shown& shown,
                                   const Layout& layout) const {
  write_ftyp(out);
  std::vector<Edit> edits;
  HeaderTimes header{layout.created, 0};
  for (std::size_t index = 0; index < tracks_.size(); ++index) {
    edits.push_back(edit_of(tracks_[index], times[index], shown));
    header.duration = std::max(header.duration, edits.back().end());
  }
  const auto moov = out.begin("moov");
  write_mvhd(out, header, movie_timescale, static_cast<std::uint32_t>(tracks_.size() + 1));
  for (std::size_t index = 0; index < tracks_.size(); ++index) {
    if (edits[index].duration == 0) continue;
    write_trak(out, tracks_[index], times[index], static_cast<std::uint32_t>(index + 1),
               edits[index], layout);
  }
  out.end(moov);
  if (layout.is_long) {
    out.u32(1);
    out.four("mdat");
    out.u64(16 + layout.mdat_bytes);
  } else {
    out.u32(static_cast<std::uint32_t>(8 + layout.mdat_bytes));
    out.four("mdat");
  }
}

void ProgressiveWriter::write_trak(BoxWriter& out, const Track& track, const Times& times,
                                   std::uint32_t id, const Edit& edit, const Layout& layout) {
  const media::Track& first = track.descriptions.front();
  std::uint64_t duration = 0;
  for (const auto& run : times.durations) duration += std::uint64_t{run.count} * run.value;
  const auto trak = out.begin("trak");
  write_tkhd(out, first, id, {layout.created, edit.end()});
  const auto edts = out.begin("edts");
  write_elst(out, edit);
  out.end(edts);
  const auto mdia = out.begin("mdia");
  write_mdhd(out, first, {layout.created, duration});
  write_hdlr(out, first);
  const auto minf = out.begin("minf");
  write_media_information(out, first);
  write_stbl(out, track, times, layout);
  out.end(minf);
  out.end(mdia);
  out.end(trak);
}

// 8.6.6: an edit that shows nothing (media time -1), then the one that shows the track.
void ProgressiveWriter::write_elst(BoxWriter& out, const Edit& edit) {
  constexpr std::uint64_t nothing = std::numeric_limits<std::uint64_t>::max();
  const bool is_long = std::max({edit.wait, edit.duration, edit.media_time}) >
                       std::uint64_t{std::numeric_limits<std::int32_t>::max()};
  const auto write_edit = [&](std::uint64_t duration, std::uint64_t media_time) {
    if (is_long) {
      out.u64(duration);
      out.u64(media_time);
    } else {
      out.u32(static_cast<std::uint32_t>(duration));
      out.u32(static_cast<std::uint32_t>(media_time));
    }
    out.u32(0x10000);  // at its own speed
  };
  const auto elst = out.begin_full("elst", is_long ? 1 : 0, 0);
  out.u32(edit.wait > 0 ? 2 : 1);
  if (edit.wait > 0) write_edit(edit.wait, nothing);
  write_edit(edit.duration, edit.media_time);
  out.end(elst);
}

void ProgressiveWriter::write_stbl(BoxWriter& out, const Track& track, const Times& times,
                                   const Layout& layout) {
  const auto stbl = out.begin("stbl");
  write_table(out, "stsd", track.descriptions, [&](const media::Track& description) {
    write_sample_entry(out, description, ParameterSets::described);
  });
  write_times(out, times);
  if (track.syncs.size() < track.sizes.size()) {  // 8.6.2: without it all are
    write_table(out, "stss", track.syncs, [&](std::uint32_t number) { out.u32(number); });
  }
  write_places(out, track, layout);
  out.end(stbl);
}

// 8.6.1: how long each sample lasts in decoding, and how much later it is shown.
void ProgressiveWriter::write_times(BoxWriter& out, const Times& times) {
  write_table(out, "stts", times.durations, [&](const auto& run) {
    out.u32(run.count);
    out.u32(run.value);
  });
  const bool has_offsets = times.offsets.size() > 1 || times.offsets.front().value != 0;
  if (!has_offsets) return;
  write_table(out, "ctts", times.offsets, [&](const auto& run) {
    out.u32(run.count);
    out.u32(static_cast<std::uint32_t>(run.value - times.offset_min));
  });
}

// 8.7: sizes, and runs of samples that lie one behind the other.
void ProgressiveWriter::write_places(BoxWriter& out, const Track& track, const Layout& layout) {
  std::vector<std::uint32_t> changes;  // indexes of places that are not as the one before
  for (std::uint32_t index = 0; index < track.places.size(); ++index) {
    const Place& place = track.places[index];
    const bool is_same = index > 0 && track.places[index - 1].samples == place.samples &&
                         track.places[index - 1].description == place.description;
    if (!is_same) changes.push_back(index);
  }
  write_table(out, "stsc", changes, [&](std::uint32_t index) {
    out.u32(index + 1);
    out.u32(track.places[index].samples);
    out.u32(track.places[index].description + 1);
  });
  const auto stsz = out.begin_full("stsz", 0, 0);
  out.u32(0);  // not all the same
  out.u32(static_cast<std::uint32_t>(track.sizes.size()));
  for (const std::uint32_t size : track.sizes) out.u32(size);
  out.end(stsz);
  const auto begin_of = [&](const Place& place) { return layout.mdat_begin + place.offset; };
  if (layout.is_long) {
    write_table(out, "co64", track.places, [&](const Place& place) { out.u64(begin_of(place)); });
  } else {
    write_table(out, "stco", track.places,
                [&](const Place& place) { out.u32(static_cast<std::uint32_t>(begin_of(place))); });
  }
}

}  // namespace fmp4
