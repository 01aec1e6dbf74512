#include "client/player/watch.hpp"

#include <algorithm>
#include <utility>

#include "client/player/advice.hpp"
#include "relay/base/units.hpp"
#include "relay/media/timescale.hpp"
#include "relay/protocol/wire/tracks.hpp"

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::chrono::seconds drain_max{5};
constexpr std::chrono::seconds http_again_after{2};
// Of two machines that keep time by the network; more makes latencies useless.
constexpr milliseconds clocks_differ{50};
constexpr std::int64_t us_per_second = 1'000'000;

std::string to_ms(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

std::string to_text(const wire::Gap& gap) {
  std::string text = "gap: ";
  if (gap.from.epoch == gap.to.epoch) {
    const std::uint64_t count = gap.to.sequence - gap.from.sequence;
    text += std::to_string(count) + (count == 1 ? " chunk is" : " chunks are") + " missing from " +
            std::to_string(gap.from.sequence) + " on";
  } else {
    text += "the stream goes on with another numbering";
  }
  if (gap.from_utc && gap.to_utc && *gap.to_utc > *gap.from_utc) {
    text += ", " + to_ms(*gap.to_utc - *gap.from_utc);
  }
  return text + " (" + name_of(gap.reason) + ")";
}

void add_counters(Report& report, const Player& player) {
  const Player::Stats stats = player.stats();
  report.gaps = stats.counters.gaps;
  report.repeats = stats.counters.repeats;
  report.checksum_errors = stats.counters.checksum_errors;
  report.reconnects = stats.reconnects;
}

}  // namespace

Watch::Watch(const Options& options, base::Time began, Console& console, Presenter* presenter)
    : options_(options), began_(began), console_(console), presenter_(presenter) {}

Watch::~Watch() { finish(); }

ExitCode Watch::start() {
  if (!options_.save.empty()) {
    saver_.emplace(options_.save);
    if (const auto opened = saver_->open(); !opened) {
      console_.say("cannot write " + options_.save + ": " + opened.error().message());
      return ExitCode::file;
    }
  }
  const std::lock_guard guard(lock_);  // so that events find it
  if (options_.url.is_wire()) {
    Player::Settings settings;
    settings.url = options_.url;
    settings.watch.start = options_.start;
    settings.watch.slow = options_.slow;
    settings.watch.flush = milliseconds(0);
    settings.backoff.retries = options_.retries;
    Player::Events& events = *this;
    if (const auto* const from = std::get_if<base::Utc>(&options_.start)) going_to_ = *from;
    player_ = std::make_unique<Player>(std::move(settings), events);
  } else {
    open_http();
  }
  return ExitCode::done;
}

std::optional<ExitCode> Watch::wait_until(base::Time time) {
  look_for_errors();
  open_http_again();
  std::unique_lock guard(lock_);
  changed_.wait_until(guard, time, [this] { return code_.has_value(); });
  return code_;
}

void Watch::end(ExitCode code) {
  const std::lock_guard guard(lock_);
  if (!code_) code_ = code;
  changed_.notify_all();
}

void Watch::fail(ExitCode code, const std::string& what) {
  console_.say(what);
  end(code);
}

void Watch::finish() {
  bool must_drain = false;
  {
    const std::lock_guard guard(lock_);
    must_drain = must_drain_;
  }
  if (presenter_ != nullptr) presenter_->interrupt();
  if (must_drain && presenter_ == nullptr) {
    const std::lock_guard guard(decoder_lock_);
    if (decoder_) decoder_->finish(drain_max);
  }
  std::unique_ptr<Player> player;
  std::unique_ptr<HttpSource> http;
  {
    const std::lock_guard guard(lock_);
    must_drain_ = false;
    is_closed_ = true;
    if (player_) add_counters(report_, *player_);  // nothing more is known of it
    player = std::move(player_);
    http = std::move(http_);
  }
  player.reset();
  http.reset();
  const std::lock_guard guard(decoder_lock_);
  decoder_.reset();
}

Report Watch::report() {
  const std::lock_guard guard(lock_);
  Report report = report_;
  if (player_) add_counters(report, *player_);
  report.reconnects += http_reconnects_;
  if (latencies_.count() > 0) {
    report.latency =
        Report::Latency{latencies_.quantile(0.5), latencies_.quantile(0.99), latencies_.max()};
  }
  report.frame_numbers = numbers_.counts();
  if (presenter_ == nullptr) return report;
  const Presenter::View shown = presenter_->view();
  report.shown =
      Report::Shown{shown.shown, shown.passed_over, view_.drops, shown.latency, shown.sync};
  return report;
}

