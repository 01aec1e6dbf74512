#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/camera/child.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/plan.hpp"
#include "client/camera/sender_reports.hpp"
#include "client/camera/test_picture.hpp"
#include "client/gst/pointer.hpp"
#include "relay/base/line_budget.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

/// A GStreamer pipeline that captures, or plays one pass of a file, and puts its coded frames into
/// the inbox. Its methods are for the thread that owns it; GStreamer's threads only push.
class Capture : private Child::Lines {
 public:
  static constexpr unsigned streams_max = 16;  ///< those of the wire

  /// `pass`: what its events are marked with. `inbox` outlives it.
  Capture(const Plan& plan, unsigned pass, Inbox& inbox);
  /// Stops. No thread may wait for room in the inbox.
  ~Capture() override;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// Builds the pipeline and opens the source; it waits there.
  std::optional<Failure> prepare();
  /// From now on there are frames. `base_time`: when running time 0 is on the clock; nothing: now.
  std::optional<Failure> play(std::optional<base::Duration> base_time);

  /// The pipeline's clock, and when running time 0 is on it; while it plays.
  base::Duration now() const noexcept;
  base::Duration base_time() const noexcept;
  /// The command has closed its stdout: how it ended, if it does.
  std::optional<Child::Exit> wait_child();

 private:
  // Where one stream's frames arrive.
  struct Arrival {
    Capture* capture = nullptr;
    unsigned stream = 0;
    std::size_t session = SenderReports::sessions_max;  // of RTP
  };

  std::optional<FailureEvent> find_location();
  std::optional<Failure> build();
  std::optional<Failure> start_source(GstBin* bin);
  std::optional<Failure> start_child(GstElement* source);
  std::optional<Failure> connect_free_ends(GstBin* bin);
  std::optional<Failure> connect_free_end(GstPad* pad);
  bool attach(GstPad* pad, const std::string& tail);
  void listen_to_sink(GstElement* sink, unsigned stream);
  static void join_pieces(GstBin* bin);
  void set_paced(bool is_paced);
  void drain(GstPad* pad);

  static GstFlowReturn on_sample(GstAppSink* sink, void* arrival) noexcept;
  static GstBusSyncReply on_message(GstBus* bus, GstMessage* message, void* self) noexcept;
  static void on_pad(GstElement* parse, GstPad* pad, void* self) noexcept;
  static void on_all_pads(GstElement* parse, void* self) noexcept;
  void on_error(GstMessage* message);
  void on_line(std::string line) override;

  const Plan& plan_;
  unsigned pass_;
  Inbox& inbox_;
  std::string location_;  // of an IP camera
  bool is_live_ = false;
  std::mutex mutex_;  // streams of files appear on GStreamer's threads
  std::vector<std::unique_ptr<Arrival>> arrivals_;
  std::vector<gst::Pointer<GstElement>> sinks_;
  std::unique_ptr<TestPicture> picture_;
  std::unique_ptr<SenderReports> reports_;  // of RTSP
  base::LineBudget lines_;                  // of the child's stderr
  std::unique_ptr<Child> child_;
  gst::Pointer<GstElement> pipeline_;  // destroyed first: its threads use the rest
};

}  // namespace client::camera
