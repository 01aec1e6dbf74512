#include "relay/media/container/fmp4/reader.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/av1.hpp"
#include "relay/media/container/fmp4/fragment.hpp"
#include "relay/media/timescale.hpp"

namespace fmp4 {
namespace {

using memory::Window;
using memory::WindowList;

// No body is that long; sums of two positions fit 64 bits.
constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 62;

bool is_same(const media::Track& a, const media::Track& b) {
  return a.id == b.id && a.codec == b.codec && a.kind == b.kind && a.width == b.width &&
         a.height == b.height && a.sample_rate == b.sample_rate && a.channels == b.channels &&
         a.language == b.language && a.timescale == b.timescale &&
         (a.config == b.config || b.config.empty());  // learned meanwhile
}

// Some encoders do not know it yet when they write the movie header.
std::optional<std::vector<std::byte>> copy_av1_config(const WindowList& payload) {
  std::array<std::byte, codec::av1::config_bytes_max> head;
  return codec::av1::make_config(std::span(head).first(payload.copy_out(0, head)));
}

}  // namespace

base::Result<void> Reader::feed(Window bytes) {
  if (failed_) return failed_;
  take(std::move(bytes));
  if (failed_) return failed_;
  return {};
}

std::optional<media::Sample> Reader::poll() {
  for (;;) {
    if (auto sample = ready_.pop()) return sample;
    if (failed_ || !is_moov_held_) return std::nullopt;
    take_held();
  }
}

base::Result<void> Reader::lose(std::span<const std::byte> bytes) {
  // Nothing may be kept for later: what was not polled is lost as well.
  for (;;) {
    ready_.clear();
    if (!is_moov_held_ || failed_) break;
    take_held();
  }
  is_losing_ = true;
  if (!failed_) take(Window::on_static(bytes));
  is_losing_ = false;
  if (failed_) return failed_;
  return {};
}

base::Result<void> Reader::finish() {
  if (failed_) return failed_;
  const bool is_in_box = header_bytes_ > 0 || (state_ != State::header && left_);
  if (!std::exchange(is_ending_, true) && is_in_box) ++counters_.cut_boxes;
  if (!has_moov_ && !is_moov_held_ && position_ > 0) failed_ = Errc::no_moov;
  if (!is_moov_held_) end_body();
  if (failed_) return failed_;
  return {};
}

void Reader::end_body() {
  counters_.cut_samples += collector_.finish();
  give_out();
}

void Reader::take_held() {
  is_moov_held_ = false;
  const WindowList held = std::exchange(held_, {});
  if (auto applied = apply_moov(); !applied) {
    failed_ = applied.error();
    return;
  }
  for (const Window& window : held) take(window);
  if (is_ending_ && !is_moov_held_) end_body();
}

void Reader::take(Window bytes) {
  while (!bytes.empty() && !failed_) {
    if (is_moov_held_) {
      held_.push_back(std::move(bytes));
      return;
    }
    switch (state_) {
      case State::header:
        take_header(bytes);
        break;
      case State::gathered:
        take_gathered(bytes);
        break;
      case State::media_data:
        take_media_data(bytes);
        break;
      case State::passed:
        advance(bytes, bytes.size());
        break;
    }
  }
}

// Moves over what the box has of the next `count` bytes.
void Reader::advance(Window& bytes, std::size_t count) {
  if (left_) count = static_cast<std::size_t>(std::min<std::uint64_t>(count, *left_));
  bytes.drop_front(count);
  position_ += count;
  if (!left_) return;
  *left_ -= count;
  if (*left_ == 0) end_box();
}

void Reader::take_header(Window& bytes) {
  if (header_bytes_ == 0) box_begin_ = position_;
  const std::size_t wanted =
      header_bytes_ < BoxHeader::bytes_min ? BoxHeader::bytes_min : BoxHeader::bytes_max;
  const std::size_t count = std::min(wanted - header_bytes_, bytes.size());
  std::copy_n(bytes.bytes().begin(), count, header_.begin() + header_bytes_);
  header_bytes_ += count;
  bytes.drop_front(count);
  position_ += count;
  const auto header = parse_box_header(std::span(header_).first(header_bytes_));
  if (!header) {
    failed_ = header.error();
    return;
  }
  if (!*header) return;
  header_bytes_ = 0;
  box_type_ = (*header)->type;
  left_ = (*header)->payload_bytes;
  if (left_ && *left_ > body_bytes_max - position_) {
    failed_ = Errc::bad_box_size;
  } else if (auto begun = begin_box(**header); !begun) {
    failed_ = begun.error();
  } else if (left_ == 0U) {
    end_box();
  }
}

base::Result<void> Reader::begin_box(const BoxHeader& header) {
  switch (header.type) {
    case fourcc("moov"):
    case fourcc("moof"):
      return begin_gathered(header);
    case fourcc("mdat"):
      return begin_media_data(header);
    default:
      return begin_passed(header);
  }
}

base::Result<void> Reader::begin_gathered(const BoxHeader& header) {
  if (!header.payload_bytes) return Errc::bad_box_size;
  const bool is_moov = header.type == fourcc("moov");
  if (!is_moov && !has_moov_) return Errc::no_moov;
  if (is_moov && *header.payload_bytes > moov_bytes_max) return Errc::moov_too_big;
  if (!is_moov && *header.payload_bytes > moof_bytes_max) return Errc::moof_too_big;
  if (!collector_.is_complete()) return Errc::sample_outside_mdat;
  gathered_ = {};
  state_ = State::gathered;
  return {};
}

base::Result<void> Reader::begin_media_data(const BoxHeader& header) {
  if (!has_moov_) return Errc::mdat_before_moov;
  if (!has_moof_) return Errc::mdat_without_moof;
  state_ = State::media_data;
  std::optional<std::uint64_t> end;
  if (header.payload_bytes) end = position_ + *header.payload_bytes;
  return collector_.begin_mdat(position_, end);
}

base::Result<void> Reader::begin_passed(const BoxHeader& header) {
  if (!header.payload_bytes) return Errc::bad_box_size;
  if (*header.payload_bytes > passed_box_bytes_max) return Errc::box_too_big;
  if (!has_moov_) {
    before_moov_bytes_ += header.header_bytes + *header.payload_bytes;
    if (before_moov_bytes_ > before_moov_bytes_max) return Errc::no_moov;
  }
  state_ = State::passed;
  return {};
}

void Reader::take_gathered(Window& bytes) {
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(*left_, bytes.size()));
  const auto part = bytes.bytes().first(count);
  gathered_.insert(gathered_.end(), part.begin(), part.end());
  advance(bytes, count);
}

