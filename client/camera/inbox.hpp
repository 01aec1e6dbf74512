#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "client/command/exit_code.hpp"
#include "client/gst/pointer.hpp"
#include "client/wire/ending.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

/// A coded frame. `pass`: how often the source had begun anew before.
struct SampleEvent {
  unsigned pass = 0;
  unsigned stream = 0;
  gst::Pointer<GstSample> sample;
  /// What the sender's clock says at running time 0, where it says anything.
  std::optional<base::Utc> sender_zero;
};
/// The source has so many streams.
struct StreamsEvent {
  unsigned pass = 0;
  unsigned count = 0;
};
/// The source has ended.
struct EndEvent {
  unsigned pass = 0;
};
struct Failure {
  ExitCode code = ExitCode::failed;
  std::string text;  ///< what happened and what to do
};
struct FailureEvent {
  enum class Cure : std::uint8_t {
    none,
    again,        ///< if the source can be opened anew
    credentials,  ///< others than those that were refused
  };
  unsigned pass = 0;
  Failure failure;
  Cure cure = Cure::again;
};
/// Something that people may want to know.
struct NoticeEvent {
  std::string text;
};
struct OutputEndEvent {
  Ending ending;
};
struct SignalEvent {
  int number = 0;
};

using Event = std::variant<SampleEvent, StreamsEvent, EndEvent, FailureEvent, NoticeEvent,
                           OutputEndEvent, SignalEvent>;

/// What the threads of GStreamer, the network and the signals tell the one that runs the camera.
class Inbox {
 public:
  /// More samples than that wait on their threads, which holds a file back.
  static constexpr std::size_t samples_max = 128;

  /// Any thread. After `close()` the event is dropped.
  void push(Event event);
  /// The next event; nothing at `until`.
  std::optional<Event> pop(base::Time until);
  /// Samples are dropped from now on and nobody waits: the threads of GStreamer can be joined.
  void refuse_samples();
  /// So are those of passes before this one.
  void refuse_before(unsigned pass);
  /// So is everything else.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable has_room_;
  std::deque<Event> events_;  // bounded: samples by `samples_max`, the others are few
  std::size_t samples_ = 0;
  bool refuses_samples_ = false;
  unsigned first_pass_ = 0;
  bool is_closed_ = false;
};

}  // namespace client::camera
