#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/command/exit_code.hpp"
#include "client/player/console.hpp"
#include "client/player/decoder.hpp"
#include "client/player/http_source.hpp"
#include "client/player/latency.hpp"
#include "client/player/options.hpp"
#include "client/player/phase.hpp"
#include "client/player/presenter.hpp"
#include "client/player/report.hpp"
#include "client/player/saver.hpp"
#include "client/wire/player.hpp"
#include "relay/protocol/wire/tracks.hpp"

namespace client {

/// One run of the player: a source, a decoder, a file, and what is counted of them. `main`'s thread
/// starts, waits, controls and finishes; the source's thread brings chunks, GStreamer's bring
/// frames.
class Watch final : private Player::Events, private HttpSource::Events, private Decoder::Events {
 public:
  struct View {
    Phase phase;
    std::uint64_t bytes = 0;  ///< of payload, so far
    std::string decoders;     ///< what decodes which track
    std::vector<std::string>
        left_out;             ///< sentences: tracks that cannot be decoded, and what to do
    std::uint64_t drops = 0;  ///< jumps to the newest sync frame, because it lagged too far
  };

  /// `began`: when the process did. `presenter`: shows what is decoded; null: nobody does.
  Watch(const Options& options, base::Time began, Console& console, Presenter* presenter);
  ~Watch() override;

  /// Opens the file and begins to connect. Not done: why it cannot begin.
  ExitCode start();
  /// Waits until that time, or the end; what the exit code is, once it has ended.
  std::optional<ExitCode> wait_until(base::Time time);
  /// Any thread: it has ended, with that code, if it had not yet.
  void end(ExitCode code);
  /// After the end: waits for what must still be decoded, and stops everything.
  void finish();
  Report report();

  // With a presenter. Each returns at once; what follows from it is seen later.

  /// On the wire the relay stops sending; over HTTP nothing is read.
  void pause(bool is_paused);
  /// So far from what is shown, within what the relay has, at most to live; goes on if it is
  /// paused. False: over HTTP there is no way back.
  bool seek(base::Duration by);
  void go_live();
  View view();

 private:
  void on_connected(const std::string& address) override;
  void on_playing(const wire::Player::Began& began) override;
  void on_tracks(const wire::Tracks& tracks) override { on_tracks(wire::to_media(tracks)); }
  void on_tracks(const std::vector<media::Track>& tracks) override;
  void on_chunk(const wire::Chunk& chunk) override;
  void on_gap(const wire::Gap& gap) override;
  void on_lost(const std::string& reason, base::Duration retry_in) override;
  void on_end(const Ending& ending) override;
  void on_decoded(const Decoder::Decoded& decoded) override;
  void on_backlog(bool is_behind) override;

  void count(const Decoder::Decoded& decoded);
  void fail(ExitCode code, const std::string& what);
  void warn_of_clocks(base::Duration latency);
  void make_decoder(const std::vector<media::Track>& tracks);
  void save(const wire::Chunk& chunk);
  void decode(const wire::Chunk& chunk);
  void look_for_errors();
  void open_http();
  void open_http_again();
  void hold();
  void begin_anew(bool is_live, std::optional<base::Utc> from);
  void rebuild();
  void tell_left_out(std::vector<std::string> sentences);
  void set_phase(Phase phase);

  const Options& options_;
  const base::Time began_;
  Console& console_;
  Presenter* const presenter_;
  std::optional<Saver> saver_;        // of the source's thread
  std::vector<media::Track> tracks_;  // likewise
  base::Utc asked_{};                 // likewise; what was captured before is history, and not late

  std::mutex decoder_lock_;  // never taken on GStreamer's threads, which its destructor waits for
  std::unique_ptr<Decoder> decoder_;
  bool may_use_hardware_ = true;
  bool needs_sync_ = false;  // the decoder is new: it begins with a sync chunk
  std::string told_decoders_;

  std::mutex lock_;  // of all below
  std::condition_variable changed_;
  std::optional<ExitCode> code_;
  bool must_drain_ = false;  // it has ended because the stream has: what waits is decoded still
  bool is_closed_ = false;   // nothing is counted any more
  media::Kind counted_ = media::Kind::video;
  Report report_;
  Latencies latencies_;
  FrameNumbers numbers_;
  bool has_warned_of_clocks_ = false;
  View view_;
  bool is_behind_ = false;  // the decoder cannot follow
  bool is_paused_ = false;
  std::optional<base::Utc> going_to_;  // of the last seek; nothing: live
  std::optional<base::Time> http_again_at_;
  std::uint64_t http_reconnects_ = 0;
  std::unique_ptr<Player> player_;
  std::unique_ptr<HttpSource> http_;
};

}  // namespace client
