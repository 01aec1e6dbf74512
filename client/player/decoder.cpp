#include "client/player/decoder.hpp"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include "client/gst/pointer.hpp"
#include "client/media/frame_number.hpp"
#include "client/player/elements.hpp"
#include "client/player/recipe.hpp"
#include "relay/media/timescale.hpp"

namespace client {
namespace {

// Of frames that were pushed and did not come out yet.
constexpr std::size_t captured_max = 512;
constexpr std::size_t length_bytes = 4;

GstClockTime to_gst(std::int64_t time, std::uint32_t timescale) noexcept {
  const std::int64_t ns = media::rescale(time, GST_SECOND, timescale);
  return static_cast<GstClockTime>(std::max<std::int64_t>(ns, 0));
}

// Each length before a NAL unit becomes a start code, which is as long.
void write_start_codes(std::span<std::byte> frame) noexcept {
  constexpr std::byte start_code[length_bytes] = {{}, {}, {}, std::byte{1}};
  while (frame.size() > length_bytes) {
    std::size_t length = 0;
    for (std::size_t at = 0; at < length_bytes; ++at) {
      length = length << 8 | std::to_integer<std::size_t>(frame[at]);
    }
    std::ranges::copy(start_code, frame.begin());
    frame = frame.subspan(std::min(length_bytes + length, frame.size()));
  }
}

// The one copy of a payload here: from the network's blocks, which live only as long as the call.
GstBuffer* copy_payload(const media::Sample& sample, bool has_start_codes) {
  GstBuffer* const buffer = gst_buffer_new_allocate(nullptr, sample.payload.bytes(), nullptr);
  GstMapInfo map;
  if (buffer == nullptr || !gst_buffer_map(buffer, &map, GST_MAP_WRITE)) return buffer;
  const std::span bytes(reinterpret_cast<std::byte*>(map.data), map.size);
  std::size_t at = 0;
  for (const memory::Window& window : sample.payload) {
    std::memcpy(bytes.data() + at, window.data(), window.size());
    at += window.size();
  }
  if (has_start_codes) write_start_codes(bytes);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

std::optional<std::uint32_t> read_number(GstSample* sample) {
  GstVideoInfo info;
  GstCaps* const caps = gst_sample_get_caps(sample);
  if (caps == nullptr || !gst_video_info_from_caps(&info, caps)) return std::nullopt;
  const GstVideoFormatInfo* const format = info.finfo;
  const bool has_luma_bytes = GST_VIDEO_FORMAT_INFO_IS_YUV(format) &&
                              GST_VIDEO_FORMAT_INFO_DEPTH(format, 0) == 8 &&
                              GST_VIDEO_FORMAT_INFO_PSTRIDE(format, 0) == 1;
  GstVideoFrame frame;
  GstBuffer* const buffer = gst_sample_get_buffer(sample);
  if (!has_luma_bytes || !gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) {
    return std::nullopt;
  }
  const auto stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
  const auto height = static_cast<std::size_t>(GST_VIDEO_FRAME_HEIGHT(&frame));
  const auto width = static_cast<std::size_t>(GST_VIDEO_FRAME_WIDTH(&frame));
  const auto* const luma =
      reinterpret_cast<const std::byte*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  const auto number =
      height == 0 ? std::nullopt
                  : frame_number::read({luma, stride * (height - 1) + width}, stride, width);
  gst_video_frame_unmap(&frame);
  return number;
}

void set_if_there(GstElement* element, const char* property, const char* value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property) == nullptr) return;
  gst_util_set_object_arg(G_OBJECT(element), property, value);
}

/// One track: appsrc → decoder → what gives it the form that is shown → appsink.
struct Branch {
  media::Track track;
  std::string caps;  // empty: it cannot be decoded
  bool has_start_codes = false;
  Decoder::Events* events = nullptr;
  GstElement* source = nullptr;  // the pipeline owns them
  GstElement* decoder = nullptr;
  GstElement* sink = nullptr;
  std::string decoder_name;
  bool is_of_hardware = false;
  std::uint64_t pushed = 0;
  std::atomic<bool> has_decoded{false};
  bool is_dead = false;
  bool follows = false;  // what is pushed next, on what was before

  std::mutex lock;
  std::deque<std::pair<GstClockTime, base::Utc>> captured;  // by pts
  std::atomic<bool> is_behind{false};