void Watch::on_connected(const std::string& address) {
  console_.say("connected to " + address);
  set_phase({Phase::Kind::waiting, {}, {}});
}

void Watch::set_phase(Phase phase) {
  const std::lock_guard guard(lock_);
  view_.phase = std::move(phase);
}

// Between the relay's answer and now lies at most a moment on the network.
void Watch::on_playing(const wire::Player::Began& began) {
  const base::Duration ahead = began.relay_utc - base::utc_now();
  if (!began.resumed) {
    asked_ = base::utc_now();
    std::optional<base::Utc> from;
    {
      const std::lock_guard guard(lock_);
      from = going_to_;
    }
    begin_anew(!from, from);
  }
  const std::lock_guard guard(lock_);
  if (ahead > -milliseconds(500) && ahead < clocks_differ) return;
  if (std::exchange(has_warned_of_clocks_, true)) return;
  console_.say("the relay's clock and this machine's differ by about " + to_ms(ahead) +
               ": latencies may be off by that");
}

void Watch::warn_of_clocks(base::Duration latency) {
  if (latency >= -milliseconds(1) || std::exchange(has_warned_of_clocks_, true)) return;
  console_.say("a frame was decoded " + to_ms(-latency) +
               " before it was captured: the publisher's clock and this machine's differ, and "
               "latencies are off by that");
}

void Watch::on_tracks(const std::vector<media::Track>& tracks) {
  std::vector<std::string> warnings;
  if (saver_) {
    const auto set = saver_->set_tracks(tracks, warnings);
    for (const std::string& warning : warnings) console_.say(warning);
    if (!set) {
      return fail(ExitCode::file, "cannot write " + saver_->path() + ": " + set.error().message());
    }
  }
  tracks_ = tracks;
  make_decoder(tracks);
}

void Watch::make_decoder(const std::vector<media::Track>& tracks) {
  const std::lock_guard guard(decoder_lock_);
  if (decoder_ && decoder_->fits(tracks)) return;
  // What came before is decoded to its end; the relay waits so long.
  if (decoder_) decoder_->finish(drain_max);
  if (presenter_ != nullptr) presenter_->refuse(true);
  decoder_.reset();
  if (presenter_ != nullptr) presenter_->refuse(false);
  rebuild();
}

// Under `decoder_lock_`.
void Watch::rebuild() {
  decoder_.reset();
  {
    const std::lock_guard guard(lock_);
    is_behind_ = false;  // the old one was; it says nothing any more
  }
  hold();
  needs_sync_ = presenter_ != nullptr;
  std::vector<std::string> warnings;
  Decoder::Events& events = *this;
  const bool is_shown = presenter_ != nullptr;
  decoder_ = std::make_unique<Decoder>(
      tracks_, Decoder::Settings{is_shown, is_shown && may_use_hardware_}, events, warnings);
  tell_left_out(std::move(warnings));
  if (is_shown && told_decoders_ != decoder_->description()) {
    told_decoders_ = decoder_->description();
    console_.say("decoding " + told_decoders_ +
                 (decoder_->uses_hardware() ? " (hardware: untested; software if it fails)" : ""));
  }
  if (!decoder_->is_useful() && !saver_) {
    return fail(ExitCode::source, "the stream has no track that can be decoded");
  }
  if (is_shown) presenter_->expect_pictures(decoder_->has_video());
  const std::lock_guard inner(lock_);
  view_.decoders = decoder_->description();
  counted_ = decoder_->has_video() ? media::Kind::video : media::Kind::audio;
}

// Once, and not after each seek again.
void Watch::tell_left_out(std::vector<std::string> sentences) {
  {
    const std::lock_guard guard(lock_);
    if (sentences == view_.left_out) return;
    view_.left_out = sentences;
  }
  for (const std::string& sentence : sentences) console_.say(sentence);
}

void Watch::on_chunk(const wire::Chunk& chunk) {
  {
    const std::lock_guard guard(lock_);
    if (is_closed_) return;
    ++report_.chunks;
    for (const media::Sample& sample : chunk.samples) view_.bytes += sample.payload.bytes();
    if (view_.phase.kind != Phase::Kind::playing) view_.phase = {Phase::Kind::playing, {}, {}};
    if (options_.url.is_wire()) {
      if (!report_.first_sequence) report_.first_sequence = chunk.position.sequence;
      report_.last_sequence = chunk.position.sequence;
    }
  }
  if (saver_) save(chunk);
  decode(chunk);
}

void Watch::save(const wire::Chunk& chunk) {
  const auto written = saver_->write(chunk);
  if (!written) {
    fail(ExitCode::file, "cannot write " + saver_->path() + ": " + written.error().message());
  }
}

