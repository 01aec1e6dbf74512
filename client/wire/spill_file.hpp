#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "relay/memory/arena.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/spill.hpp"

namespace client {

/// A ring of bytes in a file without a name, which is gone with the process. Where the disk is full
/// before it is as large as it may be, it stays as large as it is. Written through the
/// page cache, so a write waits for the disk only if that is slower than the camera.
class SpillFile : public wire::Spill {
 public:
  /// Told of the first failure after it worked: on the thread that uses it.
  using OnError = std::function<void(const std::string&)>;

  /// Throws std::system_error if there can be no file in that folder, or no memory to read it.
  SpillFile(const std::string& folder, std::uint64_t bytes_max, OnError on_error);
  ~SpillFile() override;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  bool push(const memory::WindowList& payload) override;
  void pop() override;
  base::Result<memory::WindowList> read(std::size_t index) override;

 private:
  struct Record {
    std::uint64_t offset = 0;  // of the ring, without wraps
    std::uint64_t bytes = 0;
  };

  bool write(std::uint64_t offset, std::span<const std::byte> bytes);
  bool read(std::uint64_t offset, std::span<std::byte> out);
  void shrink(int error);
  bool fail(const char* what, int error);

  int file_;
  std::uint64_t bytes_max_;
  OnError on_error_;
  std::deque<Record> records_;  // as many as the keep has chunks
  std::uint64_t end_ = 0;
  bool has_failed_ = false;
  memory::Arena arena_;  // for what is read
  memory::BlockPool pool_;
  memory::BlockWriter writer_;
};

}  // namespace client
