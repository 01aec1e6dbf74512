#include "client/camera/wire_output.hpp"

#include <utility>

#include "relay/protocol/wire/tracks.hpp"

namespace client::camera {
namespace {

Publisher::Settings settings_of(const Options& options) {
  Publisher::Settings settings;
  settings.url = options.url;
  settings.keep = options.keep;
  settings.spill_folder = options.spill_folder;
  settings.spill_bytes = options.spill_bytes;
  settings.backoff.retries = options.retries;
  return settings;
}

}  // namespace

WireOutput::WireOutput(const Options& options, Inbox& inbox)
    : events_(inbox), publisher_(settings_of(options), events_) {}

void WireOutput::set_tracks(std::span<const media::Track> tracks) {
  std::vector<wire::Track> out;
  for (const media::Track& track : tracks) out.push_back(wire::from_media(track));
  publisher_.set_tracks(std::move(out));
}

void WireOutput::add(const Chunk& chunk) {
  frames_.clear();
  for (const Frame& frame : chunk.frames) {
    frames_.push_back(
        {frame.track, frame.sync, frame.dts, frame.pts, frame.duration, frame.payload});
  }
  publisher_.add(chunk.utc, chunk.sync, frames_);
}

}  // namespace client::camera
