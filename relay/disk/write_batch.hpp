#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "relay/disk/segment.hpp"
#include "relay/disk/segment_file.hpp"
#include "relay/memory/window_list.hpp"

namespace disk {

/// What is to be done next with the files of one stream, in order. A recorder fills it, a thread of
/// the pool does it, and the recorder takes it back: the windows belong to that one's worker.
class WriteBatch {
 public:
  struct Open {
    std::filesystem::path file;
    std::string head;
  };
  struct Write {
    std::size_t buffers = 0;
    std::size_t chunks = 0;
  };
  struct Sync {};
  /// The index behind the last chunk. `cuts`: what is behind that is cut off before, and whatever
  /// fails is passed over: what can be saved is saved.
  struct Close {
    std::shared_ptr<const SegmentTable> table;  ///< never changes from here on
    bool cuts = false;
  };
  /// There is nothing of use in the file.
  struct Remove {
    std::filesystem::path file;
  };
  using Step = std::variant<Open, Write, Sync, Close, Remove>;

  void open(std::filesystem::path file, std::string head) {
    steps_.emplace_back(Open{std::move(file), std::move(head)});
  }
  /// One chunk.
  void write(memory::WindowList bytes);
  void sync() { steps_.emplace_back(Sync{}); }
  void close(std::shared_ptr<const SegmentTable> table, bool cuts = false) {
    steps_.emplace_back(Close{std::move(table), cuts});
  }
  void remove(std::filesystem::path file) { steps_.emplace_back(Remove{std::move(file)}); }
  /// Lets the windows go and keeps the memory.
  void clear() noexcept;

  bool empty() const noexcept { return steps_.empty(); }
  /// Of payload and headers.
  std::size_t bytes() const noexcept { return bytes_; }
  const std::vector<Step>& steps() const noexcept { return steps_; }
  std::vector<iovec>& buffers() noexcept { return buffers_; }

 private:
  std::vector<Step> steps_;
  std::vector<iovec> buffers_;
  std::vector<memory::WindowList> held_;  // what they point to
  std::size_t bytes_ = 0;
};

/// How far a batch came.
struct WriteOutcome {
  base::Error error;                        ///< of the first step that was not done
  std::size_t steps = 0;                    ///< that were done
  std::uint64_t bytes = 0;                  ///< written to files
  std::uint64_t file_bytes = 0;             ///< of the file that is open, or was when a step failed
  std::vector<std::uint64_t> closed_bytes;  ///< of the files that were closed
  std::uint64_t syncs = 0;
};

/// The files of one stream in the pool: at most one is open. Used by one job at a time.
class SegmentWriter {
 public:
  /// `is_durable`: what is closed survives a loss of power, and so do the entries of folders.
  SegmentWriter(std::filesystem::path root, bool is_durable)
      : root_(std::move(root)), is_durable_(is_durable) {}

  /// Blocks. After a failure the file is still open, for a batch that saves what there is.
  WriteOutcome run(WriteBatch& batch);

 private:
  base::Result<void> run(const WriteBatch::Open& open, WriteOutcome& outcome);
  base::Result<void> run(const WriteBatch::Close& close, WriteOutcome& outcome);
  base::Result<void> sync(WriteOutcome& outcome);
  void save(const WriteBatch::Close& close, WriteOutcome& outcome);

  const std::filesystem::path root_;
  const bool is_durable_;
  std::filesystem::path folder_;  // of the last file, all the way up to the root known to the disk
  SegmentFile file_;
};

}  // namespace disk
