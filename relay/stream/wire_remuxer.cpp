#include "relay/stream/wire_remuxer.hpp"

#include <algorithm>
#include <utility>

#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "relay/protocol/wire/writer.hpp"
#include "relay/stream/wire_times.hpp"

namespace stream {
namespace {

using wire::GapReason;

bool can_be_told(const std::vector<media::Sample>& samples) noexcept {
  std::size_t bytes = 0;
  for (const media::Sample& sample : samples) bytes += sample.payload.bytes();
  return samples.size() <= wire::samples_max && bytes <= wire::payload_bytes_max;
}

// A publisher may have more tracks than the wire tells.
void drop_untold(std::vector<media::Sample>& samples, const wire::Tracks& tracks) {
  std::erase_if(samples,
                [&](const media::Sample& one) { return one.track >= tracks.tracks.size(); });
}

}  // namespace

void WireRemuxer::remux(const Chunk& source, Chunk& out) {
  out.container = media::Container::wire;
  out.continues_frame = false;
  out.is_frame_open = false;
  if (expected_ && *expected_ != source.position) {
    ++generation_;
    told_tracks_.reset();
  }
  expected_ = source.position.next();
  if (source.container != media::Container::mpegts) return write(source, take_samples(source), out);
  auto samples = take_packets(source, out);
  if (!samples) return lose(out, GapReason::memory);
  // Before the first of them nobody knows what its tracks are.
  if (samples->empty() && !told_tracks_) return leave_out(out);
  write(source, std::move(*samples), out);
}

std::vector<media::Sample> WireRemuxer::take_samples(const Chunk& source) {
  input_.reset();
  if (source.wire_tracks) {
    tracks_ = source.wire_tracks;
    source_tracks_.reset();
  } else if (std::exchange(source_tracks_, source.tracks) != source.tracks) {
    use_tracks(source.tracks->tracks);
  }
  std::vector<media::Sample> samples = source.samples;
  drop_untold(samples, *tracks_);
  to_wire_times(samples, *tracks_, source.wire_offset);
  return samples;
}

// Nothing: no block was free.
std::optional<std::vector<media::Sample>> WireRemuxer::take_packets(const Chunk& source,
                                                                    Chunk& out) {
  out.sync = false;
  source_tracks_.reset();
  if (!input_) input_.emplace(pool_);
  if (!input_->read(source)) {
    input_->drop();
    return std::nullopt;
  }
  if (!input_->is_ready(source)) return std::vector<media::Sample>();
  if (input_->take_change()) use_tracks(input_->tracks());
  std::vector<media::Sample> samples = std::exchange(input_->samples(), {});
  drop_untold(samples, *tracks_);
  out.sync = begins_with_sync(samples, input_->tracks());
  return samples;
}

// A version is made of what it names: so it is the same on every worker, and whenever a format is
// made again.
void WireRemuxer::use_tracks(std::span<const media::Track> tracks) {
  wire::Tracks made = wire::from_media(tracks, 1);
  made.version = wire::version_of(made.tracks);
  tracks_ = std::make_shared<const wire::Tracks>(std::move(made));
}

void WireRemuxer::write(const Chunk& source, std::vector<media::Sample> samples, Chunk& out) {
  if (lost_ != GapReason::unspecified && !out.sync) return lose(out, lost_);
  if (!can_be_told(samples)) return lose(out, GapReason::lost);
  wire::Chunk message;
  message.position = source.position;
  message.utc = source.utc;
  message.sync = out.sync;
  message.discontinuity = source.discontinuity;
  message.segment = source.segment;
  message.part = source.part;
  message.tracks_version = tracks_->version;
  message.checksum = source.checksum ? *source.checksum : wire::checksum_of(samples);
  message.samples = std::move(samples);
  memory::WindowList bytes;
  if (!write_header(message, bytes)) return lose(out, GapReason::memory);
  for (const media::Sample& sample : message.samples) bytes.append(sample.payload);
  const bool are_others = told_tracks_ && told_tracks_ != tracks_ && *told_tracks_ != *tracks_;
  if (are_others || std::exchange(is_silent_, false)) ++generation_;
  if (lost_ != GapReason::unspecified) out.gap = std::exchange(lost_, GapReason::unspecified);
  told_tracks_ = tracks_;
  out.generation = generation_;
  out.wire_tracks = tracks_;
  out.checksum = message.checksum;
  out.bytes = std::move(bytes);
}

// At most a few hundred bytes, unless the publisher has put very many samples into one chunk.
bool WireRemuxer::write_header(const wire::Chunk& message, memory::WindowList& out) {
  const std::string header = wire::write_header(message);
  auto rest = std::as_bytes(std::span(header));
  while (!rest.empty()) {
    // The smallest block of an arena.
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), 4096));
    const auto window = headers_.copy_header(piece);
    if (!window) return false;
    out.push_back(*window);
    rest = rest.subspan(piece.size());
  }
  return true;
}

void WireRemuxer::lose(Chunk& out, GapReason reason) {
  lost_ = reason;
  leave_out(out);
}

void WireRemuxer::leave_out(Chunk& out) {
  if (!std::exchange(is_silent_, true)) ++generation_;
  out.generation = generation_;
  out.sync = false;
}

void WireRemuxer::on_gap() {
  if (input_) input_->drop();
  expected_.reset();
  told_tracks_.reset();
  lost_ = GapReason::unspecified;
}

}  // namespace stream
