#include "client/camera/capture.hpp"

#include <gst/base/gstbasesink.h>

#include <string_view>
#include <utility>

#include "client/camera/onvif_device.hpp"
#include "client/camera/source_fault.hpp"
#include "client/camera/stream_tail.hpp"
#include "client/camera/unit_joiner.hpp"
#include "relay/base/credentials.hpp"

namespace client::camera {
namespace {

// For hardware and network sources to say that they are there.
constexpr GstClockTime patience = 10 * GST_SECOND;

// Of a free end that may still become several things nobody can say what it is.
bool is_one_thing(const GstCaps* caps) {
  const std::string first = caps_name(caps);
  if (first.empty()) return false;
  for (unsigned index = 1; index < gst_caps_get_size(caps); ++index) {
    if (first != gst_structure_get_name(gst_caps_get_structure(caps, index))) return false;
  }
  return true;
}

base::Duration to_duration(GstClockTime time) noexcept {
  return base::Duration(static_cast<std::int64_t>(time));
}

}  // namespace

Capture::Capture(const Plan& plan, unsigned pass, Inbox& inbox)
    : plan_(plan), pass_(pass), inbox_(inbox) {}

Capture::~Capture() {
  if (!pipeline_) return;
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  const gst::Pointer<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
  child_.reset();
}

std::optional<Failure> Capture::prepare() {
  if (auto failure = check_source(plan_)) return failure;
  if (plan_.source == Options::Source::rtsp) {
    if (auto failure = find_location()) {
      inbox_.push(std::move(*failure));
      return std::nullopt;
    }
  }
  if (auto failure = build()) return failure;
  auto change = gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
  // What has pads later opens on its own threads, and its sinks come later.
  if (!plan_.has_later_pads() && change == GST_STATE_CHANGE_ASYNC) {
    change = gst_element_get_state(pipeline_.get(), nullptr, nullptr, patience);
  }
  if (change == GST_STATE_CHANGE_FAILURE) {
    return Failure{ExitCode::source, "the source cannot be opened"};
  }
  is_live_ = change == GST_STATE_CHANGE_NO_PREROLL;
  if (!plan_.has_later_pads()) set_paced(!is_live_);
  return std::nullopt;
}

// An ONVIF camera tells its RTSP URL, which may be another one after each restart.
std::optional<FailureEvent> Capture::find_location() {
  location_ = plan_.path;
  if (!plan_.path.starts_with("onvif://")) return std::nullopt;
  const auto device = parse_source_url(plan_.path);
  auto found =
      onvif::find_stream(device.value_or(SourceUrl{plan_.path, {}, {}, {}}), plan_.credentials);
  if (auto* const failure = std::get_if<FailureEvent>(&found)) {
    failure->pass = pass_;
    return std::move(*failure);
  }
  location_ = std::get<std::string>(found);
  return std::nullopt;
}

std::optional<Failure> Capture::build() {
  GError* raw_error = nullptr;
  if (plan_.source == Options::Source::gst) {
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    GstElement* bin = gst_parse_bin_from_description(plan_.launch.c_str(), FALSE, &raw_error);
    const gst::Pointer<GError> error(raw_error);
    if (error) {
      if (bin != nullptr) gst_object_unref(gst_object_ref_sink(bin));
      return explain_parse_error(*error, plan_.source);
    }
    gst_bin_add(GST_BIN(pipeline_.get()), bin);
    if (auto failure = connect_free_ends(GST_BIN(bin))) return failure;
  } else {
    GstElement* launched = gst_parse_launch(plan_.launch.c_str(), &raw_error);
    // One element alone is no pipeline.
    if (launched != nullptr && !GST_IS_PIPELINE(launched)) {
      GstElement* const pipeline = gst_pipeline_new(nullptr);
      gst_bin_add(GST_BIN(pipeline), launched);
      launched = pipeline;
    }
    if (launched != nullptr) pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(launched)));
    const gst::Pointer<GError> error(raw_error);
    if (error) return explain_parse_error(*error, plan_.source);
  }
  const gst::Pointer<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), &Capture::on_message, this, nullptr);
  auto* const bin = GST_BIN(pipeline_.get());
  if (plan_.source != Options::Source::test && plan_.source != Options::Source::gst) {
    if (auto failure = start_source(bin)) return failure;
    // Passes follow one another on one clock.
    const gst::Pointer<GstClock> clock(gst_system_clock_obtain());
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
    if (plan_.has_later_pads()) return std::nullopt;
  }
  if (plan_.source != Options::Source::gst) {
    for (const unsigned stream : {0U, 1U}) {
      const std::string name = "stream" + std::to_string(stream);
      GstElement* const sink = gst_bin_get_by_name(bin, name.c_str());
      if (sink != nullptr) listen_to_sink(sink, stream);
    }
  }
  if (plan_.source == Options::Source::test) {
    const gst::Pointer<GstElement> source(gst_bin_get_by_name(bin, "picture"));
    const gst::Pointer<GstPad> pad(gst_element_get_static_pad(source.get(), "src"));
    picture_ = std::make_unique<TestPicture>(pad.get());
  }
  inbox_.push(StreamsEvent{pass_, static_cast<unsigned>(sinks_.size())});
  return std::nullopt;
}

