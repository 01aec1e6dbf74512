#include "client/camera/camera.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>

#include "client/camera/caps_track.hpp"
#include "client/camera/http_output.hpp"
#include "client/camera/registry_probe.hpp"
#include "client/camera/sender_clock.hpp"
#include "client/camera/wire_output.hpp"

namespace client::camera {
namespace {

constexpr std::chrono::seconds report_interval{1};

std::optional<base::Duration> running_time(const GstSegment* segment, GstClockTime time) {
  if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
  guint64 running = 0;
  const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &running);
  if (sign == 0) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(running);
  return base::Duration(sign > 0 ? magnitude : -magnitude);
}

FrameTimes::Given times_of(GstSample* sample) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  const GstSegment* segment = gst_sample_get_segment(sample);
  FrameTimes::Given times;
  times.dts = running_time(segment, GST_BUFFER_DTS(buffer));
  times.pts = running_time(segment, GST_BUFFER_PTS(buffer));
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) {
    times.duration = base::Duration(static_cast<std::int64_t>(GST_BUFFER_DURATION(buffer)));
  }
  return times;
}

std::unique_ptr<Output> make_output(const Options& options, Inbox& inbox) {
  if (options.url.is_wire()) return std::make_unique<WireOutput>(options, inbox);
  return std::make_unique<HttpOutput>(options, inbox);
}

}  // namespace

Camera::Camera(Options options, Inbox& inbox)
    : options_(std::move(options)),
      inbox_(inbox),
      status_(options_.stats),
      reopening_({options_.stall, options_.retries}) {}

Camera::~Camera() { inbox_.close(); }

ExitCode Camera::run() {
  if (const auto failure = open()) {
    status_.notice(failure->text);
    return failure->code;
  }
  while (!is_done_) {
    if (auto event = inbox_.pop(next_wake())) handle(std::move(*event));
    on_time();
  }
  if (options_.stats == Options::Stats::json) report(base::monotonic_now());
  status_.finish();
  return code_;
}

std::optional<Failure> Camera::open() {
  RegistryProbe probe;
  auto plan = make_plan(options_, probe);
  if (auto* failure = std::get_if<Failure>(&plan)) return *failure;
  plan_ = std::move(std::get<Plan>(plan));
  if (!plan_.notice.empty()) status_.notice(plan_.notice);
  capture_ = std::make_unique<Capture>(plan_, pass_, inbox_);
  if (auto failure = capture_->prepare()) return failure;
  try {
    output_ = make_output(options_, inbox_);
  } catch (const std::system_error& error) {
    return Failure{ExitCode::failed, std::string("cannot keep anything: ") + error.what()};
  }
  next_report_ = base::monotonic_now() + report_interval;
  if (options_.is_watched()) reopening_.on_open(base::monotonic_now());
  return capture_->play(std::nullopt);
}

void Camera::handle(Event event) {
  std::visit([this](auto&& what) { on(std::forward<decltype(what)>(what)); }, std::move(event));
}

void Camera::on(SampleEvent event) {
  const bool is_early = event.pass == pass_ + 1 && next_;
  if (is_early && early_.size() < early_max) early_.push_back(std::move(event));
  if (!event.sample || event.pass != pass_ || !capture_) return;
  Source& source = source_of(event);
  if (!source.stream) return;
  GstBuffer* buffer = gst_sample_get_buffer(event.sample.get());
  GstMapInfo map;
  if (buffer == nullptr || !gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
  Assembler::Input input;
  input.stream = *source.stream;
  input.is_delta = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) != 0;
  input.bytes = std::as_bytes(std::span(map.data, map.size));
  set_times(event, source, input);
  const base::Time now = base::monotonic_now();
  if (!began_) began_ = reported_.time = now;
  const bool is_frame = assembler_.add(input, now);
  gst_buffer_unmap(buffer, &map);
  // Sound alone does not show that a camera works.
  if (is_frame && (!source.is_audio || !has_video_)) {
    if (std::exchange(is_new_pass_, false)) status_.notice("the source is back");
    reopening_.on_frame(now);
  }
  if (options_.loop && !options_.is_watched() && !next_) open_next_pass();
}

void Camera::set_times(const SampleEvent& event, Source& source, Assembler::Input& input) {
  input.times = times_of(event.sample.get());
  // Of RTP packets the dts is when they arrived.
  if (options_.source == Options::Source::rtsp) input.times.dts.reset();
  const auto time = input.times.dts ? input.times.dts : input.times.pts;
  const base::Utc arrival = base::utc_now();
  input.utc = time ? captured(event, *time, arrival) : arrival;
  base::Duration offset{};
  if (options_.is_watched()) {
    if (time) offset = pass_clock_.offset_for(*time, base::monotonic_now());
  } else {
    if (time) {
      if (source.last) source.interval = *time - *source.last;
      source.last = time;
      // The last frame of sound may be said to be shorter than it is, to be cut off in playing.
      const base::Duration said = input.times.duration.value_or(source.interval);
      loop_.on_frame(*time, *time + (source.is_audio ? std::max(said, source.interval) : said));
    }
    if (!first_base_time_) first_base_time_ = capture_->base_time();
    offset = loop_.offset();
  }
  if (input.times.dts) *input.times.dts += offset;
  if (input.times.pts) *input.times.pts += offset;
}