  std::optional<base::Utc> take_captured(GstClockTime pts);
  std::optional<base::Utc> near_captured(GstClockTime pts);
  void look_at_backlog();
  bool has(GstObject* element) const;
};

// A decoder may be a bin of others.
bool Branch::has(GstObject* element) const {
  return std::ranges::any_of(std::array{source, decoder, sink}, [&](GstElement* one) {
    return one != nullptr && (element == GST_OBJECT(one) ||
                              gst_object_has_as_ancestor(element, GST_OBJECT(one)) == TRUE);
  });
}

std::optional<base::Utc> Branch::take_captured(GstClockTime pts) {
  const std::lock_guard guard(lock);
  const auto found =
      std::ranges::find(captured, pts, [](const auto& entry) { return entry.first; });
  if (found == captured.end())
    return track.kind == media::Kind::audio ? near_captured(pts) : std::nullopt;
  const base::Utc utc = found->second;
  captured.erase(found);
  return utc;
}

// Decoders of sound may cut it into other pieces than came: the frame it began in says the time.
std::optional<base::Utc> Branch::near_captured(GstClockTime pts) {
  const auto found = std::find_if(captured.rbegin(), captured.rend(), [pts](const auto& entry) {
    return entry.first <= pts && pts - entry.first < GST_SECOND;
  });
  if (found == captured.rend()) return std::nullopt;
  const auto behind = std::chrono::nanoseconds(static_cast<std::int64_t>(pts - found->first));
  return found->second + std::chrono::floor<std::chrono::microseconds>(behind);
}

void Branch::look_at_backlog() {
  const guint64 waiting = gst_app_src_get_current_level_buffers(GST_APP_SRC(source));
  const bool was_behind = is_behind;
  const bool is_now = was_behind ? waiting > Decoder::backlog_low : waiting > Decoder::backlog_max;
  if (is_now == was_behind || is_behind.exchange(is_now) == is_now) return;
  events->on_backlog(is_now);
}

std::string text_of(GstMessage* message) {
  GError* error = nullptr;
  gchar* details = nullptr;
  gst_message_parse_error(message, &error, &details);
  const gst::Pointer<GError> owned_error(error);
  const gst::Pointer<gchar> owned_details(details);
  return error->message;
}

GstFlowReturn on_sample(GstAppSink* sink, gpointer data) noexcept {
  auto& branch = *static_cast<Branch*>(data);
  const gst::Pointer<GstSample> sample(gst_app_sink_pull_sample(sink));
  GstBuffer* const buffer = sample ? gst_sample_get_buffer(sample.get()) : nullptr;
  if (buffer == nullptr) return GST_FLOW_OK;
  Decoder::Decoded decoded;
  decoded.kind = branch.track.kind;
  branch.has_decoded = true;
  decoded.captured = branch.take_captured(GST_BUFFER_PTS(buffer));
  decoded.pts = std::chrono::nanoseconds(static_cast<std::int64_t>(GST_BUFFER_PTS(buffer)));
  decoded.sample = sample.get();
  if (branch.track.kind == media::Kind::video) decoded.number = read_number(sample.get());
  branch.events->on_decoded(decoded);
  branch.look_at_backlog();
  return GST_FLOW_OK;
}

}  // namespace

class Decoder::Impl {
 public:
  Impl(std::vector<media::Track> tracks, Settings settings, Events& events,
       std::vector<std::string>& warnings);
  ~Impl() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

  bool fits(const std::vector<media::Track>& tracks) const;
  bool is_useful() const noexcept;
  bool has_video() const noexcept;
  std::string description() const;
  bool uses_hardware() const noexcept;
  void push(const media::Sample& sample, std::optional<base::Utc> captured);
  void on_gap() noexcept;
  void finish(base::Duration patience);
  std::optional<Failure> take_error();

 private:
  bool build(Branch& branch, std::string& why_not);
  bool add_elements(Branch& branch, const Recipe& recipe);

  const Settings settings_;
  std::vector<std::unique_ptr<Branch>> branches_;  // of each track; outlive the pipeline
  gst::Pointer<GstElement> pipeline_;
  gst::Pointer<GstBus> bus_;
};

