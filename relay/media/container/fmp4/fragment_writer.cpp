#include <algorithm>
#include <limits>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/container/fmp4/track_defaults.hpp"
#include "relay/media/container/fmp4/writer.hpp"

namespace fmp4 {

using media::Sample;
using memory::WindowList;

namespace {

// moof, mfhd and the head of mdat.
constexpr std::size_t fragment_bytes = 8 + 16 + 8;
// traf, tfhd, tfdt and trun with all they can have, without what is there for each sample.
constexpr std::size_t track_bytes_max = 8 + 20 + 20 + 24;
constexpr std::size_t sample_bytes_max = 16;
constexpr std::uint64_t mdat_payload_max = std::numeric_limits<std::uint32_t>::max() - 8;
// Longer between two samples is a pause, not the interval of frames.
constexpr std::uint32_t interval_seconds_max = 10;

// Of tfhd (8.8.7) and trun (8.8.8).
constexpr std::uint32_t tfhd_default_duration = 0x8;
constexpr std::uint32_t tfhd_base_is_moof = 0x2'0000;
constexpr std::uint32_t trun_data_offset = 0x1;
constexpr std::uint32_t trun_first_flags = 0x4;
constexpr std::uint32_t trun_durations = 0x100;
constexpr std::uint32_t trun_sizes = 0x200;
constexpr std::uint32_t trun_flags = 0x400;
constexpr std::uint32_t trun_offsets = 0x800;

std::uint32_t flags_of(const Sample& sample) { return sample.sync ? sync_flags : non_sync_flags; }

// An input may make up any times: what wraps around is wrong, but something.
std::int64_t difference(std::int64_t later, std::int64_t earlier) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(later) -
                                   static_cast<std::uint64_t>(earlier));
}

std::int64_t offset_of(const Sample& sample) {
  return std::clamp<std::int64_t>(difference(sample.pts, sample.dts),
                                  std::numeric_limits<std::int32_t>::min(),
                                  std::numeric_limits<std::int32_t>::max());
}

// A duration in a trun is where the next sample begins, whatever the input called the duration.
std::uint32_t distance(const Sample& from, const Sample& to) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      difference(to.dts, from.dts), 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

FragmentWriter::FragmentWriter(std::span<const media::Track> tracks) {
  outputs_.reserve(tracks.size());
  for (const media::Track& track : tracks) {
    Output& output = outputs_.emplace_back();
    output.is_written = can_write(track);
    if (!output.is_written) continue;
    const TrackDefaults defaults = defaults_of(track);
    output.id = static_cast<std::uint32_t>(outputs_.size());
    output.timescale = track.timescale;
    output.default_duration = defaults.duration;
    output.default_flags = defaults.flags;
  }
}

base::Result<WindowList> FragmentWriter::write(std::uint32_t sequence,
                                               std::span<const Sample> samples,
                                               memory::BlockWriter& headers) {
  WindowList out;
  is_in_order_ = false;
  while (!samples.empty()) {
    const std::size_t count = samples_that_fit(samples);
    plan(samples, count);
    if (auto written = write_fragment(out, sequence, samples.first(count), headers); !written) {
      return written.error();
    }
    samples = samples.subspan(count);
  }
  return out;
}

std::size_t FragmentWriter::plan_in_order(std::span<const Sample> samples) noexcept {
  is_in_order_ = true;
  plan(samples, samples.size());
  return header_bytes();
}

void FragmentWriter::write_in_order(std::span<std::byte> out, std::uint32_t sequence,
                                    std::span<const Sample> samples) noexcept {
  RELAY_ASSERT(is_in_order_);
  std::uint64_t payload_bytes = 0;
  for (const Sample& sample : samples) payload_bytes += sample.payload.bytes();
  write_header(out, sequence, samples, payload_bytes);
}

// Null: the sample is left out.
FragmentWriter::Output* FragmentWriter::output_of(const Sample& sample) noexcept {
  if (sample.track >= outputs_.size() || sample.payload.empty()) return nullptr;
  Output& output = outputs_[sample.track];
  return output.is_written ? &output : nullptr;
}

// At least one: a single sample always fits.
std::size_t FragmentWriter::samples_that_fit(std::span<const Sample> samples) noexcept {
  for (Output& output : outputs_) output.run = {};
  std::size_t bytes = fragment_bytes;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    Output* output = output_of(samples[index]);
    if (output == nullptr) continue;
    if (output->run.count++ == 0) bytes += track_bytes_max;
    bytes += sample_bytes_max;
    if (bytes > header_bytes_max) return index;
  }
  return samples.size();
}

