// Preloaded into a relay: makes calls of the kernel fail as a bad day makes them fail. What fails,
// how often, and how often it did, is in a file (FAULTS_FILE, an array of 64-bit integers) that the
// test maps and changes while the relay runs; tests/e2e/faults.py has the same list.
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "tests/faults/next.hpp"

namespace {

using Number = std::atomic<std::int64_t>;

/// Zeros: nothing fails.
struct Control {
  Number accept_error;     ///< errno of accept4 …
  Number accept_failures;  ///< … for so many calls
  Number accepts_failed;
  Number short_permille;  ///< of the writes to TCP sockets take a part only
  Number again_permille;  ///< of them take nothing: EAGAIN
  Number seed;            ///< of which ones
  Number writes_cut;
  Number writes_refused;
  Number read_bytes_max;  ///< a read from a TCP socket returns no more; 0: as many as there are
  Number reads_cut;
  Number arena_step;     ///< 1 memfd_create, 2 ftruncate, 3 mmap, 4 madvise fails with ENOMEM
  Number stall_worker;   ///< this worker, counted from 1, stops where it would wait for events
  Number worker_stalls;  ///< how often one has
  Number stall_pool;     ///< so many threads of libuv's pool are blocked at the next accept
  Number pool_stalls;    ///< how many are
};

Control no_faults;
Control* control = &no_faults;

[[gnu::constructor]] void map_control() {
  const char* const path = std::getenv("FAULTS_FILE");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) std::_Exit(127);
  void* const page = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) std::_Exit(127);
  ::close(file);
  control = static_cast<Control*>(page);
}

