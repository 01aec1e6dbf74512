#include "client/player/saver.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "relay/media/timescale.hpp"

namespace client {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::size_t arena_bytes = 64 * block_bytes;
constexpr std::uint32_t timescale = 90'000;
// Where the first chunk stands: audio that belongs before it may come after it.
constexpr std::int64_t lead = timescale / 10;
// What more passed between two publishers is no pause of a stream.
constexpr std::chrono::hours pause_max{1};

base::Error last_error() { return {errno, boost::system::system_category()}; }

std::string numbered(const std::string& path, unsigned number) {
  if (number < 2) return path;
  const std::size_t slash = path.rfind('/');
  const std::size_t dot = path.rfind('.');
  const bool has_dot = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  const std::size_t at = has_dot ? dot : path.size();
  return path.substr(0, at) + "-" + std::to_string(number) + path.substr(at);
}

// Parameter sets of H.264 and H.265 come in-band; what else a decoder must be told is in the head.
bool is_same(const media::Track& track, const media::Track& other) {
  const bool is_in_band = track.codec == media::Codec::h264 || track.codec == media::Codec::h265;
  return track.codec == other.codec && track.timescale == other.timescale &&
         (is_in_band || (track.config == other.config && track.sample_rate == other.sample_rate &&
                         track.channels == other.channels));
}

}  // namespace

Saver::Saver(std::string path) : first_path_(std::move(path)), arena_(arena_bytes, block_bytes) {}

Saver::~Saver() {
  if (file_ >= 0) close(file_);
}

base::Result<void> Saver::open() {
  path_ = numbered(first_path_, ++files_);
  if (file_ >= 0) close(file_);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) return last_error();
  return {};
}

base::Result<void> Saver::set_tracks(const std::vector<media::Track>& tracks,
                                     std::vector<std::string>& warnings) {
  if (writer_ && std::ranges::equal(tracks, tracks_, is_same)) return {};
  for (const media::Track& track : tracks) {
    if (fmp4::can_write(track)) continue;
    warnings.push_back("a track of " + std::string(media::name(track.codec)) +
                       " is not saved: not enough is known of it");
  }
  if (writer_ && sequence_ > 0) {
    if (const auto opened = open(); !opened) return opened;
  } else if (writer_ && ftruncate(file_, 0) != 0) {
    return last_error();
  }
  if (lseek(file_, 0, SEEK_SET) < 0 && errno != ESPIPE) return last_error();
  return begin(tracks);
}

base::Result<void> Saver::begin(const std::vector<media::Track>& tracks) {
  tracks_ = tracks;
  writer_.emplace(tracks_);
  sequence_ = 0;
  offset_.reset();
  end_ = 0;
  return write_all(fmp4::write_init(tracks_));
}

// In the file's time. Another epoch has a clock of its own.
void Saver::place(std::vector<media::Sample>& samples, const wire::Chunk& chunk) {
  const media::Sample& first = samples.front();
  const std::int64_t begins = media::rescale(first.dts, timescale, tracks_[first.track].timescale);
  if (!offset_) {
    offset_ = lead - begins;
  } else if (chunk.position.epoch != epoch_) {
    const auto pause = std::clamp<std::chrono::microseconds>(
        chunk.utc - last_utc_, std::chrono::microseconds(0), pause_max);
    offset_ = end_ + lead + media::rescale(pause.count(), timescale, 1'000'000) - begins;
  }
  epoch_ = chunk.position.epoch;
  last_utc_ = chunk.utc;
  for (media::Sample& sample : samples) {
    const std::uint32_t ticks = tracks_[sample.track].timescale;
    const std::int64_t moved = media::rescale(*offset_, ticks, timescale);
    sample.dts += moved;
    sample.pts += moved;
    end_ = std::max(end_, media::rescale(sample.dts + sample.duration, timescale, ticks));
  }
  std::erase_if(samples, [](const media::Sample& sample) { return sample.dts < 0; });
}

base::Result<void> Saver::write(const wire::Chunk& chunk) {
  std::vector<media::Sample> samples;
  for (const media::Sample& sample : chunk.samples) {
    if (sample.track < tracks_.size()) samples.push_back(sample);
  }
  if (!writer_ || samples.empty()) return {};
  place(samples, chunk);
  const auto bytes = writer_->write(++sequence_, samples, headers_);
  if (!bytes) return bytes.error();
  for (const memory::Window& window : *bytes) {
    if (const auto written = write_all(window.bytes()); !written) return written;
  }
  return {};
}

base::Result<void> Saver::write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace client