void FragmentWriter::plan(std::span<const Sample> samples, std::size_t count) noexcept {
  for (Output& output : outputs_) output.run = {};
  const Output* last = nullptr;  // whose payload comes before
  for (const Sample& sample : samples.first(count)) {
    Output* const output = output_of(sample);
    if (output != nullptr) {
      if (is_in_order_ ? output != last : output->run.count == 0) ++output->run.pieces;
      plan_sample(*output, sample);
    }
    if (!sample.payload.empty()) last = output;
  }
  for (Output& output : outputs_) {
    if (output.run.count == 0) continue;
    output.run.last_duration = last_duration(output, samples.subspan(count));
    plan_duration(output.run, output.run.last_duration);
  }
}

void FragmentWriter::plan_sample(Output& output, const Sample& sample) noexcept {
  if (output.last_dts) {
    const std::int64_t interval = difference(sample.dts, *output.last_dts);
    const std::int64_t interval_max = std::int64_t{output.timescale} * interval_seconds_max;
    if (interval > 0 && interval <= interval_max) {
      output.interval = static_cast<std::uint32_t>(
          std::min<std::int64_t>(interval, std::numeric_limits<std::uint32_t>::max()));
    }
  }
  output.last_dts = sample.dts;
  Run& run = output.run;
  if (run.count == 0) {
    run.first_dts = sample.dts;
    run.first_flags = flags_of(sample);
  } else {
    plan_duration(run, distance(*run.last, sample));
    run.has_flags = run.has_flags || flags_of(sample) != output.default_flags;
  }
  const std::int64_t offset = offset_of(sample);
  run.has_offsets = run.has_offsets || offset != 0;
  run.has_negative_offsets = run.has_negative_offsets || offset < 0;
  run.payload_bytes += sample.payload.bytes();
  run.last = &sample;
  ++run.count;
}

// Of the last sample planned so far.
void FragmentWriter::plan_duration(Run& run, std::uint32_t duration) noexcept {
  if (run.count == 1) run.duration = duration;
  run.has_durations = run.has_durations || duration != run.duration;
}

std::uint32_t FragmentWriter::last_duration(const Output& output,
                                            std::span<const Sample> later) noexcept {
  const Sample& sample = *output.run.last;
  for (const Sample& next : later) {
    if (output_of(next) == &output) return distance(sample, next);
  }
  if (sample.duration != 0) return sample.duration;
  return output.interval != 0 ? output.interval : output.default_duration;
}

std::size_t FragmentWriter::header_bytes() const noexcept {
  std::size_t bytes = fragment_bytes;
  for (const Output& output : outputs_) bytes += traf_bytes(output);
  return bytes;
}

base::Result<void> FragmentWriter::write_fragment(WindowList& out, std::uint32_t sequence,
                                                  std::span<const Sample> samples,
                                                  memory::BlockWriter& headers) {
  std::uint64_t payload_bytes = 0;
  for (const Output& output : outputs_) payload_bytes += output.run.payload_bytes;
  if (payload_bytes == 0) return {};
  const std::size_t bytes = header_bytes();
  const auto space = headers.space(bytes);
  if (!space) return space.error();
  write_header(space->first(bytes), sequence, samples, payload_bytes);
  out.push_back(headers.window(space->first(bytes)));
  headers.advance(bytes);
  for (const Output& output : outputs_) {
    if (output.run.count == 0) continue;
    for (const Sample& sample : samples) {
      if (output_of(sample) == &output) out.append(sample.payload);
    }
  }
  return {};
}

// `out` is as large as `header_bytes()` says.
void FragmentWriter::write_header(std::span<std::byte> out, std::uint32_t sequence,
                                  std::span<const Sample> samples,
                                  std::uint64_t payload_bytes) noexcept {
  RELAY_ASSERT(payload_bytes <= mdat_payload_max);
  BoxWriter header(out);
  const auto moof = header.begin("moof");
  const auto mfhd = header.begin_full("mfhd", 0, 0);
  header.u32(sequence);
  header.end(mfhd);
  std::uint64_t data_offset = out.size();
  for (const Output& output : outputs_) {
    if (output.run.count == 0) continue;
    write_traf(header, output, samples, data_offset);
    if (!is_in_order_) data_offset += output.run.payload_bytes;
  }
  header.end(moof);
  header.u32(static_cast<std::uint32_t>(8 + payload_bytes));
  header.four("mdat");
  RELAY_ASSERT(header.size() == out.size());
}

bool FragmentWriter::has_first_flags(const Output& output) noexcept {
  return !output.run.has_flags && output.run.first_flags != output.default_flags;
}

bool FragmentWriter::has_own_duration(const Output& output) noexcept {
  return !output.run.has_durations && output.run.duration != output.default_duration;
}