// The UTC of a chunk is that of its first sample; the others lie behind it in media time.
void Watch::decode(const wire::Chunk& chunk) {
  if (presenter_ != nullptr && chunk.sync && presenter_->is_left_behind()) {
    begin_anew(true, {});
    const std::lock_guard guard(lock_);
    ++view_.drops;
  }
  const std::lock_guard guard(decoder_lock_);
  if (!decoder_ || chunk.samples.empty()) return;
  if (needs_sync_ && !chunk.sync) return;
  needs_sync_ = false;
  const media::Sample& first = chunk.samples.front();
  if (first.track >= tracks_.size()) return;
  const std::int64_t begins =
      media::rescale(first.dts, us_per_second, tracks_[first.track].timescale);
  for (const media::Sample& sample : chunk.samples) {
    if (sample.track >= tracks_.size()) continue;
    std::optional<base::Utc> captured;
    if (options_.url.is_wire()) {
      const std::uint32_t timescale = tracks_[sample.track].timescale;
      captured =
          chunk.utc + microseconds(media::rescale(sample.pts, us_per_second, timescale) - begins);
    }
    if (presenter_ != nullptr && tracks_[sample.track].kind == media::Kind::video) {
      presenter_->on_coming(std::chrono::nanoseconds(
          media::rescale(sample.pts, 1'000'000'000, tracks_[sample.track].timescale)));
    }
    decoder_->push(sample, captured);
  }
}

// Frames before the gap are decoded still: nothing is shown, so none of them is late.
void Watch::on_gap(const wire::Gap& gap) {
  console_.say(to_text(gap));
  const std::lock_guard guard(decoder_lock_);
  if (decoder_) decoder_->on_gap();
}

void Watch::on_lost(const std::string& reason, base::Duration retry_in) {
  const std::string sentence = with_advice(reason, options_.url);
  console_.say(sentence + "; trying again in " + to_ms(retry_in));
  set_phase({Phase::Kind::reconnecting, base::monotonic_now() + retry_in, sentence});
}

void Watch::on_end(const Ending& ending) {
  ExitCode code = ExitCode::done;
  if (ending.cause == Ending::Cause::refused) code = ExitCode::refused;
  if (ending.cause == Ending::Cause::unreachable) code = ExitCode::unreachable;
  const std::string sentence = with_advice(ending.detail, options_.url);
  console_.say(sentence);
  const std::lock_guard guard(lock_);
  if (code_) return;
  // In a window a connection that was lost is made again, also over HTTP.
  if (presenter_ != nullptr && http_ && code == ExitCode::unreachable && !options_.retries) {
    http_again_at_ = base::monotonic_now() + http_again_after;
    view_.phase = {Phase::Kind::reconnecting, *http_again_at_, sentence};
    return;
  }
  view_.phase = {Phase::Kind::ended, {}, sentence};
  must_drain_ = true;
  code_ = code;
  changed_.notify_all();
}

void Watch::on_decoded(const Decoder::Decoded& decoded) {
  count(decoded);
  if (presenter_ != nullptr) presenter_->add(decoded);
}

void Watch::count(const Decoder::Decoded& decoded) {
  const base::Time now = base::monotonic_now();
  const std::lock_guard guard(lock_);
  if (is_closed_ || (code_ && !must_drain_) || decoded.kind != counted_) return;
  ++report_.frames_decoded;
  if (!report_.startup) report_.startup = now - began_;
  if (decoded.captured) {
    const base::Duration latency = base::utc_now() - *decoded.captured;
    warn_of_clocks(latency);
    latencies_.add(latency);
  }
  if (decoded.number) numbers_.add(*decoded.number);
  if (!options_.frames || report_.frames_decoded != *options_.frames) return;
  is_closed_ = true;  // not one more
  if (!code_) code_ = ExitCode::done;
  changed_.notify_all();
}

// A decoder that cannot follow is a slow player to the relay.
void Watch::on_backlog(bool is_behind) {
  {
    const std::lock_guard guard(lock_);
    is_behind_ = is_behind;
  }
  hold();
}

void Watch::look_for_errors() {
  // The source's thread may wait for what was decoded to be shown: then another time.
  const std::unique_lock guard(decoder_lock_, std::try_to_lock);
  while (guard && decoder_) {
    const auto error = decoder_->take_error();
    if (!error) return;
    console_.say(error->sentence);
    if (error->is_of_hardware) {
      console_.say("decoding goes on in software, at the next sync frame");
      may_use_hardware_ = false;
      presenter_->interrupt();
      decoder_.reset();
      presenter_->restart(presenter_->view().is_live, {});
      rebuild();
      return;
    }
    if (!decoder_->is_useful() && !saver_) end(ExitCode::source);
  }
}

}  // namespace client