void Reader::take_media_data(Window& bytes) {
  const std::size_t count =
      left_ ? static_cast<std::size_t>(std::min<std::uint64_t>(*left_, bytes.size()))
            : bytes.size();
  if (is_losing_) {
    counters_.lost_samples += collector_.drop();
  } else if (!collector_.is_complete()) {
    if (auto taken = collector_.take(position_, bytes.first(count)); !taken) {
      failed_ = taken.error();
      return;
    }
    give_out();
  }
  advance(bytes, count);
}

void Reader::end_box() {
  state_ = State::header;
  base::Result<void> applied;
  if (box_type_ == fourcc("moof")) applied = apply_moof();
  if (box_type_ == fourcc("moov")) {
    is_moov_held_ = !ready_.empty();
    if (!is_moov_held_) applied = apply_moov();
  }
  if (!applied) failed_ = applied.error();
}

base::Result<void> Reader::apply_moov() {
  auto movie = parse_moov(std::exchange(gathered_, {}));
  if (!movie) return movie.error();
  // Some repeat the header before each segment: then nothing changed.
  const auto& old = movie_.tracks;
  if (!std::equal(old.begin(), old.end(), movie->tracks.begin(), movie->tracks.end(), is_same)) {
    ++tracks_version_;
  } else {
    movie->tracks = std::move(movie_.tracks);  // with its counts
  }
  movie_ = std::move(*movie);
  nal_units_.clear();
  for (NalFormat& format : movie_.nal_formats) nal_units_.emplace_back(std::move(format));
  has_moov_ = true;
  has_moof_ = false;
  return {};
}

base::Result<void> Reader::apply_moof() {
  const std::vector<std::byte> moof = std::exchange(gathered_, {});
  auto fragment = parse_moof(moof, {box_begin_, position_}, movie_);
  if (!fragment) return fragment.error();
  counters_.empty_samples += fragment->empty_samples;
  has_moof_ = true;
  return collector_.begin(std::move(fragment->samples), movie_.tracks);
}

void Reader::give_out() {
  while (auto collected = collector_.next()) {
    const FragmentSample& from = collected->sample;
    if (!convert(from.track, from.sync, collected->payload)) continue;
    count_frame(from.track, from.dts);
    ready_.push(media::Sample{from.track, from.sync, from.dts, from.pts, from.duration,
                              std::move(collected->payload)});
  }
}

// False: the sample is left out, and counted.
bool Reader::convert(std::size_t index, bool is_sync, WindowList& payload) {
  media::Track& track = movie_.tracks[index];
  NalUnits& units = nal_units_[index];
  if (!units.has_nal_units()) {
    if (is_sync && track.codec == media::Codec::av1 && track.config.empty()) {
      learn_config(track, copy_av1_config(payload));
    }
    return true;
  }
  if (auto converted = units.convert(payload, is_sync, headers_); !converted) {
    const bool is_bad = converted.error() == Errc::bad_nal_units;
    ++(is_bad ? counters_.bad_samples : counters_.unplaced_samples);
    return false;
  }
  if (!is_sync || !track.config.empty()) return true;
  learn_config(track, units.copy_config(payload));
  return true;
}

void Reader::learn_config(media::Track& track, std::optional<std::vector<std::byte>> config) {
  if (!config) return;
  track.config = std::move(*config);
  ++tracks_version_;
}

void Reader::count_frame(std::size_t index, std::int64_t dts) {
  media::Track& track = movie_.tracks[index];
  ++track.frames;
  if (track.kind == media::Kind::video) {
    track.rate.on_frame(media::rescale(dts, 90'000, track.timescale));
  }
}

}  // namespace fmp4
