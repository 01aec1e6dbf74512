#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/drained_queue.hpp"
#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/box.hpp"
#include "relay/media/container/fmp4/collector.hpp"
#include "relay/media/container/fmp4/errc.hpp"
#include "relay/media/container/fmp4/init.hpp"
#include "relay/media/container/fmp4/nal_units.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"

namespace fmp4 {

/// What was left out.
struct Counters {
  std::uint64_t bad_samples = 0;       ///< the lengths of its NAL units do not add up
  std::uint64_t unplaced_samples = 0;  ///< no place in the arena for what had to be generated
  std::uint64_t empty_samples = 0;     ///< without bytes
  std::uint64_t cut_samples = 0;       ///< by the end of the body
  std::uint64_t cut_boxes = 0;         ///< likewise
  std::uint64_t lost_samples = 0;      ///< of fragments whose bytes were lost
};

/// Cuts samples out of a received fragmented MP4 body (ISO/IEC 14496-12), in place. Owned by a
/// publisher's session. After each input `poll()` until it is empty.
class Reader {
 public:
  static constexpr std::uint64_t moov_bytes_max = 1 << 20;
  static constexpr std::uint64_t moof_bytes_max = 4 << 20;
  /// Of boxes before the first `moov`, together.
  static constexpr std::uint64_t before_moov_bytes_max = 1 << 20;
  /// Of a box that is passed over: what claims to be larger would silence the stream for good.
  static constexpr std::uint64_t passed_box_bytes_max = 64 << 20;

  /// `pool`: for the little that must be written, such as parameter sets before a sync sample.
  explicit Reader(memory::BlockPool& pool) : headers_(pool) {}

  /// Received payload, cut anywhere. After an error every call returns it; the samples before it
  /// can still be polled. An error behind a new movie header is returned by the call after the one
  /// that brought it, since the samples before the header are polled first.
  base::Result<void> feed(memory::Window bytes);
  /// The next sample, in dts order over all tracks of its fragment whose codec is known: a sample
  /// waits until all before it are whole, at most to the fragment's last byte. Edit lists are
  /// applied. `tracks()` are those of the sample just polled; they may change with the next one.
  std::optional<media::Sample> poll();
  /// The next bytes of the body, whose payload cannot be kept: the boxes are followed, a fragment
  /// whose media data they touch is dropped but for what was polled. Not kept after the call.
  base::Result<void> lose(std::span<const std::byte> bytes);
  /// The end of the body: what is whole is given out, a cut sample is dropped. An error if there
  /// was something and no movie header.
  base::Result<void> finish();

  /// In the order of the movie header. Samples of tracks whose codec is unknown are passed over.
  std::span<const media::Track> tracks() const noexcept { return movie_.tracks; }
  /// Grows whenever something in `tracks()` but its counts changed.
  std::uint32_t tracks_version() const noexcept { return tracks_version_; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { header, gathered, media_data, passed };

  void take(memory::Window bytes);
  void take_header(memory::Window& bytes);
  void take_gathered(memory::Window& bytes);
  void take_media_data(memory::Window& bytes);
  void advance(memory::Window& bytes, std::size_t count);
  base::Result<void> begin_box(const BoxHeader& header);
  base::Result<void> begin_gathered(const BoxHeader& header);
  base::Result<void> begin_media_data(const BoxHeader& header);
  base::Result<void> begin_passed(const BoxHeader& header);
  void end_box();
  base::Result<void> apply_moov();
  base::Result<void> apply_moof();
  void take_held();
  void end_body();
  void give_out();
  bool convert(std::size_t track, bool is_sync, memory::WindowList& payload);
  void learn_config(media::Track& track, std::optional<std::vector<std::byte>> config);
  void count_frame(std::size_t track, std::int64_t dts);

  memory::BlockWriter headers_;
  base::Error failed_;
  Counters counters_;

  State state_ = State::header;
  std::uint64_t position_ = 0;  // in the body
  std::uint64_t box_begin_ = 0;
  FourCc box_type_ = 0;
  std::optional<std::uint64_t> left_;  // of the box; nothing: it goes to the end
  std::array<std::byte, BoxHeader::bytes_max> header_;
  std::size_t header_bytes_ = 0;
  std::vector<std::byte> gathered_;  // a moov or moof; read once, so a copy of it is no payload
  std::uint64_t before_moov_bytes_ = 0;

  bool has_moov_ = false;
  bool has_moof_ = false;  // since the moov
  Movie movie_;
  std::vector<NalUnits> nal_units_;  // of each track
  std::uint32_t tracks_version_ = 0;
  Collector collector_;

  // A moov replaces the tracks only when the samples before it are polled; what follows waits.
  bool is_moov_held_ = false;
  bool is_ending_ = false;
  bool is_losing_ = false;
  memory::WindowList held_;

  base::DrainedQueue<media::Sample> ready_;
};

}  // namespace fmp4