Decoder::Impl::Impl(std::vector<media::Track> tracks, Settings settings, Events& events,
                    std::vector<std::string>& warnings)
    : settings_(settings),
      pipeline_(gst_pipeline_new(nullptr)),
      bus_(gst_element_get_bus(pipeline_.get())) {
  for (media::Track& track : tracks) {
    auto branch = std::make_unique<Branch>();
    branch->track = std::move(track);
    branch->events = &events;
    std::string why_not;
    if (!build(*branch, why_not)) {
      branch->is_dead = true;
      warnings.push_back(std::move(why_not));
    }
    branches_.push_back(std::move(branch));
  }
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

bool Decoder::Impl::build(Branch& branch, std::string& why_not) {
  const auto recipe = recipe_for(branch.track);
  const std::string name(media::name(branch.track.codec));
  if (!recipe) {
    why_not = "a track of " + name + " is left out: " +
              (branch.track.codec == media::Codec::unknown ? "its codec is not known"
                                                           : "its configuration is missing");
    return false;
  }
  branch.caps = recipe->caps;
  MadeDecoder made = make_decoder(*recipe, settings_.may_use_hardware);
  branch.decoder = made.element;
  branch.decoder_name = std::move(made.name);
  branch.is_of_hardware = made.is_of_hardware;
  branch.source = gst_element_factory_make("appsrc", nullptr);
  branch.sink = gst_element_factory_make("appsink", nullptr);
  if (branch.decoder != nullptr && branch.source != nullptr && branch.sink != nullptr) {
    if (add_elements(branch, *recipe)) return true;
    why_not = "the track of " + name + " is left out: install gstreamer1.0-plugins-base";
    return false;
  }
  for (GstElement* element : {branch.decoder, branch.source, branch.sink}) {
    if (element != nullptr) gst_object_unref(gst_object_ref_sink(element));
  }
  why_not = "the track of " + name + " is left out: GStreamer has no decoder for it; install " +
            (branch.decoder == nullptr ? recipe->package : "gstreamer1.0-plugins-base");
  return false;
}

// Latency decides here: a decoder that works on several frames at once holds them back, and so does
// one that strictly allows for B-frames a stream does not say it has none of.
bool Decoder::Impl::add_elements(Branch& branch, const Recipe& recipe) {
  set_if_there(branch.decoder, "thread-type", "slice");
  set_if_there(branch.decoder, "std-compliance", "normal");
  const gst::Pointer<GstCaps> caps(gst_caps_from_string(recipe.caps.c_str()));
  branch.has_start_codes = recipe.has_start_codes;
  g_object_set(branch.source, "caps", caps.get(), "format", GST_FORMAT_TIME, "is-live", TRUE,
               "max-bytes", guint64{0}, nullptr);
  g_object_set(branch.sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "qos",
               FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = on_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(branch.sink), &callbacks, &branch, nullptr);
  gst_bin_add_many(GST_BIN(pipeline_.get()), branch.source, branch.decoder, branch.sink, nullptr);
  GstElement* last = branch.decoder;
  gst_element_link(branch.source, last);
  if (settings_.is_shown && branch.track.kind != media::Kind::data) {
    const Form form = form_of(branch.track.kind);
    const gst::Pointer<GstCaps> shown(gst_caps_from_string(form.caps));
    g_object_set(branch.sink, "caps", shown.get(), nullptr);
    for (const char* converter : form.converters) {
      GstElement* const element = gst_element_factory_make(converter, nullptr);
      if (element == nullptr) return false;
      gst_bin_add(GST_BIN(pipeline_.get()), element);
      gst_element_link(last, element);
      last = element;
    }
  }
  return gst_element_link(last, branch.sink) == TRUE;
}

bool Decoder::Impl::fits(const std::vector<media::Track>& tracks) const {
  return std::ranges::equal(branches_, tracks, [](const auto& branch, const media::Track& track) {
    const auto recipe = recipe_for(track);
    const std::string caps = recipe ? recipe->caps : std::string();
    return branch->caps == caps && branch->track.codec == track.codec &&
           branch->track.timescale == track.timescale;
  });
}

bool Decoder::Impl::has_video() const noexcept {
  return std::ranges::any_of(branches_, [](const auto& branch) {
    return !branch->is_dead && branch->track.kind == media::Kind::video;
  });
}

std::string Decoder::Impl::description() const {
  std::string text;
  for (const auto& branch : branches_) {
    if (branch->is_dead) continue;
    text += (text.empty() ? "" : ", ") + std::string(media::name(branch->track.codec)) + " by " +
            branch->decoder_name;
  }
  return text;
}

bool Decoder::Impl::uses_hardware() const noexcept {
  return std::ranges::any_of(branches_, [](const auto& branch) { return branch->is_of_hardware; });
}

bool Decoder::Impl::is_useful() const noexcept {
  return std::ranges::any_of(branches_, [](const auto& branch) { return !branch->is_dead; });
}

void Decoder::Impl::push(const media::Sample& sample, std::optional<base::Utc> captured) {
  if (sample.track >= branches_.size() || branches_[sample.track]->is_dead) return;
  Branch& branch = *branches_[sample.track];
  GstBuffer* const buffer = copy_payload(sample, branch.has_start_codes);
  if (buffer == nullptr) return;
  GST_BUFFER_PTS(buffer) = to_gst(sample.pts, branch.track.timescale);
  GST_BUFFER_DTS(buffer) = to_gst(sample.dts, branch.track.timescale);
  if (sample.duration > 0) {
    GST_BUFFER_DURATION(buffer) = to_gst(sample.duration, branch.track.timescale);
  }
  if (!sample.sync) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!std::exchange(branch.follows, true)) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  if (captured) {
    const std::lock_guard guard(branch.lock);
    branch.captured.emplace_back(GST_BUFFER_PTS(buffer), *captured);
    if (branch.captured.size() > captured_max) branch.captured.pop_front();
  }
  ++branch.pushed;
  gst_app_src_push_buffer(GST_APP_SRC(branch.source), buffer);
  branch.look_at_backlog();
}

