// Preloaded into a relay: makes what it does with the files of one folder (FAULTS_FOLDER, absolute)
// fail, come short, or stand still. What does is in a file (FAULTS_FILE, an array of 64-bit
// integers) that the test maps and changes while the relay runs; tests/e2e/disk_faults.py has the
// same list. With FAULTS_JOURNAL it keeps what a power cut would leave: see disk_journal.hpp.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "tests/faults/disk_journal.hpp"
#include "tests/faults/next.hpp"

namespace {

using Number = std::atomic<std::int64_t>;

/// Of one kind of call.
struct Calls {
  Number error;   ///< errno they fail with; 0: they do not
  Number stall;   ///< while it is not 0 they stand still
  Number count;   ///< how many there were …
  Number bytes;   ///< … and what they wrote or read
  Number failed;  ///< how many failed because of us
};

/// Zeros: nothing fails.
struct Control {
  Calls write;
  Calls sync;    ///< fdatasync and fsync
  Calls change;  ///< opening for writing, making folders, renaming, removing, cutting off
  Calls read;
  Number only_segments;   ///< not 0: of `.mp4` alone
  Number short_permille;  ///< of the writes take a part only
  Number seed;            ///< of which ones
  Number standing;        ///< calls that stand still now
};

enum class Kind : char { other = 0, folder, segment, file };

Control no_faults;
Control* control = &no_faults;
std::string_view root;
faults::DiskJournal* journal = nullptr;  // lives as long as the process
std::atomic<Kind> kinds[1 << 16];        // of descriptors

[[gnu::constructor]] void begin() {
  const char* const path = std::getenv("FAULTS_FILE");
  const char* const folder = std::getenv("FAULTS_FOLDER");
  if (path == nullptr || folder == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) std::_Exit(127);
  void* const page = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) std::_Exit(127);
  ::close(file);
  if (const char* const kept = std::getenv("FAULTS_JOURNAL")) {
    journal = new faults::DiskJournal(folder, kept);
  }
  control = static_cast<Control*>(page);
  root = folder;
}

bool is_below_root(std::string_view path) noexcept {
  return !root.empty() && path.starts_with(root) &&
         (path.size() == root.size() || path[root.size()] == '/');
}

/// Of a descriptor, `fd/3`, or of the folder we are in, `cwd`.
std::string path_of(const std::string& what) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink(("/proc/self/" + what).c_str(), path, sizeof path);
  return size < 0 ? "" : std::string(path, static_cast<std::size_t>(size));
}

/// Of what a path names, seen from an open folder.
Kind kind_of(int folder, const char* path) {
  if (path == nullptr || root.empty()) return Kind::other;
  const std::string whole =
      path[0] == '/'
          ? path
          : path_of(folder == AT_FDCWD ? "cwd" : "fd/" + std::to_string(folder)) + "/" + path;
  if (!is_below_root(whole)) return Kind::other;
  return whole.ends_with(".mp4") ? Kind::segment : Kind::file;
}

Kind kind_of(int fd) noexcept {
  return fd >= 0 && static_cast<std::size_t>(fd) < std::size(kinds) ? kinds[fd].load()
                                                                    : Kind::other;
}

bool suffers(Kind kind) noexcept {
  return kind == Kind::segment || (kind != Kind::other && control->only_segments == 0);
}

