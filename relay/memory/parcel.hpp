#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "relay/memory/window.hpp"

namespace memory {

/// A window on its way from one worker to another. It counts as one worker of its block; the
/// receiver's pool takes that over. A parcel that nobody opened gives the block back itself.
class Parcel {
 public:
  /// Packs on the worker that owns `window`.
  explicit Parcel(const Window& window) noexcept;
  Parcel(Parcel&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)), bytes_(other.bytes_), index_(other.index_) {}
  Parcel& operator=(Parcel&&) = delete;
  ~Parcel();

  /// Opens on the worker that owns `pool`; once.
  Window open(BlockPool& pool) noexcept;

 private:
  Arena* arena_ = nullptr;
  std::span<const std::byte> bytes_;
  BlockIndex index_ = 0;
};

}  // namespace memory
