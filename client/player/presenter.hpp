#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "client/player/decoder.hpp"
#include "client/player/latency.hpp"
#include "client/player/picture.hpp"
#include "client/player/playout.hpp"
#include "client/player/sound.hpp"
#include "relay/base/time.hpp"

namespace client {

/// One stream between its decoder and the window: pictures and sound that wait until they are due.
/// GStreamer's threads bring them, and stand still while as many wait as may; so a stream that is
/// ahead of its time is not read. The window's thread takes pictures, the sound device's sound.
class Presenter {
 public:
  static constexpr std::size_t pictures_max = 16;

  struct View {
    bool has_picture = false;
    bool is_sound_alone = false;  ///< some came, and no pictures are to come
    bool is_paused = false;
    bool is_live = true;
    base::Duration behind{};  ///< live, by pauses and seeks
    /// From the capture of what is shown to its showing; of sound alone: until it is heard.
    std::optional<base::Duration> latency;
    base::Duration lag{};  ///< of media that came and is not shown yet
    /// From a picture to the sound of the same instant, by the medians of the last of each;
    /// negative: the sound is first. Nothing: there is none.
    std::optional<base::Duration> sync;
    std::uint64_t shown = 0;        ///< pictures
    std::uint64_t passed_over = 0;  ///< pictures that were too late to be shown
    int width = 0;                  ///< of the last picture
    int height = 0;
  };

  /// `latency`: see Playout.
  explicit Presenter(base::Duration latency) noexcept;

  /// What waits is dropped, and so is what comes: nobody waits any more. The last picture stays.
  /// `going_to`: what `position()` is now.
  void interrupt(std::optional<base::Utc> going_to = {});
  /// What comes is dropped or taken again; what waits stays.
  void refuse(bool is_refused);
  /// Takes again. `is_live`: see Playout. Nothing that was captured before `from` is shown.
  void restart(bool is_live, std::optional<base::Utc> from);
  void pause(bool is_paused);
  /// Whether the stream has any that can be decoded; at first it may have.
  void expect_pictures(bool has_pictures);
  /// Sound is dropped while nobody hears it; at first nobody does.
  void set_audible(bool is_audible);

  /// May wait. On GStreamer's threads.
  void add(const Decoder::Decoded& decoded);
  /// A picture that goes into the decoder.
  void on_coming(base::Duration pts);
  /// Live, and what was decoded last lies too far behind what has come.
  bool is_left_behind();

  /// The newest picture that is due when it is drawn as soon as those before were, once; null: none
  /// but the one before. On the window's thread.
  std::unique_ptr<Picture> take_due();
  /// The picture that was taken last can be seen from `now` on.
  void on_drawn(base::Time now);
  /// When there is another one to be taken, if it is here.
  std::optional<base::Time> next_due();
  /// The UTC of what is shown, or will be after a seek.
  std::optional<base::Utc> position();
  View view();
  /// Silence where there is none. On the sound device's thread; `at`: when the first is heard.
  void take_sound(std::span<float> out, base::Time at) noexcept;

 private:
  struct Waiting {
    base::Time captured;
    base::Duration pts;
    std::optional<base::Utc> utc;
    std::unique_ptr<Picture> picture;
  };

  void add_picture(std::unique_lock<std::mutex>& guard, const Decoder::Decoded& decoded,
                   std::unique_ptr<Picture> picture);
  void add_sound(std::unique_lock<std::mutex>& guard, const Decoder::Decoded& decoded);
  void drop_sound() noexcept;
  base::Time due(const Waiting& picture) const noexcept;

  const base::Duration latency_;
  std::mutex lock_;  // of all below
  std::condition_variable room_;
  Playout playout_;
  Sound sound_;
  std::deque<Waiting> pictures_;
  bool is_open_ = true;
  std::uint64_t turn_ = 0;  // counts restarts; who waited for room before one has come in vain
  bool is_paused_ = false;
  bool is_audible_ = false;
  bool expects_pictures_ = true;
  bool has_sound_ = false;
  std::optional<base::Utc> from_;
  std::optional<base::Duration> decoded_pts_;  // of the newest picture
  std::optional<base::Duration> coming_pts_;
  std::optional<base::Duration> shown_pts_;
  std::optional<base::Utc> shown_utc_;
  std::optional<base::Duration> shown_latency_;
  struct Taken {
    base::Time captured;
    base::Time at;
  };
  std::optional<Taken> to_be_drawn_;
  RecentLatencies drawing_;
  RecentLatencies picture_latencies_;
  RecentLatencies sound_latencies_;
  View view_;
};

}  // namespace client
