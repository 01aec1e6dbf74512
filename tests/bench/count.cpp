// Preloaded into the relay's bench build: counts allocations, and what goes through memcpy and its
// relatives, in a file (BENCH_COUNT_FILE) that the benchmark reads while the relay runs.
// What glibc copies inside itself does not pass here.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
[[noreturn]] void __chk_fail();
}

namespace {

struct Counters {
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> allocated_bytes;
  std::atomic<std::uint64_t> copies;  ///< of at least `counted_copy` bytes
  std::atomic<std::uint64_t> copied_bytes;
};

constexpr std::size_t counted_copy = 64;

Counters before_start;  // calls that come before the file is mapped
Counters* counters = &before_start;

[[gnu::constructor]] void map_counters() {
  const char* const path = std::getenv("BENCH_COUNT_FILE");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Counters)) != 0) std::_Exit(127);
  void* const page = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) std::_Exit(127);
  ::close(file);
  counters = static_cast<Counters*>(page);
}

void* allocated(void* memory, std::size_t size) {
  counters->allocations.fetch_add(1, std::memory_order_relaxed);
  counters->allocated_bytes.fetch_add(size, std::memory_order_relaxed);
  return memory;
}

void count_copy(std::size_t size) {
  if (size < counted_copy) return;
  counters->copies.fetch_add(1, std::memory_order_relaxed);
  counters->copied_bytes.fetch_add(size, std::memory_order_relaxed);
}

// The compiler must not turn these loops into calls of the functions below; see CMakeLists.txt.
void copy_forward(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
}

void copy_backward(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (std::size_t i = size; i-- > 0;) out[i] = in[i];
}

void* copy(void* to, const void* from, std::size_t size) {
  count_copy(size);
  copy_forward(to, from, size);
  return to;
}

void* move(void* to, const void* from, std::size_t size) {
  count_copy(size);
  if (reinterpret_cast<std::uintptr_t>(to) <= reinterpret_cast<std::uintptr_t>(from)) {
    copy_forward(to, from, size);
  } else {
    copy_backward(to, from, size);
  }
  return to;
}

void check(std::size_t size, std::size_t room) {
  if (size > room) __chk_fail();
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return allocated(__libc_malloc(size), size); }
void* calloc(std::size_t count, std::size_t size) {
  return allocated(__libc_calloc(count, size), count * size);
}
void* realloc(void* old, std::size_t size) { return allocated(__libc_realloc(old, size), size); }
void* memalign(std::size_t alignment, std::size_t size) {
  return allocated(__libc_memalign(alignment, size), size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocated(__libc_memalign(alignment, size), size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = allocated(__libc_memalign(alignment, size), size);
  return *memory == nullptr ? ENOMEM : 0;
}

void* memcpy(void* to, const void* from, std::size_t size) { return copy(to, from, size); }
void* memmove(void* to, const void* from, std::size_t size) { return move(to, from, size); }
void* mempcpy(void* to, const void* from, std::size_t size) {
  return static_cast<unsigned char*>(copy(to, from, size)) + size;
}
void* __memcpy_chk(void* to, const void* from, std::size_t size, std::size_t room) {
  check(size, room);
  return copy(to, from, size);
}
void* __memmove_chk(void* to, const void* from, std::size_t size, std::size_t room) {
  check(size, room);
  return move(to, from, size);
}
void* __mempcpy_chk(void* to, const void* from, std::size_t size, std::size_t room) {
  check(size, room);
  return static_cast<unsigned char*>(copy(to, from, size)) + size;
}
}