std::optional<Failure> Capture::start_source(GstBin* bin) {
  const gst::Pointer<GstElement> source(gst_bin_get_by_name(bin, "source"));
  switch (plan_.source) {
    case Options::Source::file:
      g_object_set(source.get(), "location", plan_.path.c_str(), nullptr);
      break;
    case Options::Source::rtsp:
      g_object_set(source.get(), "location", location_.c_str(), nullptr);
      if (plan_.credentials != Credentials{}) {
        g_object_set(source.get(), "user-id", plan_.credentials.user.c_str(), "user-pw",
                     plan_.credentials.password.c_str(), nullptr);
      }
      reports_ = std::make_unique<SenderReports>(source.get());
      break;
    case Options::Source::v4l2:
      g_object_set(source.get(), "device", plan_.path.c_str(), nullptr);
      break;
    case Options::Source::pipe:
      if (auto failure = start_child(source.get())) return failure;
      break;
    default:
      break;
  }
  if (!plan_.has_later_pads()) return std::nullopt;
  gst::Pointer<GstElement> pads(gst_bin_get_by_name(bin, "pads"));
  if (!pads) pads.reset(GST_ELEMENT(gst_object_ref(source.get())));
  g_signal_connect(pads.get(), "pad-added", G_CALLBACK(&Capture::on_pad), this);
  g_signal_connect(pads.get(), "no-more-pads", G_CALLBACK(&Capture::on_all_pads), this);
  return std::nullopt;
}

std::optional<Failure> Capture::start_child(GstElement* source) {
  auto child = Child::start(plan_.path, *this);
  if (!child) {
    return Failure{ExitCode::failed, "cannot start a command: " + child.error().message()};
  }
  child_ = std::move(*child);
  g_object_set(source, "fd", child_->output(), nullptr);
  return std::nullopt;
}

// The command may exit a moment after it has closed its stdout.
std::optional<Child::Exit> Capture::wait_child() {
  return child_ ? child_->wait(std::chrono::milliseconds(500)) : std::nullopt;
}

void Capture::on_line(std::string line) {
  const base::Time now = base::monotonic_now();
  if (!lines_.take(now)) return;
  inbox_.push(NoticeEvent{"pipe: " + base::hide_credentials(line)});
  if (const auto left_out = lines_.report_left_out(now)) {
    inbox_.push(NoticeEvent{"pipe: " + std::to_string(left_out) + " lines are left out"});
  }
}

std::optional<Failure> Capture::connect_free_ends(GstBin* bin) {
  while (gst::Pointer<GstPad> pad{gst_bin_find_unlinked_pad(bin, GST_PAD_SRC)}) {
    GstPad* ghost = gst_ghost_pad_new(nullptr, pad.get());
    if (ghost == nullptr || !gst_element_add_pad(GST_ELEMENT(bin), ghost)) {
      return Failure{ExitCode::failed, "GStreamer cannot reach a free end of the description"};
    }
    if (auto failure = connect_free_end(ghost)) return failure;
  }
  if (!sinks_.empty()) return std::nullopt;
  return Failure{ExitCode::usage,
                 "the description has no free end: leave the last element without a sink"};
}

