#include "client/player/http_source.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/container/fmp4/writer.hpp"

namespace client {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
// A fragment of 4 s at 60 Mbit/s, and what is gathered out of MPEG-TS.
constexpr std::size_t arena_bytes = 48 * 1024 * 1024;
constexpr std::uint64_t epoch = 1;

}  // namespace

HttpSource::HttpSource(HttpGet::Settings settings, Events& events)
    : events_(events),
      is_ts_(settings.url.extension() == "ts"),
      arena_(arena_bytes, block_bytes),
      pool_(arena_),
      fmp4_(pool_),
      ts_(pool_),
      ts_samples_(pool_),
      get_(pool_, std::move(settings), *this) {}

base::Result<void> HttpSource::on_body(memory::Window bytes) {
  const base::Time now = base::monotonic_now();
  const auto fed = is_ts_ ? ts_.feed(std::move(bytes), now) : fmp4_.feed(std::move(bytes));
  if (is_ts_) take_pieces();
  take_samples();
  chunker_.on_time(now);
  give_out();
  return fed;
}

std::optional<base::Time> HttpSource::deadline() {
  const auto chunk = chunker_.deadline();
  const auto piece = is_ts_ ? ts_.deadline() : std::nullopt;
  return chunk && piece ? std::min(*chunk, *piece) : (chunk ? chunk : piece);
}

void HttpSource::on_time(base::Time now) {
  if (is_ts_) {
    ts_.on_time(now);
    take_pieces();
    take_samples();
  }
  chunker_.on_time(now);
  give_out();
}

void HttpSource::on_end(const Ending& ending) {
  // What is wrong with the rest of a body that was cut is no news.
  if (const auto finished = is_ts_ ? ts_.finish() : fmp4_.finish(); finished && is_ts_) {
    take_pieces();
  }
  take_samples();
  chunker_.finish();
  give_out();
  events_.on_end(ending);
}

void HttpSource::take_pieces() {
  while (const auto piece = ts_.poll()) {
    last_dts_ = piece->dts.value_or(last_dts_);
    // Without a free block its frames are lost; what follows is read.
    if (!ts_samples_.feed(piece->bytes, {0, last_dts_}, piece->is_frame_open)) {
      ts_samples_.on_discontinuity();
    }
  }
}

std::span<const media::Track> HttpSource::tracks() const {
  return is_ts_ ? ts_samples_.tracks() : fmp4_.tracks();
}

std::uint32_t HttpSource::tracks_version() const {
  return is_ts_ ? ts_samples_.tracks_version() : fmp4_.tracks_version();
}

std::optional<media::Sample> HttpSource::poll() {
  return is_ts_ ? ts_samples_.poll() : fmp4_.poll();
}

// In MPEG-TS a track tells what it is with its first frames.
bool HttpSource::is_ready() const {
  return held_.size() >= held_max || std::ranges::all_of(tracks(), [](const media::Track& track) {
           return track.codec == media::Codec::unknown || fmp4::can_write(track);
         });
}

void HttpSource::take_samples() {
  while (auto sample = poll()) take(std::move(*sample));
}

void HttpSource::take(media::Sample sample) {
  if (told_version_ == tracks_version())
    return chunker_.add(std::move(sample), base::monotonic_now());
  held_.push_back(std::move(sample));
  if (!is_ready()) return;
  told_version_ = tracks_version();
  chunker_.finish();
  give_out();
  const std::vector<media::Track> now(tracks().begin(), tracks().end());
  events_.on_tracks(now);
  chunker_.set_tracks(now);
  for (media::Sample& held : std::exchange(held_, {})) {
    if (held.track < now.size()) chunker_.add(std::move(held), base::monotonic_now());
  }
}

void HttpSource::give_out() {
  while (auto group = chunker_.poll()) {
    wire::Chunk chunk;
    chunk.position = {epoch, next_++};
    chunk.sync = group->sync;
    chunk.samples = std::move(group->samples);
    events_.on_chunk(chunk);
  }
}

}  // namespace client
