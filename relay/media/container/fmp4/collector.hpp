#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/fragment.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/window_list.hpp"

namespace fmp4 {

/// Cuts the samples of one fragment out of its media data and gives them out in dts order over all
/// tracks, each as soon as it and all before it are whole. Holds at most `fragment_bytes_max`.
class Collector {
 public:
  /// Windows of one fragment: many small ones would cost more memory than what they show.
  static constexpr std::size_t windows_max = 256 * 1024;

  struct Collected {
    FragmentSample sample;
    memory::WindowList payload;
  };

  /// A fragment begins; the one before is complete. `tracks` say the timescales.
  base::Result<void> begin(std::vector<FragmentSample> samples,
                           std::span<const media::Track> tracks);
  /// Media data lies at `place`, of whose end nothing may be known.
  base::Result<void> begin_mdat(std::uint64_t begin, std::optional<std::uint64_t> end) const;
  /// Media data at that place of the body, behind all that came before.
  base::Result<void> take(std::uint64_t position, memory::Window bytes);
  std::optional<Collected> next();
  /// Bytes of this fragment are lost, and so is what was not given out. Returns how many samples.
  std::uint64_t drop() noexcept;
  /// No more comes: what is not whole is left out. Returns how many samples that are.
  std::uint64_t finish();

  /// All bytes of all samples are here.
  bool is_complete() const noexcept { return filled_ == by_place_.size(); }

 private:
  struct Entry {
    FragmentSample sample;
    memory::WindowList payload;
    bool is_whole() const noexcept { return payload.bytes() == sample.size; }
  };

  void sort_by_time(std::span<const media::Track> tracks);
  base::Result<void> sort_by_place();

  std::vector<Entry> entries_;  // as the header lists them
  std::vector<std::uint32_t> by_time_;
  std::vector<std::uint32_t> by_place_;
  std::size_t given_ = 0;    // of by_time_
  std::size_t filled_ = 0;   // of by_place_
  std::size_t windows_ = 0;  // that were cut
};

}  // namespace fmp4