std::optional<Failure> Capture::connect_free_end(GstPad* pad) {
  const gst::Pointer<GstCaps> caps(gst_pad_query_caps(pad, nullptr));
  const gst::Pointer<gchar> text(gst_caps_to_string(caps.get()));
  if (!is_one_thing(caps.get())) {
    return Failure{ExitCode::usage,
                   "it is not clear what a free end of the description is (" +
                       std::string(text.get()).substr(0, 200) +
                       "): end it in videoconvert, audioconvert, a parser or a capsfilter"};
  }
  const std::string tail = tail_for(plan_, caps.get()).launch;
  if (tail.empty()) {
    return Failure{ExitCode::usage, "a free end of the description is " + caps_name(caps.get()) +
                                        ", which the wire does not carry"};
  }
  if (attach(pad, tail)) return std::nullopt;
  return Failure{ExitCode::failed,
                 "GStreamer cannot link a free end of the description to: " + tail};
}

bool Capture::attach(GstPad* pad, const std::string& tail) {
  const std::lock_guard lock(mutex_);
  if (sinks_.size() == streams_max) return false;
  const auto stream = static_cast<unsigned>(sinks_.size());
  // A thread of its own: a file's demuxer must not wait for one stream while another starves.
  const std::string launch =
      "queue max-size-buffers=0 max-size-bytes=33554432 "
      "max-size-time=3000000000 ! " +
      tail + " ! " + sink_of(plan_, stream);
  GError* raw_error = nullptr;
  GstElement* bin = gst_parse_bin_from_description(launch.c_str(), TRUE, &raw_error);
  const gst::Pointer<GError> error(raw_error);
  if (error) {
    if (bin != nullptr) gst_object_unref(gst_object_ref_sink(bin));
    inbox_.push(FailureEvent{pass_, explain_parse_error(*error, Options::Source::test)});
    return false;
  }
  const std::string name = "stream" + std::to_string(stream);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(bin), name.c_str());
  gst_bin_add(GST_BIN(pipeline_.get()), bin);
  listen_to_sink(sink, stream);
  join_pieces(GST_BIN(bin));
  if (plan_.source == Options::Source::file) g_object_set(sink, "sync", TRUE, nullptr);
  const gst::Pointer<GstPad> entry(gst_element_get_static_pad(bin, "sink"));
  arrivals_.back()->session = SenderReports::session_of(pad);
  if (gst_pad_link(pad, entry.get()) != GST_PAD_LINK_OK) return false;
  gst_element_sync_state_with_parent(bin);
  return true;
}

void Capture::join_pieces(GstBin* bin) {
  const gst::Pointer<GstElement> pieces(gst_bin_get_by_name(bin, pieces_name));
  if (!pieces) return;
  const std::string_view name = GST_OBJECT_NAME(gst_element_get_factory(pieces.get()));
  const gst::Pointer<GstPad> pad(gst_element_get_static_pad(pieces.get(), "src"));
  UnitJoiner::join_at(pad.get(), name == "rtph265depay" ? media::Codec::h265 : media::Codec::h264);
}

void Capture::listen_to_sink(GstElement* sink, unsigned stream) {
  sinks_.emplace_back(sink);
  arrivals_.push_back(
      std::make_unique<Arrival>(Arrival{this, stream, SenderReports::sessions_max}));
  // What is decoded before anything is shown (B-frames, the priming of AAC) is before the segment.
  gst_base_sink_set_drop_out_of_segment(GST_BASE_SINK(sink), FALSE);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = &Capture::on_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, arrivals_.back().get(), nullptr);
}

void Capture::set_paced(bool is_paced) {
  const std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_)
    g_object_set(sink.get(), "sync", is_paced ? TRUE : FALSE, nullptr);
}

std::optional<Failure> Capture::play(std::optional<base::Duration> base_time) {
  if (!pipeline_) return std::nullopt;  // it was not found, which the inbox knows
  if (plan_.source == Options::Source::file) {
    gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
    const gst::Pointer<GstClock> clock(
        gst_pipeline_get_pipeline_clock(GST_PIPELINE(pipeline_.get())));
    gst_element_set_base_time(pipeline_.get(), base_time
                                                   ? static_cast<GstClockTime>(base_time->count())
                                                   : gst_clock_get_time(clock.get()));
  }
  const auto change = gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  if (change != GST_STATE_CHANGE_FAILURE) return std::nullopt;
  return Failure{ExitCode::source, "the source cannot be started"};
}

