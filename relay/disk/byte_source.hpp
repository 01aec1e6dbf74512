#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "relay/base/result.hpp"

namespace disk {

/// Bytes that are read from front to back, mostly.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const noexcept = 0;
  /// Those from `offset` on, which is below `size()`: at least `least` of them (at most
  /// `least_max`) if there are so many, else all. Valid until the next call.
  virtual base::Result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t least) = 0;

  static constexpr std::size_t least_max = 64 << 10;
};

/// A file as it is when it is opened, in pieces of 1 MiB: a mapping would end the process where a
/// file is cut or cannot be read. Blocks.
class FileSource final : public ByteSource {
 public:
  static base::Result<FileSource> open(const std::filesystem::path& file);
  FileSource(FileSource&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        size_(other.size_),
        piece_(std::move(other.piece_)),
        piece_at_(other.piece_at_),
        piece_bytes_(other.piece_bytes_) {}
  FileSource& operator=(FileSource&&) = delete;
  ~FileSource() override;

  std::uint64_t size() const noexcept override { return size_; }
  base::Result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t least) override;
  /// Without reading ahead: fills `out`, or fails.
  base::Result<void> read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  FileSource(int descriptor, std::uint64_t size) noexcept : descriptor_(descriptor), size_(size) {}

  static constexpr std::size_t piece_bytes_max = 1 << 20;

  int descriptor_;
  std::uint64_t size_;
  std::unique_ptr<std::byte[]> piece_;
  std::uint64_t piece_at_ = 0;
  std::size_t piece_bytes_ = 0;
};

}  // namespace disk
