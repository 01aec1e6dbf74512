#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/camera/assembler.hpp"
#include "client/camera/capture.hpp"
#include "client/camera/capture_clock.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/loop_clock.hpp"
#include "client/camera/options.hpp"
#include "client/camera/output.hpp"
#include "client/camera/pass_clock.hpp"
#include "client/camera/plan.hpp"
#include "client/camera/reopening.hpp"
#include "client/camera/status.hpp"

namespace client::camera {

/// The program: source, chunks, relay, status. One thread, which takes what the others say out of
/// the inbox. A source that is watched is opened anew when it is lost; everything else stays.
class Camera : private Assembler::Events {
 public:
  /// How long a signal waits for the relay to have everything.
  static constexpr std::chrono::seconds farewell_max{3};
  static constexpr std::size_t early_max = 256;

  Camera(Options options, Inbox& inbox);
  ~Camera();

  /// Until the source ends, a signal comes, or nothing helps any more.
  ExitCode run();

 private:
  // A stream of the present pass.
  struct Source {
    std::optional<unsigned> stream;  // of the assembler; nothing: is left out
    bool is_audio = false;
    std::optional<base::Duration> last;
    base::Duration interval{};
  };

  std::optional<Failure> open();
  void handle(Event event);
  void on(SampleEvent event);
  void on(const StreamsEvent& event);
  void on(const EndEvent& event);
  void on(const FailureEvent& event);
  void on(const NoticeEvent& event) { status_.notice(event.text); }
  void on(const OutputEndEvent& event);
  void on(const SignalEvent& event);
  void set_times(const SampleEvent& event, Source& source, Assembler::Input& input);
  void tell_clock(base::Utc said, base::Utc arrival);
  base::Utc captured(const SampleEvent& event, base::Duration time, base::Utc arrival);
  void open_next_pass();
  Source& source_of(const SampleEvent& event);
  std::optional<unsigned> stream_for(const media::Track& track);
  void tell_if_all_streams();
  void begin_next_pass();
  void lose(const Failure& failure, Reopening::Loss loss = Reopening::Loss::again);
  void open_again();
  void fail(const Failure& failure);
  void finish(std::optional<base::Duration> patience);
  void on_time();
  base::Time next_wake() const;
  void report(base::Time now);

  void on_tracks(std::span<const media::Track> tracks) override;
  void on_chunk(Chunk chunk) override;

  Options options_;
  Inbox& inbox_;
  Status status_;
  Plan plan_;
  Assembler assembler_{*this};
  CaptureClock clock_;
  LoopClock loop_;
  PassClock pass_clock_;
  Reopening reopening_;
  std::mt19937_64 random_{std::random_device{}()};
  bool has_video_ = false;
  bool has_told_clock_ = false;  // of a sender
  bool is_new_pass_ = false;     // of a source opened anew, and it has not delivered yet
  std::uint64_t reopened_ = 0;
  std::unique_ptr<Output> output_;

  unsigned pass_ = 0;
  std::optional<base::Duration> first_base_time_;
  std::vector<std::optional<Source>> sources_;  // by stream of the present pass
  std::vector<media::Track> streams_;           // what the assembler's are
  std::vector<bool> is_used_;                   // which of them the present pass has
  std::optional<unsigned> stream_count_;        // of the first pass
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<Capture> next_;  // opened while the present pass plays
  // What comes from it meanwhile: frames that are decoded before anything is shown.
  std::vector<SampleEvent> early_;

  ExitCode code_ = ExitCode::done;
  bool is_done_ = false;
  bool is_finishing_ = false;
  std::optional<base::Time> give_up_;
  std::optional<base::Time> began_;
  base::Time next_report_{};
  struct Seen {
    base::Time time{};
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
  } reported_;
};

}  // namespace client::camera
