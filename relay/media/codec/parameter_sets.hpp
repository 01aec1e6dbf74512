#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/media/codec/h264.hpp"
#include "relay/media/track.hpp"

namespace codec {

/// The parameter sets of an H.264 or H.265 stream as they were last seen, for decoders that begin
/// where none stand in the stream. Bounded: `sets_max` of each kind, of at most `set_bytes_max`.
class ParameterSets {
 public:
  static constexpr std::size_t set_bytes_max = 4096;
  static constexpr std::size_t sets_max = 16;
  enum class Kind : std::uint8_t { vps, sps, pps };

  explicit ParameterSets(media::Codec codec) noexcept : codec_(codec) {}

  /// Nothing if a NAL unit that begins like this is no parameter set.
  std::optional<Kind> kind_of(std::byte header) const noexcept;
  /// A whole parameter set, without start code or length. True if it was not known, or different.
  bool take(std::span<const std::byte> nal);

  /// There is one of each kind that the codec has.
  bool is_complete() const noexcept;
  /// avcC or hvcC; empty if they make no sense.
  std::vector<std::byte> make_config() const;
  /// Of the sequence parameter set that changed last.
  std::optional<VideoSize> size() const;
  /// All sets in the order of their kinds, each behind its length in four bytes.
  std::vector<std::byte> make_prefix() const;
  /// The picture of an H.264 slice, of which `nal` is the beginning; nothing if the parameter sets
  /// it names are unknown.
  std::optional<h264::Picture> parse_slice(std::span<const std::byte> nal) const;

 private:
  struct Set {
    std::uint32_t id = 0;
    std::uint32_t sps_id = 0;  // of an H.264 PPS
    std::optional<h264::FieldSyntax> fields;
    std::vector<std::byte> nal;
  };
  using Sets = std::vector<Set>;  // the one that changed last comes first

  std::optional<Set> parse(Kind kind, std::span<const std::byte> nal) const;
  std::vector<std::vector<std::byte>> nals(Kind kind) const;
  const Sets& of(Kind kind) const noexcept { return sets_[static_cast<std::size_t>(kind)]; }

  media::Codec codec_;
  std::array<Sets, 3> sets_;
};

}  // namespace codec
