#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/memory/window_list.hpp"
#include "relay/stream/audience.hpp"
#include "relay/stream/stream_log.hpp"

namespace stream {

/// What stands around each wire image; the same for all viewers of a kind, so it is shared too.
enum class Framing {
  none,        ///< HTTP/1.0: the images one after the other
  http_chunk,  ///< RFC 9112, 7.1: an image is one HTTP chunk
  websocket,   ///< RFC 6455, 5.2: an image is one binary message in one frame, not masked
};

enum class JoinKind { start, skip };

/// What is left of an image after some of its bytes were written: framing bytes, then windows.
struct ImageRest {
  std::string framing;
  memory::WindowList windows;
};

/// The wire images of one stream in one format on one worker, in step with the log's tail. All
/// images lie in one array of buffers, so what a viewer is to be sent is a slice of it: nothing is
/// put together per viewer.
class Feed {
 public:
  /// Buffers and bytes of one write (design, section 2, point 4).
  static constexpr std::size_t buffers_max = 1024;
  static constexpr std::size_t run_bytes_max = 1024 * 1024;

  /// The log must outlive the feed; chunks that are in it already get their images now.
  Feed(const StreamLog& log, Fanout& fanout, Framing framing);

  Framing framing() const noexcept { return framing_; }
  const StreamLog& log() const noexcept { return log_; }

  /// The log has got a new chunk: `log().newest()`.
  void append();
  /// The log has dropped chunks.
  void trim();
  /// The log began anew somewhere else.
  void restart();
  /// Chunks are there that the log is to get soon, as while a format is made for its first viewer.
  void set_behind(bool is_behind) noexcept { is_behind_ = is_behind; }
  bool is_behind() const noexcept { return is_behind_; }

  /// Buffers for everything from `sequence` on that fits one write; valid until the log changes or
  /// another one is asked for.
  struct Run {
    std::span<const iovec> buffers;
    std::size_t bytes = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  ///< the first chunk that is not in it
    base::Time received{};  ///< when its first chunk was
  };
  /// `limit`: a chunk that is not to be in it, nor any after it.
  Run run(std::uint64_t sequence, std::uint64_t limit = ~std::uint64_t{0}) noexcept;
  /// The run of the newest chunk alone, put together once for all who have read everything else.
  const Run& newest() const noexcept { return newest_; }

  /// After the first `written` bytes of a run from `sequence` on: which chunk was cut (or comes
  /// next, when `written` ends with a chunk), and how many of its bytes were written.
  struct Cut {
    std::uint64_t sequence;
    std::size_t written;
  };
  Cut locate(std::uint64_t sequence, std::size_t written) const noexcept;
  /// The image of a chunk without its first `skip` bytes.
  ImageRest rest(std::uint64_t sequence, std::size_t skip) const;

  /// The join image of a sync chunk, framed; empty when it needs none. Valid until the next call.
  std::span<const iovec> join(std::uint64_t sequence, JoinKind kind);
  ImageRest join_rest(std::size_t skip) const;

  /// What a socket's unsent bytes must have room for with this flush interval: the largest image
  /// of late, and twice what comes in an interval.
  std::size_t unsent_least(base::Duration interval) const noexcept;

  /// The audience with this flush interval (none: chosen from the load); made when missing.
  Audience& audience(std::optional<base::Duration> flush_interval);
  std::span<const std::unique_ptr<Audience>> audiences() const noexcept { return audiences_; }
  /// Drops audiences without cursors; true when none is left.
  bool drop_empty_audiences();

 private:
  struct Image {
    memory::WindowList windows;
    std::array<char, 12> framing;  // before the windows
    std::uint8_t framing_bytes = 0;
    std::uint8_t trailer_bytes = 0;  // so many of the last of `framing` also follow the windows
    std::uint64_t first_buffer = 0;  // counted from the feed's beginning
    std::uint64_t first_byte = 0;    // likewise
  };

  const Image& at(std::uint64_t sequence) const noexcept {
    return images_[static_cast<std::size_t>(sequence - first_)];
  }
  std::optional<std::uint64_t> next_seam(std::uint64_t sequence) const noexcept;
  void frame(Image& image) const noexcept;
  void append_buffers(const Image& image, std::vector<iovec>& buffers) const;
  static ImageRest rest_of(const Image& image, std::size_t skip);
  Run find_run(std::uint64_t sequence, std::uint64_t limit = ~std::uint64_t{0}) const noexcept;
  const Run& merge(const Run& run) noexcept;
  void find_newest() noexcept;
  void compact();
  void forget_join() noexcept;

  const StreamLog& log_;
  Fanout& fanout_;
  Framing framing_;
  std::uint64_t first_;
  std::deque<std::uint64_t> seams_;  // chunks of another generation than the one before
  std::deque<Image> images_;         // a deque: buffers point into images, which must not move
  std::vector<iovec> buffers_;
  std::uint64_t buffers_base_ = 0;  // number of the first of buffers_
  std::uint64_t end_byte_ = 0;
  std::size_t large_image_bytes_ = 0;
  bool is_behind_ = false;
  Run newest_;  // nobody's position while there is none
  Run merged_;  // the last one of several chunks, in as few buffers as they lie in
  std::vector<iovec> merged_buffers_;

  Image join_image_;
  std::vector<iovec> join_buffers_;
  std::optional<std::pair<std::uint64_t, JoinKind>> join_key_;

  std::vector<std::unique_ptr<Audience>> audiences_;
};

}  // namespace stream