// `time`: running time.
base::Utc Camera::captured(const SampleEvent& event, base::Duration time, base::Utc arrival) {
  if (event.sender_zero) {
    const auto running = std::chrono::floor<std::chrono::microseconds>(time);
    const base::Utc said = *event.sender_zero + running;
    if (!std::exchange(has_told_clock_, true)) tell_clock(said, arrival);
    return captured_at(said, arrival);
  }
  if (plan_.passes_on()) return arrival;
  return clock_.at(capture_->base_time() + time, capture_->now(), arrival);
}

void Camera::tell_clock(base::Utc said, base::Utc arrival) {
  const bool is_believed = std::chrono::abs(said - arrival) <= sender_tolerance;
  const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(arrival - said).count();
  status_.notice("the camera's clock says that frames arrive " + std::to_string(late) +
                 " ms after they were captured" +
                 (is_believed ? "" : ", which is not believed: they are of when they arrive"));
}

void Camera::open_next_pass() {
  next_ = std::make_unique<Capture>(plan_, pass_ + 1, inbox_);
  if (const auto failure = next_->prepare()) fail(*failure);
}

Camera::Source& Camera::source_of(const SampleEvent& event) {
  if (event.stream >= sources_.size()) sources_.resize(event.stream + 1);
  std::optional<Source>& source = sources_[event.stream];
  if (source) return *source;
  source.emplace();
  GstCaps* caps = gst_sample_get_caps(event.sample.get());
  const auto track = caps != nullptr ? read_caps(caps) : std::nullopt;
  if (track) source->stream = stream_for(*track);
  source->is_audio = track && track->kind == media::Kind::audio;
  has_video_ = has_video_ || (track && track->kind == media::Kind::video);
  if (!source->stream && pass_ == 0) {
    const gst::Pointer<gchar> text(caps != nullptr ? gst_caps_to_string(caps) : nullptr);
    status_.notice(std::string("a track is left out, the wire does not carry ") +
                   (text ? text.get() : "it"));
  }
  tell_if_all_streams();
  return *source;
}

// The tracks of a file may appear in another order in each pass: they are told by what they are.
std::optional<unsigned> Camera::stream_for(const media::Track& track) {
  for (unsigned stream = 0; stream < streams_.size(); ++stream) {
    if (is_used_[stream] || streams_[stream].codec != track.codec ||
        streams_[stream].sample_rate != track.sample_rate) {
      continue;
    }
    is_used_[stream] = true;
    return stream;
  }
  if (streams_.size() == Capture::streams_max) return std::nullopt;
  streams_.push_back(track);
  is_used_.push_back(true);
  const bool is_rtp = options_.source == Options::Source::rtsp;
  return assembler_.add_stream(track, is_rtp ? 0 : FrameTimes::usual_reorder);
}

void Camera::on(const StreamsEvent& event) {
  if (event.pass != (options_.is_watched() ? pass_ : 0)) return;
  stream_count_ = event.count;
  tell_if_all_streams();
}

void Camera::tell_if_all_streams() {
  if (!stream_count_ || (pass_ != 0 && !options_.is_watched())) return;
  const auto seen =
      std::ranges::count_if(sources_, [](const auto& source) { return bool(source); });
  if (static_cast<unsigned>(seen) < *stream_count_) return;
  assembler_.on_all_streams(base::monotonic_now());
}

void Camera::on(const EndEvent& event) {
  if (event.pass != pass_ || is_finishing_ || !capture_) return;
  if (options_.source == Options::Source::pipe) {
    const auto exit = capture_->wait_child();
    const bool is_over = exit && exit->is_good() && began_ && !options_.loop;
    if (is_over) return finish(std::nullopt);
    return lose({ExitCode::source,
                 "the command " + (exit ? to_text(*exit) : std::string("closed its output"))});
  }
  if (options_.is_watched()) return lose({ExitCode::source, "the camera ended the stream"});
  if (options_.loop) return begin_next_pass();
  finish(std::nullopt);
}

void Camera::lose(const Failure& failure, Reopening::Loss loss) {
  const auto wait = reopening_.on_loss(loss, base::monotonic_now(), random_());
  if (!wait) return fail(failure);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*wait).count();
  status_.notice(failure.text + "; opening it again in " + std::to_string(ms) + " ms");
  inbox_.refuse_before(pass_ + 1);
  capture_.reset();
}

void Camera::open_again() {
  const base::Time now = base::monotonic_now();
  ++pass_;
  ++reopened_;
  sources_.clear();
  stream_count_.reset();
  is_used_.assign(is_used_.size(), false);
  pass_clock_.next_pass();
  assembler_.interrupt(now);
  output_->skip();
  is_new_pass_ = true;
  capture_ = std::make_unique<Capture>(plan_, pass_, inbox_);
  reopening_.on_open(now);
  auto failure = capture_->prepare();
  if (!failure) failure = capture_->play(std::nullopt);
  if (failure) lose(*failure);
}

