#include "client/camera/assembler.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace client::camera {

unsigned Assembler::add_stream(media::Track track, std::size_t reorder) {
  const bool reorders = track.codec == media::Codec::h264 || track.codec == media::Codec::h265;
  streams_.push_back({FrameConverter(std::move(track)), reorders ? reorder : 0, {}, {}});
  return static_cast<unsigned>(streams_.size() - 1);
}

void Assembler::on_all_streams(base::Time now) {
  has_all_streams_ = true;
  if (!has_begun_ && is_complete()) begin(now);
}

bool Assembler::is_complete() const noexcept {
  return has_all_streams_ && std::ranges::all_of(streams_, [](const Stream& stream) {
           return stream.times && stream.converter.is_known();
         });
}

bool Assembler::add(const Input& input, base::Time now) {
  RELAY_ASSERT(input.stream < streams_.size());
  Stream& stream = streams_[input.stream];
  Frame frame;
  const auto converted = stream.converter.convert(input.bytes, input.is_delta, frame.payload);
  if (!converted) return false;
  const media::Track& track = stream.converter.track();
  const bool reorders = track.codec == media::Codec::h264 || track.codec == media::Codec::h265;
  if (!stream.times) stream.times.emplace(track.timescale, stream.reorder, reorders);
  const auto times = stream.times->next(input.times);
  frame.sync = converted->sync;
  frame.dts = times.dts;
  frame.pts = times.pts;
  frame.duration = converted->duration != 0 ? converted->duration : times.duration;
  frame.utc = input.utc;
  if (track.kind == media::Kind::video) ++video_frames_;
  if (has_begun_) {
    if (converted->is_new_track || !stream.track) announce();
    pass_on(input.stream, std::move(frame), now);
    return true;
  }
  if (!waiting_since_) waiting_since_ = now;
  waiting_bytes_ += frame.payload.size();
  waiting_.push_back({input.stream, std::move(frame)});
  const bool is_full = waiting_.size() >= waiting_max || waiting_bytes_ >= waiting_bytes_max;
  if (is_complete() || is_full) begin(now);
  return true;
}

void Assembler::interrupt(base::Time now) {
  on_time(now);
  for (Stream& stream : streams_) {
    if (stream.times) stream.times->interrupt();
  }
  chunks_.interrupt();
  drain();
  waiting_.clear();
  waiting_bytes_ = 0;
  waiting_since_.reset();
}

void Assembler::begin(base::Time now) {
  has_begun_ = true;
  announce();
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    pass_on(waiting.stream, std::move(waiting.frame), now);
  }
}

void Assembler::announce() {
  // A track keeps its place for good. Of those that begin together video is first, whichever came
  // first, so that the same source always has the same tracks.
  for (const bool is_video_turn : {true, false}) {
    for (unsigned index = 0; index < streams_.size(); ++index) {
      Stream& stream = streams_[index];
      const bool is_video = stream.converter.track().kind == media::Kind::video;
      if (is_video != is_video_turn || stream.track || !stream.times) continue;
      if (!stream.converter.is_known()) continue;
      stream.track = static_cast<unsigned>(stream_of_track_.size());
      stream_of_track_.push_back(index);
    }
  }
  if (stream_of_track_.empty()) return;
  std::vector<media::Track> tracks;
  for (const unsigned index : stream_of_track_) {
    tracks.push_back(streams_[index].converter.track());
  }
  chunks_.set_tracks(tracks);
  drain();  // of the tracks before
  events_.on_tracks(tracks);
}

void Assembler::pass_on(unsigned stream, Frame frame, base::Time now) {
  frame.track = *streams_[stream].track;
  chunks_.add(std::move(frame), now);
  drain();
}

std::optional<base::Time> Assembler::deadline() const noexcept {
  if (has_begun_) return chunks_.deadline();
  if (!waiting_since_) return std::nullopt;
  return *waiting_since_ + wait_max;
}

void Assembler::on_time(base::Time now) {
  if (!has_begun_ && waiting_since_ && *waiting_since_ + wait_max <= now) begin(now);
  if (!has_begun_) return;
  chunks_.on_time(now);
  drain();
}

void Assembler::finish(base::Time now) {
  if (!has_begun_ && !waiting_.empty()) begin(now);
  chunks_.finish();
  drain();
}

void Assembler::drain() {
  while (auto chunk = chunks_.poll()) events_.on_chunk(std::move(*chunk));
}

}  // namespace client::camera
