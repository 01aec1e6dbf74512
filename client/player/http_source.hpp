#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/wire/http_get.hpp"
#include "relay/media/chunker.hpp"
#include "relay/media/container/fmp4/reader.hpp"
#include "relay/media/container/mpegts/reader.hpp"
#include "relay/media/container/mpegts/sample_reader.hpp"
#include "relay/media/track.hpp"
#include "relay/protocol/wire/message.hpp"

namespace client {

/// A stream over HTTP as the wire would deliver it: tracks, then chunks, numbered from 0. Nothing
/// is known of their UTC. Owns a network thread, which the events come on.
class HttpSource final : private HttpGet::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_connected(const std::string& address) = 0;
    virtual void on_tracks(const std::vector<media::Track>& tracks) = 0;
    virtual void on_chunk(const wire::Chunk& chunk) = 0;
    virtual void on_lost(const std::string& reason, base::Duration retry_in) = 0;
    virtual void on_end(const Ending& ending) = 0;
  };

  /// The extension of `settings.url` says the container: `ts`, otherwise fragmented MP4.
  HttpSource(HttpGet::Settings settings, Events& events);
  ~HttpSource() override = default;

  void hold(bool is_held) { get_.hold(is_held); }

 private:
  void on_connected(const std::string& address) override { events_.on_connected(address); }
  base::Result<void> on_body(memory::Window bytes) override;
  std::optional<base::Time> deadline() override;
  void on_time(base::Time now) override;
  void on_lost(const std::string& reason, base::Duration retry_in) override {
    events_.on_lost(reason, retry_in);
  }
  void on_end(const Ending& ending) override;

  void take_pieces();
  void take_samples();
  void take(media::Sample sample);
  void give_out();
  std::span<const media::Track> tracks() const;
  std::uint32_t tracks_version() const;
  std::optional<media::Sample> poll();
  bool is_ready() const;

  // Samples that wait until all tracks are known, or until so many wait.
  static constexpr std::size_t held_max = 256;

  Events& events_;
  bool is_ts_;
  memory::Arena arena_;
  memory::BlockPool pool_;
  fmp4::Reader fmp4_;
  mpegts::Reader ts_;
  mpegts::SampleReader ts_samples_;
  media::Chunker chunker_;
  std::vector<media::Sample> held_;
  std::optional<std::uint32_t> told_version_;
  std::int64_t last_dts_ = 0;
  std::uint64_t next_ = 0;
  HttpGet get_;  // last: its thread ends first
};

}  // namespace client