base::Duration Capture::now() const noexcept {
  const gst::Pointer<GstClock> clock(
      gst_pipeline_get_pipeline_clock(GST_PIPELINE(pipeline_.get())));
  return to_duration(gst_clock_get_time(clock.get()));
}

base::Duration Capture::base_time() const noexcept {
  return to_duration(gst_element_get_base_time(pipeline_.get()));
}

GstFlowReturn Capture::on_sample(GstAppSink* sink, void* arrival) noexcept {
  const auto& to = *static_cast<Arrival*>(arrival);
  gst::Pointer<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  SampleEvent event{to.capture->pass_, to.stream, std::move(sample), {}};
  if (const auto* reports = to.capture->reports_.get())
    event.sender_zero = reports->zero(to.session);
  to.capture->inbox_.push(std::move(event));
  return GST_FLOW_OK;
}

// On whatever thread posted it. Nobody else reads the bus.
GstBusSyncReply Capture::on_message(GstBus*, GstMessage* message, void* self) noexcept {
  auto& capture = *static_cast<Capture*>(self);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_EOS:
      capture.inbox_.push(EndEvent{capture.pass_});
      break;
    case GST_MESSAGE_ERROR:
      capture.on_error(message);
      break;
    case GST_MESSAGE_ELEMENT:
      if (const GstStructure* fields = gst_message_get_structure(message);
          fields != nullptr && gst_structure_has_name(fields, "missing-plugin")) {
        const char* name = gst_structure_get_string(fields, "name");
        capture.inbox_.push(NoticeEvent{
            std::string("GStreamer has no plugin for: ") + (name != nullptr ? name : "?") +
            "; the Debian packages gstreamer1.0-plugins-good, -bad, -ugly and gstreamer1.0-libav "
            "have most"});
      }
      break;
    default:
      break;
  }
  gst_message_unref(message);
  return GST_BUS_DROP;
}

void Capture::on_error(GstMessage* message) {
  GError* raw_error = nullptr;
  gst_message_parse_error(message, &raw_error, nullptr);
  const gst::Pointer<GError> error(raw_error);
  const gst::Pointer<gchar> element(gst_object_get_name(GST_MESSAGE_SRC(message)));
  auto event = explain_error(plan_, *error, element.get());
  event.pass = pass_;
  inbox_.push(std::move(event));
}

void Capture::on_pad(GstElement*, GstPad* pad, void* self) noexcept {
  auto& capture = *static_cast<Capture*>(self);
  gst::Pointer<GstCaps> caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  const StreamTail tail = tail_for(capture.plan_, caps.get());
  if (capture.pass_ == 0 && !tail.notice.empty()) capture.inbox_.push(NoticeEvent{tail.notice});
  if (tail.launch.empty() || !capture.attach(pad, tail.launch)) capture.drain(pad);
}

void Capture::drain(GstPad* pad) {
  GstElement* drain = gst_element_factory_make("fakesink", nullptr);
  g_object_set(drain, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), drain);
  const gst::Pointer<GstPad> entry(gst_element_get_static_pad(drain, "sink"));
  gst_pad_link(pad, entry.get());
  gst_element_sync_state_with_parent(drain);
}

void Capture::on_all_pads(GstElement*, void* self) noexcept {
  auto& capture = *static_cast<Capture*>(self);
  std::size_t count = 0;
  {
    const std::lock_guard lock(capture.mutex_);
    count = capture.sinks_.size();
  }
  if (count == 0) {
    const bool is_file = capture.plan_.source == Options::Source::file;
    const std::string what = is_file ? capture.plan_.path : "the source";
    capture.inbox_.push(
        FailureEvent{capture.pass_, {ExitCode::source, what + ": no track that can be sent"}});
    return;
  }
  capture.inbox_.push(StreamsEvent{capture.pass_, static_cast<unsigned>(count)});
}

}  // namespace client::camera
