#include "relay/media/container/mpegts/access_unit_reader.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h265.hpp"

namespace mpegts {

using media::Codec;
using media::Sample;
using media::Track;

namespace {

constexpr std::array<std::byte, 3> start_code{std::byte{0}, std::byte{0}, std::byte{1}};

std::size_t leading_zeros(std::span<const std::byte> bytes) noexcept {
  const auto end = std::ranges::find_if(bytes, [](std::byte byte) { return byte != std::byte{0}; });
  return static_cast<std::size_t>(end - bytes.begin());
}

std::size_t trailing_zeros(std::span<const std::byte> bytes) noexcept {
  std::size_t count = 0;
  while (count < bytes.size() && bytes[bytes.size() - 1 - count] == std::byte{0}) ++count;
  return count;
}

}  // namespace

AccessUnitReader::AccessUnitReader(SampleSink& sink, std::uint8_t track, Codec codec,
                                   memory::BlockPool& pool)
    : sink_(sink), track_(track), codec_(codec), gatherer_(pool), scanner_(codec), sets_(codec) {}

void AccessUnitReader::begin_unit(Stamps stamps) noexcept {
  is_skipping_ = false;
  stamps_ = stamps;
  // A PES packet without a picture belongs to the one in the next PES packet.
  if (next_.has_begun && !next_.stamps.dts) next_.stamps = std::exchange(stamps_, {});
}

base::Result<void> AccessUnitReader::take(std::span<const std::byte> bytes) {
  if (is_skipping_) return {};
  if (zeros_ > 0) {
    const std::size_t count = leading_zeros(bytes);
    zeros_ += count;
    if (count == bytes.size()) return {};
    bytes = bytes.subspan(count);
    const std::size_t zeros = std::exchange(zeros_, 0);
    if (zeros >= 2 && bytes[0] == std::byte{1}) {
      if (auto ended = end_nal(); !ended) return ended;
      begin_nal();
      bytes = bytes.subspan(1);
    } else if (auto done = put_zeros(zeros); !done) {
      return done;
    }
  }
  while (true) {
    const std::size_t at = codec::find_start_code(bytes);
    // Zeros before a start code belong to no NAL unit (annex B).
    const auto data = bytes.first(at);
    const std::size_t zeros = trailing_zeros(data);
    if (auto done = put(data.first(at - zeros)); !done) return done;
    if (at == bytes.size()) {
      zeros_ = zeros;
      return {};
    }
    if (auto ended = end_nal(); !ended) return ended;
    begin_nal();
    bytes = bytes.subspan(at + start_code.size());
  }
}

base::Result<void> AccessUnitReader::end_unit() {
  if (!trusts_end_ || is_skipping_) return {};
  if (target_ != Target::next || !is_inside_) {
    zeros_ = 0;
    if (auto ended = end_nal(); !ended) return ended;
  }
  if (!unit_.has_picture || unit_.field) return {};
  was_ended_ = true;
  finish_unit();
  return {};
}

void AccessUnitReader::on_loss() noexcept {
  is_skipping_ = true;
  is_inside_ = false;
  zeros_ = 0;
  gatherer_.drop_length();
  unit_ = {};
  next_ = {};
  was_ended_ = false;
  stamps_ = {};
}

void AccessUnitReader::begin_nal() noexcept {
  is_inside_ = !is_skipping_;
  target_ = Target::undecided;
  head_size_ = 0;
  nal_bytes_ = 0;
  is_set_ = false;
}

base::Result<void> AccessUnitReader::end_nal() {
  if (!is_inside_) return {};
  if (target_ == Target::undecided && head_size_ > 0) {
    if (auto opened = open_nal(); !opened) return opened;
  }
  is_inside_ = false;
  if (gatherer_.has_length()) gatherer_.end_length(nal_bytes_);
  if (is_set_ && sets_.take(set_)) has_new_sets_ = true;
  return {};
}

base::Result<void> AccessUnitReader::put(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (!is_inside_) {
    if (!is_skipping_) on_headless();
    return {};
  }
  if (target_ == Target::undecided) {
    const std::size_t count = std::min(head_bytes - head_size_, bytes.size());
    std::copy_n(bytes.begin(), count, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += count;
    if (head_size_ < head_bytes) return {};
    if (auto opened = open_nal(); !opened) return opened;
    bytes = bytes.subspan(count);
  }
  return write(bytes);
}

base::Result<void> AccessUnitReader::put_zeros(std::size_t count) {
  static constexpr std::array<std::byte, 256> zeros{};
  while (count > 0) {
    const std::size_t part = std::min(count, zeros.size());
    if (auto done = put(std::span(zeros).first(part)); !done) return done;
    count -= part;
  }
  return {};
}

// Enough of it is there to know where it belongs.
base::Result<void> AccessUnitReader::open_nal() {
  const auto head = std::span<const std::byte>(head_).first(head_size_);
  const Place place = place_of(head);
  switch (place) {
    case Place::delimiter:
      begin_next();
      target_ = Target::nowhere;
      return {};
    case Place::filler:
      target_ = Target::nowhere;
      return {};
    case Place::before:
      begin_next();
      target_ = Target::next;
      break;
    case Place::behind:
      target_ = behind();
      break;
    case Place::first_slice:
      if (auto begun = begin_picture(); !begun) return begun;
      target_ = Target::unit;
      break;
    case Place::other_slice:
      join_next();
      target_ = unit_.has_picture ? Target::unit : Target::nowhere;
      break;
  }
  if (target_ == Target::nowhere) {
    next_ = {};
    on_headless();
    return {};
  }
  Unit& unit = target_ == Target::next ? next_ : unit_;
  if (place == Place::before) {
    if (const auto kind = sets_.kind_of(head[0])) {
      is_set_ = true;
      set_.clear();
      unit.sets = static_cast<std::uint8_t>(unit.sets | 1U << static_cast<unsigned>(*kind));
    }
  }
  if (auto begun = gatherer_.begin_length(unit.payload); !begun) return begun;
  if (is_undecided()) scanner_.scan(start_code);
  auto written = write(head);
  if (std::exchange(unit_.needs_scan, false)) {
    unit_.is_sync = scanner_.verdict() == codec::FrameScanner::Verdict::sync;
  }
  return written;
}

base::Result<void> AccessUnitReader::write(std::span<const std::byte> bytes) {
  if (target_ == Target::nowhere || bytes.empty()) return {};
  if (unit_.payload.bytes() + next_.payload.bytes() + bytes.size() > unit_bytes_max) {
    ++sink_.counters.too_large;
    on_loss();
    return {};
  }
  nal_bytes_ += static_cast<std::uint32_t>(bytes.size());
  // One byte too many shows that the set is too long.
  if (is_set_ && set_.size() <= codec::ParameterSets::set_bytes_max) {
    const auto part =
        bytes.first(std::min(bytes.size(), codec::ParameterSets::set_bytes_max + 1 - set_.size()));
    set_.insert(set_.end(), part.begin(), part.end());
  }
  if (is_undecided()) scanner_.scan(bytes);
  return gatherer_.copy_payload(target_ == Target::next ? next_.payload : unit_.payload, bytes);
}

AccessUnitReader::Place AccessUnitReader::place_of(std::span<const std::byte> head) const noexcept {
  const auto is_set = [head](std::size_t at) {
    return head.size() > at && (head[at] & std::byte{0x80}) != std::byte{0};
  };
  if (codec_ == Codec::h265) {
    // forbidden 1, type 6, layer 6, temporal id 3. Layers above the base are part of its picture.
    const auto type = static_cast<unsigned>(codec::h265::nal_type(head[0]));
    const bool is_base = (head[0] & std::byte{1}) == std::byte{0} &&
                         (head.size() < 2 || (head[1] & std::byte{0xF8}) == std::byte{0});
    if (type == 35) return Place::delimiter;
    if (type == 38) return Place::filler;
    if (!is_base) return Place::behind;
    if (type <= 31) return is_set(2) ? Place::first_slice : Place::other_slice;
    const bool is_before =
        type <= 34 || type == 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
    return is_before ? Place::before : Place::behind;
  }
  const auto type = static_cast<unsigned>(codec::h264::nal_type(head[0]));
  switch (type) {
    case 1:
    case 2:  // of data partitions, the one with the slice header
    case 5:
      // first_mb_in_slice is ue(v): 0 is a single 1 bit.
      return is_set(1) ? Place::first_slice : Place::other_slice;
    case 3:
    case 4:
      return Place::other_slice;
    case 9:
      return Place::delimiter;
    case 12:
      return Place::filler;
    default:
      return (type >= 6 && type <= 8) || (type >= 14 && type <= 18) ? Place::before : Place::behind;
  }
}

// An access unit begins, if a picture comes.
void AccessUnitReader::begin_next() noexcept {
  if (next_.has_begun) return;
  next_.has_begun = true;
  next_.stamps = std::exchange(stamps_, {});
  scanner_.begin();
}

base::Result<void> AccessUnitReader::begin_picture() {
  std::optional<codec::h264::Picture> picture;
  if (codec_ == Codec::h264) {
    picture = sets_.parse_slice(std::span<const std::byte>(head_).first(head_size_));
  }
  if (unit_.field && picture && codec::h264::is_field_pair(*unit_.field, *picture)) {
    unit_.field.reset();
    join_next();
    return {};
  }
  if (unit_.has_picture) finish_unit();
  begin_next();
  unit_ = std::exchange(next_, {});
  unit_.has_picture = true;
  unit_.needs_scan = true;
  if (picture && picture->is_field) unit_.field = picture;
  was_ended_ = false;
  return has_new_sets_ ? use_sets() : base::Result<void>{};
}

// What looked like the beginning of the next unit belongs to this one.
void AccessUnitReader::join_next() {
  if (!unit_.has_picture || !next_.has_begun) return;
  unit_.payload.append(next_.payload);
  unit_.sets |= next_.sets;
  next_ = {};
}

AccessUnitReader::Target AccessUnitReader::behind() noexcept {
  if (next_.has_begun) return Target::next;
  return unit_.has_picture ? Target::unit : Target::nowhere;
}

// Part of a frame whose beginning is lost, or was given out already because somebody thought that
// it had ended.
void AccessUnitReader::on_headless() noexcept {
  ++sink_.counters.headless;
  if (was_ended_) trusts_end_ = false;
}

void AccessUnitReader::finish_unit() {
  Unit unit = std::exchange(unit_, {});
  Sample sample;
  sample.track = track_;
  sample.sync = unit.is_sync;
  if (!set_times(unit, sample)) return;
  const unsigned all_sets = codec_ == Codec::h265 ? 7 : 6;
  if (unit.is_sync && unit.sets != all_sets) sample.payload = sets_payload_;
  sample.payload.append(unit.payload);
  sink_.ready.push_back(std::move(sample));
}

bool AccessUnitReader::set_times(const Unit& unit, Sample& sample) noexcept {
  const auto last = order_.last();
  std::int64_t dts = 0;
  if (unit.stamps.dts) {
    dts = *unit.stamps.dts;
    if (stamped_dts_) {
      const std::int64_t step = dts - *stamped_dts_;
      if (step > 0 && step <= interval_max * units_since_) interval_ = step / units_since_;
    }
    stamped_dts_ = dts;
    units_since_ = 0;
  } else if (last) {
    dts = *last + interval_;
  } else {
    ++sink_.counters.untimed;
    return false;
  }
  ++units_since_;
  if (unit.stamps.pts) delay_ = *unit.stamps.pts - dts;
  sample.pts = dts + delay_;
  const auto placed = order_.place(dts, 90'000);
  if (!placed) {
    ++sink_.counters.went_back;
    return false;
  }
  sample.dts = *placed;
  const std::int64_t step = last ? *placed - *last : 0;
  if (step <= interval_max) sample.duration = static_cast<std::uint32_t>(step);
  return true;
}

// Parameter sets changed: so do the track, and what stands before sync frames that have none.
base::Result<void> AccessUnitReader::use_sets() {
  has_new_sets_ = false;
  if (!sets_.is_complete()) return {};
  sets_payload_.clear();
  if (auto copied = gatherer_.copy_payload(sets_payload_, sets_.make_prefix()); !copied) {
    sets_payload_.clear();
    has_new_sets_ = true;
    return copied;
  }
  Track& track = sink_.tracks[track_];
  auto config = sets_.make_config();
  const auto size = sets_.size().value_or(codec::VideoSize{track.width, track.height});
  if (config == track.config && size.width == track.width && size.height == track.height) return {};
  track.config = std::move(config);
  track.width = size.width;
  track.height = size.height;
  ++sink_.tracks_version;
  return {};
}

}  // namespace mpegts
