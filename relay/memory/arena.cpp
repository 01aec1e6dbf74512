#include "relay/memory/arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

#include "relay/base/assert.hpp"
#include "relay/base/units.hpp"

namespace memory {
namespace {

// A memfd mapped shared: fork() copies no page tables for it and a child writes nothing of ours.
std::byte* map_shared(std::size_t bytes) {
  const auto fail = [bytes](const char* what) {
    const int error = errno;
    throw std::system_error(error, std::generic_category(),
                            "memory.arena (" + base::format_size(bytes) +
                                ") cannot be had: make it smaller, or give the process or its "
                                "container more memory: " +
                                what);
  };
  const int fd = memfd_create("spancast-arena", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    fail("ftruncate");
  }
  void* const start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  errno = error;
  if (start == MAP_FAILED) fail("mmap");
  madvise(start, bytes, MADV_DONTFORK);
  // Every page now: memory that is not there is an error at start and not a SIGBUS at night, and no
  // frame waits for a page fault. Kernels before 5.14 do not know the word and fault later.
  if (madvise(start, bytes, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
    const int why = errno;
    munmap(start, bytes);
    errno = why;
    fail("madvise");
  }
  return static_cast<std::byte*>(start);
}

std::size_t checked(std::size_t block_bytes) {
  RELAY_ASSERT(std::has_single_bit(block_bytes));
  RELAY_ASSERT(block_bytes >= 4096 && block_bytes <= std::size_t{16} << 20);
  return block_bytes;
}

}  // namespace

Arena::Arena(std::size_t bytes, std::size_t block_bytes)
    : block_bytes_(checked(block_bytes)),
      block_count_(static_cast<BlockIndex>(std::max<std::size_t>(bytes / block_bytes, 4))),
      // A sixty-fourth, so that what workers keep ready stays a small part of a small arena.
      batch_(std::clamp<BlockIndex>(block_count_ / 64, 1, 16)),
      free_count_(block_count_) {
  base_ = map_shared(this->bytes());
  workers_ = std::make_unique<std::atomic<std::uint32_t>[]>(block_count_);
  free_blocks_.reserve(block_count_);
  for (BlockIndex index = block_count_; index > 0; --index) free_blocks_.push_back(index - 1);
}

Arena::~Arena() { munmap(base_, bytes()); }

std::size_t Arena::take(std::span<BlockIndex> out) {
  const std::lock_guard lock(free_blocks_lock_);
  const std::size_t count = std::min(out.size(), free_blocks_.size());
  std::copy_n(free_blocks_.rbegin(), count, out.begin());
  free_blocks_.resize(free_blocks_.size() - count);
  free_count_.store(static_cast<BlockIndex>(free_blocks_.size()), std::memory_order_relaxed);
  return count;
}

void Arena::give(std::span<const BlockIndex> blocks) {
  const std::lock_guard lock(free_blocks_lock_);
  free_blocks_.insert(free_blocks_.end(), blocks.begin(), blocks.end());
  free_count_.store(static_cast<BlockIndex>(free_blocks_.size()), std::memory_order_relaxed);
}

}  // namespace memory
