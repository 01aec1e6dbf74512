#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/message.hpp"

namespace client {

/// Writes the chunks of a stream to a fragmented MP4, as they came: whole after each chunk, also
/// when the process dies. Times begin near 0 and go on without going back where another publisher
/// continues the stream. Where tracks change in a way that one file cannot say, another one begins:
/// `film-2.mp4`. One thread.
class Saver {
 public:
  explicit Saver(std::string path);
  ~Saver();
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  /// Creates the file, or empties it.
  base::Result<void> open();
  /// What the samples of later chunks mean. `warnings`: a sentence for each that is left out.
  base::Result<void> set_tracks(const std::vector<media::Track>& tracks,
                                std::vector<std::string>& warnings);
  base::Result<void> write(const wire::Chunk& chunk);
  /// What is being written.
  const std::string& path() const noexcept { return path_; }

 private:
  base::Result<void> begin(const std::vector<media::Track>& tracks);
  void place(std::vector<media::Sample>& samples, const wire::Chunk& chunk);
  base::Result<void> write_all(std::span<const std::byte> bytes);

  std::string first_path_;
  std::string path_;
  int file_ = -1;
  unsigned files_ = 0;
  memory::Arena arena_;
  memory::BlockPool pool_{arena_};
  memory::BlockWriter headers_{pool_};
  std::vector<media::Track> tracks_;
  std::optional<fmp4::FragmentWriter> writer_;
  std::uint32_t sequence_ = 0;
  std::uint64_t epoch_ = 0;
  std::optional<std::int64_t> offset_;  // 90 kHz: time in the file minus time of the stream
  std::int64_t end_ = 0;                // 90 kHz, in the file
  base::Utc last_utc_{};
};

}  // namespace client