/// Counts a call, and lets it stand still; whether it may be made at all.
bool may_go_on(Calls& calls, Kind kind) noexcept {
  if (!suffers(kind)) return true;
  ++calls.count;
  if (calls.stall != 0) {
    ++control->standing;
    const timespec pause{0, 1'000'000};
    while (calls.stall != 0) ::nanosleep(&pause, nullptr);
    --control->standing;
  }
  const std::int64_t error = calls.error;
  if (error == 0) return true;
  ++calls.failed;
  errno = static_cast<int>(error);
  return false;
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

bool is_cut(Kind kind) noexcept {
  return control->short_permille != 0 && suffers(kind) &&
         static_cast<std::int64_t>(random_number() % 1000) < control->short_permille;
}

/// Buffers that hold a part of what others hold.
int cut(const iovec* buffers, int count, iovec* parts) noexcept {
  std::size_t size = 0;
  for (int index = 0; index < count; ++index) size += buffers[index].iov_len;
  std::size_t left = size < 2 ? size : 1 + random_number() % (size - 1);
  int used = 0;
  for (; used < count && left > 0; ++used) {
    parts[used] = buffers[used];
    parts[used].iov_len = std::min(parts[used].iov_len, left);
    left -= parts[used].iov_len;
  }
  return used;
}

ssize_t counted(Calls& calls, Kind kind, ssize_t size) noexcept {
  if (size > 0 && suffers(kind)) calls.bytes += size;
  return size;
}

template <class Write>
ssize_t write_some(int fd, const iovec* buffers, int count, Write write) {
  const Kind kind = kind_of(fd);
  if (kind == Kind::other || kind == Kind::folder) return write(buffers, count);
  if (!may_go_on(control->write, kind)) return -1;
  if (!is_cut(kind)) return counted(control->write, kind, write(buffers, count));
  iovec parts[IOV_MAX] = {};
  count = cut(buffers, count, parts);
  return counted(control->write, kind, write(parts, count));
}

template <class Read>
ssize_t read_some(int fd, Read read) {
  const Kind kind = kind_of(fd);
  if (kind == Kind::other || kind == Kind::folder) return read();
  if (!may_go_on(control->read, kind)) return -1;
  return counted(control->read, kind, read());
}

template <class Sync>
int sync_now(int fd, Sync real) {
  const std::string path = path_of("fd/" + std::to_string(fd));
  if (!is_below_root(path)) return real(fd);
  const Kind kind = path.ends_with(".mp4") ? Kind::segment : Kind::file;
  if (!may_go_on(control->sync, kind)) return -1;
  return journal == nullptr ? real(fd) : journal->sync(fd, path, real);
}

template <class Open>
int open_now(int folder, const char* path, int flags, Open open) {
  constexpr int changes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  if ((flags & changes) != 0 && !may_go_on(control->change, kind_of(folder, path))) return -1;
  const int fd = open();
  if (fd < 0 || root.empty() || static_cast<std::size_t>(fd) >= std::size(kinds)) return fd;
  const int before = errno;
  const std::string whole = path_of("fd/" + std::to_string(fd));
  struct stat found {};
  kinds[fd] = !is_below_root(whole)                                ? Kind::other
              : ::fstat(fd, &found) == 0 && S_ISDIR(found.st_mode) ? Kind::folder
              : whole.ends_with(".mp4")                            ? Kind::segment
                                                                   : Kind::file;
  errno = before;
  return fd;
}

bool may_change(int folder, const char* path) {
  return may_go_on(control->change, kind_of(folder, path));
}

mode_t mode_of(int flags, va_list more) noexcept {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

}  // namespace

// The names that end in 64 are those of whoever was built with large files in mind.
extern "C" {

#define OPEN(name)                                                                   \
  int name(const char* path, int flags, ...) {                                       \
    NEXT(name);                                                                      \
    va_list more;                                                                    \
    va_start(more, flags);                                                           \
    const mode_t mode = mode_of(flags, more);                                        \
    va_end(more);                                                                    \
    return open_now(AT_FDCWD, path, flags, [&] { return real(path, flags, mode); }); \
  }
#define OPENAT(name)                                                                       \
  int name(int folder, const char* path, int flags, ...) {                                 \
    NEXT(name);                                                                            \
    va_list more;                                                                          \
    va_start(more, flags);                                                                 \
    const mode_t mode = mode_of(flags, more);                                              \
    va_end(more);                                                                          \
    return open_now(folder, path, flags, [&] { return real(folder, path, flags, mode); }); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  NEXT(close);
  if (fd >= 0 && static_cast<std::size_t>(fd) < std::size(kinds)) kinds[fd] = Kind::other;
  return real(fd);
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
  NEXT(write);
  const iovec whole{const_cast<void*>(bytes), size};
  return write_some(fd, &whole, 1, [&](const iovec* part, int) {
    return real(fd, part->iov_base, part->iov_len);
  });
}

ssize_t writev(int fd, const iovec* buffers, int count) {
  NEXT(writev);
  return write_some(fd, buffers, count,
                    [&](const iovec* parts, int used) { return real(fd, parts, used); });
}

#define PWRITE(name)                                                        \
  ssize_t name(int fd, const void* bytes, std::size_t size, off_t offset) { \
    NEXT(name);                                                             \
    const iovec whole{const_cast<void*>(bytes), size};                      \
    return write_some(fd, &whole, 1, [&](const iovec* part, int) {          \
      return real(fd, part->iov_base, part->iov_len, offset);               \
    });                                                                     \
  }
#define PWRITEV(name)                                                         \
  ssize_t name(int fd, const iovec* buffers, int count, off_t offset) {       \
    NEXT(name);                                                               \
    return write_some(fd, buffers, count, [&](const iovec* parts, int used) { \
      return real(fd, parts, used, offset);                                   \
    });                                                                       \
  }
#define PWRITEV2(name)                                                             \
  ssize_t name(int fd, const iovec* buffers, int count, off_t offset, int flags) { \
    NEXT(name);                                                                    \
    return write_some(fd, buffers, count, [&](const iovec* parts, int used) {      \
      return real(fd, parts, used, offset, flags);                                 \
    });                                                                            \
  }
#define PREAD(name)                                                      \
  ssize_t name(int fd, void* bytes, std::size_t size, off_t offset) {    \
    NEXT(name);                                                          \
    return read_some(fd, [&] { return real(fd, bytes, size, offset); }); \
  }
#define PREADV(name)                                                        \
  ssize_t name(int fd, const iovec* buffers, int count, off_t offset) {     \
    NEXT(name);                                                             \
    return read_some(fd, [&] { return real(fd, buffers, count, offset); }); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)
PWRITEV(pwritev)
PWRITEV(pwritev64)
PWRITEV2(pwritev2)
PWRITEV2(pwritev64v2)
PREAD(pread)
PREAD(pread64)
PREADV(preadv)
PREADV(preadv64)

ssize_t read(int fd, void* bytes, std::size_t size) {
  NEXT(read);
  return read_some(fd, [&] { return real(fd, bytes, size); });
}

int fsync(int fd) {
  NEXT(fsync);
  return sync_now(fd, real);
}

int fdatasync(int fd) {
  NEXT(fdatasync);
  return sync_now(fd, real);
}

#define FTRUNCATE(name)                                                   \
  int name(int fd, off_t size) noexcept {                                 \
    NEXT(name);                                                           \
    return may_go_on(control->change, kind_of(fd)) ? real(fd, size) : -1; \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

int mkdir(const char* path, mode_t mode) noexcept {
  NEXT(mkdir);
  return may_change(AT_FDCWD, path) ? real(path, mode) : -1;
}

int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  NEXT(mkdirat);
  return may_change(folder, path) ? real(folder, path, mode) : -1;
}

int unlink(const char* path) noexcept {
  NEXT(unlink);
  return may_change(AT_FDCWD, path) ? real(path) : -1;
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  NEXT(unlinkat);
  return may_change(folder, path) ? real(folder, path, flags) : -1;
}

int rename(const char* from, const char* to) noexcept {
  NEXT(rename);
  return may_change(AT_FDCWD, from) ? real(from, to) : -1;
}

}  // extern "C"
