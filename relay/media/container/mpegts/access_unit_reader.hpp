#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/codec/frame_scanner.hpp"
#include "relay/media/codec/parameter_sets.hpp"
#include "relay/media/container/mpegts/gatherer.hpp"
#include "relay/media/container/mpegts/sample_order.hpp"
#include "relay/media/container/mpegts/sample_sink.hpp"

namespace mpegts {

/// Turns the payload of one H.264 or H.265 track (Annex B, cut anywhere) into samples, one for each
/// access unit; of H.264, the two fields of a frame are one sample. A unit ends when the next one
/// begins (ISO/IEC 14496-10, 7.4.1.2.4; 23008-2, 7.4.2.4.4) or with `end_unit()`.
class AccessUnitReader {
 public:
  /// What is in the making is never more; a larger frame is lost.
  static constexpr std::size_t unit_bytes_max = std::size_t{16} << 20;

  /// Of the track with that index in `sink`.
  AccessUnitReader(SampleSink& sink, std::uint8_t track, media::Codec codec,
                   memory::BlockPool& pool);

  /// The track's index is another.
  void set_track(std::uint8_t track) noexcept { track_ = track; }
  /// A PES packet begins; its times are those of the first access unit that begins in it.
  void begin_unit(Stamps stamps) noexcept;
  /// Errc::arena_full of memory: call `on_loss()` then.
  base::Result<void> take(std::span<const std::byte> bytes);
  /// Somebody says that a frame has ended here. Believed until it proves wrong once; a field waits
  /// for the other one of its frame.
  base::Result<void> end_unit();
  /// Drops what is in the making; goes on at the next `begin_unit`.
  void on_loss() noexcept;

 private:
  // A NAL unit is looked at when so much of it is there: it tells a slice's picture.
  static constexpr std::size_t head_bytes = 16;
  // Between frames without timestamps before the first interval is known: no rate is faster.
  static constexpr std::int64_t first_interval = 90'000 / 60;
  static constexpr std::int64_t interval_max = 10 * 90'000;

  // What a NAL unit is to the order of an access unit.
  enum class Place : std::uint8_t { delimiter, filler, before, behind, first_slice, other_slice };
  // Where the bytes of the open NAL unit go.
  enum class Target : std::uint8_t { undecided, nowhere, next, unit };

  struct Unit {
    memory::WindowList payload;
    Stamps stamps;
    bool has_begun = false;
    bool has_picture = false;
    bool needs_scan = false;  // of the picture's first slice, for `is_sync`
    bool is_sync = false;
    std::uint8_t sets = 0;                      // a bit for each kind of parameter sets it has
    std::optional<codec::h264::Picture> field;  // the first, as long as the second is missing
  };

  void begin_nal() noexcept;
  base::Result<void> end_nal();
  base::Result<void> put(std::span<const std::byte> bytes);
  base::Result<void> put_zeros(std::size_t count);
  base::Result<void> open_nal();
  base::Result<void> write(std::span<const std::byte> bytes);
  Place place_of(std::span<const std::byte> head) const noexcept;
  void begin_next() noexcept;
  base::Result<void> begin_picture();
  void join_next();
  Target behind() noexcept;
  void on_headless() noexcept;
  void finish_unit();
  bool set_times(const Unit& unit, media::Sample& sample) noexcept;
  base::Result<void> use_sets();
  bool is_undecided() const noexcept {
    return scanner_.verdict() == codec::FrameScanner::Verdict::undecided;
  }

  SampleSink& sink_;
  std::uint8_t track_;
  media::Codec codec_;
  Gatherer gatherer_;
  bool is_skipping_ = true;  // to the next PES packet

  // The byte stream. Zeros at the end of what was received may begin a start code.
  std::size_t zeros_ = 0;
  bool is_inside_ = false;  // a NAL unit
  Target target_ = Target::undecided;
  std::uint32_t nal_bytes_ = 0;
  std::size_t head_size_ = 0;
  std::array<std::byte, head_bytes> head_;

  // The unit that has a picture, and what came since that may belong to the next one.
  Unit unit_;
  Unit next_;
  bool trusts_end_ = true;
  bool was_ended_ = false;  // by `end_unit()`, and no other has begun since
  codec::FrameScanner scanner_;

  codec::ParameterSets sets_;
  bool is_set_ = false;  // the open NAL unit
  bool has_new_sets_ = false;
  std::vector<std::byte> set_;       // the open NAL unit, if it is one
  memory::WindowList sets_payload_;  // for sync frames without; shared by all of them

  Stamps stamps_;  // of the PES packet, until a unit takes them
  SampleOrder order_;
  std::optional<std::int64_t> stamped_dts_;  // of the last unit that had one
  std::int64_t units_since_ = 0;             // including it
  std::int64_t interval_ = first_interval;
  std::int64_t delay_ = 0;  // from dts to pts, of the last unit that had them
};

}  // namespace mpegts