void pause_ms(long ms) noexcept {
  const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

bool is_tcp(int fd) noexcept {
  const int before = errno;
  int domain = 0;
  socklen_t size = sizeof domain;
  const bool is_socket = ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;
  errno = before;
  return is_socket && (domain == AF_INET || domain == AF_INET6);
}

// Each thread has its own row of numbers from the same seed (xorshift64).
std::uint64_t random_number() noexcept {
  thread_local std::uint64_t state = 0;
  if (state == 0) state = static_cast<std::uint64_t>(control->seed.load()) * 2 + 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/// How much of a write of `size` bytes to `fd` the kernel will be asked to take: -1 for EAGAIN.
ssize_t allowed(int fd, std::size_t size) noexcept {
  const auto whole = static_cast<ssize_t>(size);
  const std::int64_t again = control->again_permille;
  const std::int64_t cut = control->short_permille;
  if (again + cut == 0 || !is_tcp(fd)) return whole;
  const auto dice = static_cast<std::int64_t>(random_number() % 1000);
  if (dice < again) {
    ++control->writes_refused;
    errno = EAGAIN;
    return -1;
  }
  if (dice >= again + cut || size < 2) return whole;
  ++control->writes_cut;
  return static_cast<ssize_t>(1 + random_number() % (size - 1));
}

/// A list of buffers that holds `size` bytes of another.
class CutList {
 public:
  static constexpr std::size_t count_max = 1024;
  CutList(const iovec* buffers, std::size_t count, std::size_t size) noexcept {
    for (; count > 0 && size > 0; --count, ++buffers) {
      list_[count_] = *buffers;
      list_[count_].iov_len = std::min(buffers->iov_len, size);
      size -= list_[count_++].iov_len;
    }
  }
  iovec* data() noexcept { return list_; }
  std::size_t count() const noexcept { return count_; }

 private:
  iovec list_[count_max];
  std::size_t count_ = 0;
};

std::size_t size_of(const iovec* buffers, std::size_t count) noexcept {
  std::size_t size = 0;
  for (std::size_t index = 0; index < count; ++index) size += buffers[index].iov_len;
  return size;
}

std::size_t readable(int fd, std::size_t size) noexcept {
  const auto most = static_cast<std::size_t>(control->read_bytes_max.load());
  if (most == 0 || size <= most || !is_tcp(fd)) return size;
  ++control->reads_cut;
  return most;
}

void block_for_ever(uv_work_t*) noexcept {
  ++control->pool_stalls;
  for (;;) pause_ms(1000);
}

// The pool is the process's, whoever's loop asks for it; this one never runs.
void stall_pool() noexcept {
  static uv_loop_t loop;
  static uv_work_t jobs[16];
  uv_loop_init(&loop);
  const std::int64_t count = std::min<std::int64_t>(control->stall_pool.exchange(0), 16);
  for (std::int64_t index = 0; index < count; ++index) {
    uv_queue_work(&loop, &jobs[index], block_for_ever, nullptr);
  }
}

bool is_named(const char* name) noexcept {
  char own[16] = "";
  ::pthread_getname_np(::pthread_self(), own, sizeof own);
  return std::strcmp(own, name) == 0;
}

void stall_worker() noexcept {
  const std::int64_t worker = control->stall_worker;
  if (worker == 0) return;
  char name[16] = "worker ";
  name[7] = static_cast<char>('0' + worker - 1);
  if (!is_named(name)) return;
  ++control->worker_stalls;
  while (control->stall_worker == worker) pause_ms(1);
}

bool arena_fails_at(std::int64_t step) noexcept {
  if (control->arena_step != step) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  NEXT(accept4);
  if (control->stall_pool > 0) stall_pool();
  if (control->accept_failures > 0) {
    --control->accept_failures;
    ++control->accepts_failed;
    errno = static_cast<int>(control->accept_error);
    return -1;
  }
  return real(fd, address, size, flags);
}

ssize_t read(int fd, void* bytes, std::size_t size) {
  NEXT(read);
  return real(fd, bytes, readable(fd, size));
}

ssize_t recv(int fd, void* bytes, std::size_t size, int flags) {
  NEXT(recv);
  return real(fd, bytes, readable(fd, size), flags);
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
  NEXT(write);
  const ssize_t part = allowed(fd, size);
  return part < 0 ? -1 : real(fd, bytes, static_cast<std::size_t>(part));
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  NEXT(send);
  const ssize_t part = allowed(fd, size);
  return part < 0 ? -1 : real(fd, bytes, static_cast<std::size_t>(part), flags);
}

ssize_t writev(int fd, const iovec* buffers, int count) {
  NEXT(writev);
  const std::size_t size = size_of(buffers, static_cast<std::size_t>(count));
  const ssize_t part = allowed(fd, size);
  if (part < 0) return -1;
  if (static_cast<std::size_t>(part) == size) return real(fd, buffers, count);
  CutList cut(buffers, static_cast<std::size_t>(count), static_cast<std::size_t>(part));
  return real(fd, cut.data(), static_cast<int>(cut.count()));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  NEXT(sendmsg);
  const std::size_t size = size_of(message->msg_iov, message->msg_iovlen);
  const ssize_t part = allowed(fd, size);
  if (part < 0) return -1;
  if (static_cast<std::size_t>(part) == size) return real(fd, message, flags);
  CutList cut(message->msg_iov, message->msg_iovlen, static_cast<std::size_t>(part));
  msghdr shorter = *message;
  shorter.msg_iov = cut.data();
  shorter.msg_iovlen = cut.count();
  return real(fd, &shorter, flags);
}

int epoll_wait(int fd, epoll_event* events, int count, int timeout) {
  NEXT(epoll_wait);
  stall_worker();
  return real(fd, events, count, timeout);
}

int epoll_pwait(int fd, epoll_event* events, int count, int timeout, const sigset_t* signals) {
  NEXT(epoll_pwait);
  stall_worker();
  return real(fd, events, count, timeout, signals);
}

int memfd_create(const char* name, unsigned flags) noexcept {
  NEXT(memfd_create);
  return arena_fails_at(1) ? -1 : real(name, flags);
}

int ftruncate(int fd, off_t size) noexcept {
  NEXT(ftruncate);
  return arena_fails_at(2) ? -1 : real(fd, size);
}

// The arena's is the only shared mapping of the relay.
void* mmap(void* where, std::size_t size, int protection, int flags, int fd,
           off_t offset) noexcept {
  NEXT(mmap);
  if ((flags & MAP_SHARED) != 0 && arena_fails_at(3)) return MAP_FAILED;
  return real(where, size, protection, flags, fd, offset);
}

int madvise(void* where, std::size_t size, int advice) noexcept {
  NEXT(madvise);
  if (advice == MADV_POPULATE_WRITE && arena_fails_at(4)) return -1;
  return real(where, size, advice);
}

}  // extern "C"