bool FragmentWriter::needs_long_time(const Output& output) noexcept {
  return output.run.first_dts > std::numeric_limits<std::uint32_t>::max();
}

std::size_t FragmentWriter::traf_bytes(const Output& output) noexcept {
  const Run& run = output.run;
  if (run.count == 0) return 0;
  const std::size_t tfhd = has_own_duration(output) ? 20 : 16;
  const std::size_t tfdt = needs_long_time(output) ? 20 : 16;
  const std::size_t trun = 20 * run.pieces + (has_first_flags(output) ? 4 : 0);
  const std::size_t sample =
      4 + (run.has_durations ? 4U : 0U) + (run.has_flags ? 4U : 0U) + (run.has_offsets ? 4U : 0U);
  return 8 + tfhd + tfdt + trun + run.count * sample;
}

void FragmentWriter::write_traf(BoxWriter& out, const Output& output,
                                std::span<const Sample> samples,
                                std::uint64_t data_offset) noexcept {
  const auto traf = out.begin("traf");
  const bool has_duration = has_own_duration(output);
  const auto tfhd =
      out.begin_full("tfhd", 0, tfhd_base_is_moof | (has_duration ? tfhd_default_duration : 0));
  out.u32(output.id);
  if (has_duration) out.u32(output.run.duration);
  out.end(tfhd);
  const bool is_long = needs_long_time(output);
  const auto tfdt = out.begin_full("tfdt", is_long ? 1 : 0, 0);
  // A log begins at 10 s, so no time is negative unless an input lies about it.
  const auto dts = static_cast<std::uint64_t>(std::max<std::int64_t>(output.run.first_dts, 0));
  if (is_long) {
    out.u64(dts);
  } else {
    out.u32(static_cast<std::uint32_t>(dts));
  }
  out.end(tfdt);
  write_truns(out, output, samples, data_offset);
  out.end(traf);
}

// One for each piece of the payload: in the order of the samples, what is of one track at one
// stretch.
void FragmentWriter::write_truns(BoxWriter& out, const Output& output,
                                 std::span<const Sample> samples,
                                 std::uint64_t data_offset) noexcept {
  bool is_first = true;
  while (!samples.empty()) {
    if (output_of(samples.front()) != &output) {
      if (is_in_order_) data_offset += samples.front().payload.bytes();
      samples = samples.subspan(1);
      continue;
    }
    const std::size_t end = piece_end(output, samples);
    write_trun(out, output, samples, end, data_offset, std::exchange(is_first, false));
    for (const Sample& sample : samples.first(end)) {
      if (output_of(sample) == &output) data_offset += sample.payload.bytes();
    }
    samples = samples.subspan(end);
  }
}

std::size_t FragmentWriter::piece_end(const Output& output,
                                      std::span<const Sample> samples) noexcept {
  if (!is_in_order_) return samples.size();
  std::size_t end = 1;
  while (end < samples.size() &&
         (samples[end].payload.empty() || output_of(samples[end]) == &output)) {
    ++end;
  }
  return end;
}

// The first `end` of the samples; a duration may need one behind them.
void FragmentWriter::write_trun(BoxWriter& out, const Output& output,
                                std::span<const Sample> samples, std::size_t end,
                                std::uint64_t data_offset, bool is_first) noexcept {
  const Run& run = output.run;
  const bool has_first = is_first && has_first_flags(output);
  const std::uint32_t fields = trun_data_offset | trun_sizes | (has_first ? trun_first_flags : 0) |
                               (run.has_durations ? trun_durations : 0) |
                               (run.has_flags ? trun_flags : 0) |
                               (run.has_offsets ? trun_offsets : 0);
  const auto is_of_it = [&](const Sample& sample) { return output_of(sample) == &output; };
  const auto count = std::ranges::count_if(samples.first(end), is_of_it);
  const auto trun = out.begin_full("trun", run.has_negative_offsets ? 1 : 0, fields);
  out.u32(static_cast<std::uint32_t>(count));
  out.u32(static_cast<std::uint32_t>(data_offset));
  if (has_first) out.u32(run.first_flags);
  for (std::size_t index = 0; index < end;) {
    const Sample& sample = samples[index];
    const auto later = samples.subspan(index + 1);
    const auto next = std::ranges::find_if(later, is_of_it);
    if (run.has_durations) {
      out.u32(next == later.end() ? run.last_duration : distance(sample, *next));
    }
    out.u32(static_cast<std::uint32_t>(sample.payload.bytes()));
    if (run.has_flags) out.u32(flags_of(sample));
    if (run.has_offsets) out.u32(static_cast<std::uint32_t>(offset_of(sample)));
    index += 1 + static_cast<std::size_t>(next - later.begin());
  }
  out.end(trun);
}

}  // namespace fmp4
