#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"

typedef struct _GstSample GstSample;

namespace client {

/// Decodes the tracks of a stream with GStreamer, each as soon as its frames come. Pushed to on one
/// thread; what was decoded is told on others.
class Decoder {
 public:
  struct Settings {
    /// Frames come in one form: pictures as I420, sound as stereo floats at 48 kHz. Otherwise as
    /// the decoders make them.
    bool is_shown = false;
    /// Decoders that need a device are tried first.
    bool may_use_hardware = false;
  };

  struct Decoded {
    media::Kind kind = media::Kind::data;
    std::optional<base::Utc> captured;    ///< as pushed
    std::optional<std::uint32_t> number;  ///< in the picture
    base::Duration pts{};
    GstSample* sample = nullptr;  ///< as long as the call
  };

  /// On threads of GStreamer's, several at once. Must not call the decoder.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_decoded(const Decoded& decoded) = 0;
    /// More frames wait than `backlog_max`, and again when hardly any do.
    virtual void on_backlog(bool is_behind) = 0;
  };

  static constexpr std::uint64_t backlog_max = 120;  ///< frames of a track
  static constexpr std::uint64_t backlog_low = 10;
  /// A device that gives no picture after so many frames is given up.
  static constexpr std::uint64_t swallowed_max = 120;

  /// Tracks that cannot be decoded are left out; `warnings` get a sentence for each.
  Decoder(std::vector<media::Track> tracks, Settings settings, Events& events,
          std::vector<std::string>& warnings);
  /// What waits is dropped.
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Samples of these tracks can be pushed as if they were of the present ones.
  bool fits(const std::vector<media::Track>& tracks) const;
  /// Some track can be decoded.
  bool is_useful() const noexcept;
  bool has_video() const noexcept;
  /// What decodes which track: `h264 by avdec_h264, aac by avdec_aac`.
  std::string description() const;
  /// A device takes part.
  bool uses_hardware() const noexcept;
  /// The next sample in decoding order. `captured`: when, if that is known.
  void push(const media::Sample& sample, std::optional<base::Utc> captured);
  /// What is pushed next does not follow on what was before; it begins with a sync frame. What
  /// waits is decoded still.
  void on_gap();
  /// Waits until all that was pushed is decoded, at most so long.
  void finish(base::Duration patience);
  struct Failure {
    std::string sentence;
    bool is_of_hardware = false;
  };
  /// A track that failed since the last call. It is decoded no more.
  std::optional<Failure> take_error();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
