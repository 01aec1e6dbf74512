#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// Which pieces of H.264 or H.265 from RTP are one picture. Of the same picture is what has the
/// same timestamp (RFC 6184, 5.1; RFC 7798, 4.1) and begins no other one; the marker says which
/// packet is the last. Senders exist that put parameter sets before each slice, which a
/// depayloader takes for the beginning of the next picture, or the marker on each slice. So a
/// marker is believed, which saves waiting for the next picture, after it was right a few times and
/// never wrong.
/// No GStreamer, no clock; one thread.
class AccessUnits {
 public:
  using Bytes = std::span<const std::byte>;
  /// So many pictures have had one marker, on their last piece.
  static constexpr unsigned trusted_after = 8;
  /// More than that is not put together.
  static constexpr std::size_t bytes_max = 16 * 1024 * 1024;

  struct Verdict {
    bool continues = false;  ///< it belongs to the piece before; else that picture is complete
    bool completes = false;  ///< nothing more belongs to it
    bool is_behind_slice = false;  ///< of what continues: only `slices_of()` it belongs into it
  };

  explicit AccessUnits(media::Codec codec) noexcept : codec_(codec) {}

  /// The next piece, behind start codes.
  Verdict add(std::optional<base::Duration> pts, bool has_marker, Bytes piece);
  /// A piece without parameter sets and delimiters, which must not stand behind a slice. With start
  /// codes; valid as long as `piece`.
  std::vector<Bytes> slices_of(Bytes piece) const;
  /// There is a sequence parameter set in it that makes no sense: nothing behind it can be decoded.
  bool has_broken_sets(Bytes piece) const;

 private:
  enum class Kind : std::uint8_t { first_slice, other_slice, head, other };

  Kind kind_of(Bytes unit) const noexcept;
  std::optional<Kind> first_slice_of(Bytes piece) const noexcept;
  void finish() noexcept;

  media::Codec codec_;
  std::optional<base::Duration> pts_;  // of the present picture
  std::size_t bytes_ = 0;
  bool has_slice_ = false;
  bool has_marker_ = false;
  bool is_out_ = false;    // it was said to be complete
  unsigned right_ = 0;     // markers
  bool is_wrong_ = false;  // a marker was, and none is believed again
};

}  // namespace client::camera
