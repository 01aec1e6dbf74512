#include "relay/stream/fmp4_remuxer.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/timescale.hpp"

namespace stream {
namespace {

using media::Kind;
using media::Track;

}  // namespace

Fmp4Remuxer::Fmp4Remuxer(memory::BlockPool& pool) : input_(pool), headers_(pool) {}

void Fmp4Remuxer::remux(const Chunk& source, Chunk& out) {
  out.container = media::Container::fmp4;
  out.sync = false;
  out.continues_frame = false;
  out.is_frame_open = false;
  out.generation = generation_;
  if (shown_) out.tracks = shown_;
  if (!input_.read(source)) return lose(out);
  if (!input_.is_ready(source)) return;
  if (input_.take_change()) use_tracks();
  route_samples();
  write(source, out);
}

// Other tracks: goes on where the output can say it, else begins anew.
void Fmp4Remuxer::use_tracks() {
  const auto tracks = input_.tracks();
  if (out_tracks_.empty() || !find_routes()) {
    begin_anew();
  } else {
    // For those who begin now: what the decoder needs to know has changed, such as a picture size.
    for (std::size_t index = 0; index < tracks.size(); ++index) {
      if (!routes_[index].is_held) continue;
      Track& track = out_tracks_[routes_[index].track];
      const std::uint32_t timescale = track.timescale;
      track = tracks[index];
      track.timescale = timescale;
    }
  }
  shown_ = std::make_shared<const media::TrackSet>(media::TrackSet{out_tracks_, 0});
  const auto init = fmp4::write_init(out_tracks_);
  const auto window = headers_.copy_header(init);
  join_.reset();
  if (!window) return;
  JoinImages join;
  join.start.push_back(*window);
  join_ = std::make_shared<const JoinImages>(std::move(join));
}

bool Fmp4Remuxer::find_routes() {
  const auto tracks = input_.tracks();
  std::vector<Route> routes(tracks.size());
  std::vector<bool> taken(out_tracks_.size());
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    if (!fmp4::can_write(tracks[index])) continue;
    std::size_t to = 0;
    while (to < out_tracks_.size() && (taken[to] || !can_follow(out_tracks_[to], tracks[index]))) {
      ++to;
    }
    if (to == out_tracks_.size()) return false;
    taken[to] = true;
    routes[index] = {static_cast<std::uint8_t>(to), true, tracks[index].timescale};
  }
  if (std::ranges::find(taken, false) != taken.end()) return false;
  routes_ = std::move(routes);
  return true;
}

void Fmp4Remuxer::begin_anew() {
  const auto tracks = input_.tracks();
  if (!out_tracks_.empty()) {
    ++generation_;
    waits_for_sync_ = true;  // so that whoever ends there may come back at once
  }
  out_tracks_.clear();
  routes_.assign(tracks.size(), {});
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    if (!fmp4::can_write(tracks[index])) continue;
    routes_[index] = {static_cast<std::uint8_t>(out_tracks_.size()), true, tracks[index].timescale};
    out_tracks_.push_back(tracks[index]);
  }
  last_dts_.assign(out_tracks_.size(), std::nullopt);
  writer_.emplace(out_tracks_);
}

// Gives samples the track and the times that the output has. Times never go back: where a publisher
// takes over, audio that was heard already is left out, and a video frame moves behind the last.
void Fmp4Remuxer::route_samples() {
  std::vector<media::Sample>& samples = input_.samples();
  std::size_t kept = 0;
  for (media::Sample& sample : samples) {
    const Route& route = routes_[sample.track];
    if (!route.is_held) continue;
    const Track& track = out_tracks_[route.track];
    sample.track = route.track;
    sample.dts = media::rescale(sample.dts, track.timescale, route.timescale);
    sample.pts = media::rescale(sample.pts, track.timescale, route.timescale);
    sample.duration = static_cast<std::uint32_t>(
        media::rescale(sample.duration, track.timescale, route.timescale));
    auto& last = last_dts_[route.track];
    if (last && sample.dts <= *last) {
      if (track.kind != Kind::video) continue;
      sample.dts = *last + 1;
      sample.pts = std::max(sample.pts, sample.dts);
    }
    last = sample.dts;
    if (&samples[kept] != &sample) samples[kept] = std::move(sample);
    ++kept;
  }
  samples.resize(kept);
}

void Fmp4Remuxer::write(const Chunk& source, Chunk& out) {
  std::vector<media::Sample>& samples = input_.samples();
  const bool sync = begins_with_sync(samples, out_tracks_);
  if (waits_for_sync_ && !sync) {
    samples.clear();
    return;
  }
  if (!samples.empty()) {
    auto image = writer_->write(static_cast<std::uint32_t>(source.sequence), samples, headers_);
    samples.clear();
    if (!image) return lose(out);
    out.bytes = std::move(*image);
  }
  waits_for_sync_ = false;
  out.generation = generation_;
  out.tracks = shown_;
  out.sync = sync && join_ != nullptr && !out.bytes.empty();
  if (out.sync) out.join = join_;
}

// No block was free: viewers go on at the next sync frame.
void Fmp4Remuxer::lose(Chunk& out) {
  input_.drop();
  waits_for_sync_ = true;
  out.bytes.clear();
}

void Fmp4Remuxer::on_gap() { input_.drop(); }

}  // namespace stream