void Decoder::Impl::on_gap() noexcept {
  for (const auto& branch : branches_) branch->follows = false;
}

void Decoder::Impl::finish(base::Duration patience) {
  for (const auto& branch : branches_) {
    if (!branch->is_dead) gst_app_src_end_of_stream(GST_APP_SRC(branch->source));
  }
  // A track that fails now is the end, too: nothing would tell when the others are through.
  const auto ends = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  const gst::Pointer<GstMessage> message(gst_bus_timed_pop_filtered(
      bus_.get(), static_cast<GstClockTime>(std::max<std::int64_t>(patience.count(), 0)), ends));
}

std::optional<Decoder::Failure> Decoder::Impl::take_error() {
  for (const auto& branch : branches_) {
    const bool is_silent = branch->pushed >= swallowed_max && !branch->has_decoded;
    if (!branch->is_of_hardware || branch->is_dead || !is_silent) continue;
    branch->is_dead = true;
    return Failure{branch->decoder_name + " gives no picture", true};
  }
  for (;;) {
    const gst::Pointer<GstMessage> message(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
    if (!message) return std::nullopt;
    const auto failed = std::ranges::find_if(
        branches_, [&](const auto& branch) { return branch->has(GST_MESSAGE_SRC(message.get())); });
    // Of what stands behind the decoders: a device may have given it something odd.
    if (failed == branches_.end()) {
      return Failure{"decoding failed: " + text_of(message.get()), uses_hardware()};
    }
    Branch& branch = **failed;
    if (std::exchange(branch.is_dead, true)) continue;  // what failed upstream because of that
    return Failure{"the track of " + std::string(media::name(branch.track.codec)) +
                       " cannot be decoded by " + branch.decoder_name + ": " +
                       text_of(message.get()),
                   branch.is_of_hardware};
  }
}

Decoder::Decoder(std::vector<media::Track> tracks, Settings settings, Events& events,
                 std::vector<std::string>& warnings)
    : impl_(std::make_unique<Impl>(std::move(tracks), settings, events, warnings)) {}
Decoder::~Decoder() = default;
bool Decoder::fits(const std::vector<media::Track>& tracks) const { return impl_->fits(tracks); }
bool Decoder::is_useful() const noexcept { return impl_->is_useful(); }
bool Decoder::has_video() const noexcept { return impl_->has_video(); }
std::string Decoder::description() const { return impl_->description(); }
bool Decoder::uses_hardware() const noexcept { return impl_->uses_hardware(); }
void Decoder::push(const media::Sample& sample, std::optional<base::Utc> captured) {
  impl_->push(sample, captured);
}
void Decoder::on_gap() { impl_->on_gap(); }
void Decoder::finish(base::Duration patience) { impl_->finish(patience); }
std::optional<Decoder::Failure> Decoder::take_error() { return impl_->take_error(); }

}  // namespace client