void Camera::begin_next_pass() {
  if (!next_) return fail({ExitCode::source, plan_.path + ": there are no frames in it"});
  loop_.next_pass();
  ++pass_;
  sources_.clear();
  is_used_.assign(is_used_.size(), false);
  const std::unique_ptr<Capture> last = std::exchange(capture_, std::exchange(next_, nullptr));
  // The clock goes on where the last pass was to end, however long it took to get here.
  if (const auto failure = capture_->play(*first_base_time_ + loop_.offset())) fail(*failure);
  for (SampleEvent& event : std::exchange(early_, {})) on(std::move(event));
}

void Camera::on(const FailureEvent& event) {
  if (is_finishing_) return;
  const bool may_help = options_.is_watched() && event.cure != FailureEvent::Cure::none &&
                        event.failure.code == ExitCode::source;
  if (!may_help) return fail(event.failure);
  if (event.pass != pass_ || !capture_) return;  // it is given up already
  const bool is_denied = event.cure == FailureEvent::Cure::credentials;
  lose(event.failure, is_denied ? Reopening::Loss::denied : Reopening::Loss::again);
}

void Camera::fail(const Failure& failure) {
  status_.notice(failure.text);
  code_ = failure.code;
  finish(farewell_max);
  // Nobody has seen anything of it yet: there is nothing to take leave of.
  if (output_->stats().chunks == 0) is_done_ = true;
}

void Camera::on(const OutputEndEvent& event) {
  is_done_ = true;
  const Ending& ending = event.ending;
  if (ending.cause == Ending::Cause::done) return;
  const bool is_refusal = ending.cause == Ending::Cause::refused;
  const std::string why =
      ending.detail.empty() ? std::string(wire::name_of(ending.reason)) : ending.detail;
  status_.notice(is_refusal ? "refused: " + why : "gave up after --retry: " + why);
  if (code_ == ExitCode::done) code_ = is_refusal ? ExitCode::refused : ExitCode::unreachable;
}

void Camera::on(const SignalEvent& event) {
  if (give_up_) {  // the second
    is_done_ = true;
    return;
  }
  status_.notice(event.number == SIGINT ? "interrupted, finishing" : "terminated, finishing");
  finish(farewell_max);
}

// Says good-bye to the relay. Without `patience` for as long as it takes to get everything there.
void Camera::finish(std::optional<base::Duration> patience) {
  if (patience) give_up_ = base::monotonic_now() + *patience;
  if (std::exchange(is_finishing_, true)) return;
  inbox_.refuse_samples();
  next_.reset();
  // What was captured before the signal still counts.
  std::vector<Event> others;
  while (auto event = inbox_.pop(base::Time{})) {
    if (std::holds_alternative<SampleEvent>(*event)) {
      on(std::move(std::get<SampleEvent>(*event)));
    } else {
      others.push_back(std::move(*event));
    }
  }
  for (Event& event : others) inbox_.push(std::move(event));
  capture_.reset();
  assembler_.finish(base::monotonic_now());
  output_->finish();
}

void Camera::on_time() {
  const base::Time now = base::monotonic_now();
  assembler_.on_time(now);
  if (!is_finishing_ && reopening_.has_stalled(now)) {
    lose({ExitCode::source, began_ ? "the source has stalled" : "the source delivers nothing"});
  }
  if (!is_finishing_ && reopening_.is_due(now)) open_again();
  if (now >= next_report_) {
    next_report_ = std::max(next_report_ + report_interval, now);
    if (status_.wants_reports()) report(now);
  }
  if (!give_up_ || now < *give_up_ || is_done_) return;
  is_done_ = true;
  const auto stats = output_->stats();
  if (stats.acknowledged < stats.chunks) {
    status_.notice("the relay did not acknowledge the last " +
                   std::to_string(stats.chunks - stats.acknowledged) + " chunks");
  }
}

base::Time Camera::next_wake() const {
  base::Time when = next_report_;
  if (const auto deadline = assembler_.deadline()) when = std::min(when, *deadline);
  if (give_up_) when = std::min(when, *give_up_);
  if (const auto due = reopening_.deadline(); due && !is_finishing_) when = std::min(when, *due);
  return when;
}

void Camera::report(base::Time now) {
  Report report;
  report.utc = base::utc_now();
  report.running = began_ ? now - *began_ : base::Duration{};
  report.frames = assembler_.video_frames();
  report.stats = output_->stats();
  report.reopened = reopened_;
  report.has_source = capture_ != nullptr && !is_new_pass_;
  const double seconds = base::to_seconds(now - reported_.time);
  if (began_ && seconds > 0) {
    report.fps = static_cast<double>(report.frames - reported_.frames) / seconds;
    report.bits_per_second =
        static_cast<double>(report.stats.bytes - reported_.bytes) * 8 / seconds;
  }
  reported_ = {now, report.frames, report.stats.bytes};
  status_.report(report);
}

void Camera::on_tracks(std::span<const media::Track> tracks) { output_->set_tracks(tracks); }

void Camera::on_chunk(Chunk chunk) { output_->add(chunk); }

}  // namespace client::camera
