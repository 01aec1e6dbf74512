#include "client/camera/container_writer.hpp"

#include <algorithm>

#include "relay/media/sample.hpp"

namespace client::camera {
namespace {

// A chunk of the wire has at most 16 MiB; packet headers add a tenth at most.
constexpr std::size_t arena_bytes = 24 * 1024 * 1024;
constexpr std::size_t block_bytes = 64 * 1024;

std::string copy(const memory::WindowList& windows) {
  std::string out;
  out.reserve(windows.bytes());
  for (const memory::Window& window : windows) {
    out.append(reinterpret_cast<const char*>(window.data()), window.size());
  }
  return out;
}

}  // namespace

ContainerWriter::ContainerWriter(media::Container container)
    : container_(container),
      arena_(arena_bytes, block_bytes),
      pool_(arena_),
      fragment_headers_(pool_) {}

bool ContainerWriter::set_tracks(std::span<const media::Track> tracks) {
  is_written_.clear();
  if (container_ == media::Container::mpegts) {
    for (const media::Track& track : tracks) is_written_.push_back(mpegts::can_write(track));
    mpegts_.emplace(pool_, tracks, tables_version_);
    tables_version_ = static_cast<std::uint8_t>((tables_version_ + 1) % 32);
  } else {
    for (const media::Track& track : tracks) is_written_.push_back(fmp4::can_write(track));
    fmp4_.emplace(tracks);
    const std::vector<std::byte> init = fmp4::write_init(tracks);
    header_.assign(reinterpret_cast<const char*>(init.data()), init.size());
  }
  return std::ranges::find(is_written_, true) == is_written_.end();
}

std::optional<std::string> ContainerWriter::write(const Chunk& chunk) {
  std::vector<media::Sample> samples;
  for (const Frame& frame : chunk.frames) {
    if (frame.track >= is_written_.size() || !is_written_[frame.track]) continue;
    media::Sample& sample = samples.emplace_back();
    sample.track = static_cast<std::uint8_t>(frame.track);
    sample.sync = frame.sync;
    sample.dts = frame.dts;
    sample.pts = frame.pts;
    sample.duration = frame.duration;
    // Lives longer than the samples: what is written is copied before we return.
    sample.payload.push_back(memory::Window::on_static(frame.payload));
  }
  if (samples.empty()) return std::nullopt;
  if (mpegts_) {
    const auto image = mpegts_->write(samples, chunk.sync);
    if (!image || image->bytes.empty()) return std::nullopt;
    return copy(image->bytes);
  }
  const auto fragment = fmp4_->write(++fragment_, samples, fragment_headers_);
  if (!fragment || fragment->empty()) return std::nullopt;
  return copy(*fragment);
}

}  // namespace client::camera
