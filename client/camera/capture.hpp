#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/camera/inbox.hpp"
#include "client/camera/plan.hpp"
#include "client/camera/test_picture.hpp"
#include "client/gst/pointer.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

/// A GStreamer pipeline that captures, or plays one pass of a file, and puts its coded frames into
/// the inbox. Its methods are for the thread that owns it; GStreamer's threads only push.
class Capture {
 public:
  static constexpr unsigned streams_max = 16;  ///< those of the wire

  /// `pass`: what its events are marked with. `inbox` outlives it.
  Capture(const Plan& plan, unsigned pass, Inbox& inbox);
  /// Stops. No thread may wait for room in the inbox.
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// Builds the pipeline and opens the source; it waits there.
  std::optional<Failure> prepare();
  /// From now on there are frames. `base_time`: when running time 0 is on the clock; nothing: now.
  std::optional<Failure> play(std::optional<base::Duration> base_time);

  /// The pipeline's clock, and when running time 0 is on it; while it plays.
  base::Duration now() const noexcept;
  base::Duration base_time() const noexcept;

 private:
  // Where one stream's frames arrive.
  struct Arrival {
    Capture* capture = nullptr;
    unsigned stream = 0;
  };

  std::optional<Failure> build();
  std::optional<Failure> connect_free_ends(GstBin* bin);
  std::optional<Failure> connect_free_end(GstPad* pad);
  bool attach(GstPad* pad, const std::string& tail);
  void listen_to_sink(GstElement* sink, unsigned stream);
  void set_paced(bool is_paced);
  std::string tail_for(const GstCaps* caps) const;

  static GstFlowReturn on_sample(GstAppSink* sink, void* arrival) noexcept;
  static GstBusSyncReply on_message(GstBus* bus, GstMessage* message, void* self) noexcept;
  static void on_pad(GstElement* parse, GstPad* pad, void* self) noexcept;
  static void on_all_pads(GstElement* parse, void* self) noexcept;
  void on_error(GstMessage* message);

  const Plan& plan_;
  unsigned pass_;
  Inbox& inbox_;
  bool is_live_ = false;
  std::mutex mutex_;  // streams of files appear on GStreamer's threads
  std::vector<std::unique_ptr<Arrival>> arrivals_;
  std::vector<gst::Pointer<GstElement>> sinks_;
  std::unique_ptr<TestPicture> picture_;
  gst::Pointer<GstElement> pipeline_;  // destroyed first: its threads use the rest
};

/// What a failed gst_parse_*() means for the user: a missing plugin or a wrong description.
Failure explain_parse_error(const GError& error, Options::Source source);

}  // namespace client::camera
