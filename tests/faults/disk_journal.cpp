#include "tests/faults/disk_journal.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace faults {
namespace {

// Not by way of our own functions: what the journal does is no part of what it watches.
int open_quietly(const std::string& path, int flags) noexcept {
  return static_cast<int>(
      ::syscall(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC, mode_t{0600}));
}

void close_quietly(int fd) noexcept { ::syscall(SYS_close, fd); }

[[noreturn]] void give_up(const std::string& what) {
  std::perror(("disk_faults: " + what).c_str());
  std::_Exit(127);
}

struct Entry {
  std::string inode;  ///< with the time it was made, since numbers are used again
  bool is_folder = false;
  bool is_file = false;
};

Entry entry_of(int folder, const char* name, int flags) {
  struct statx found {};
  if (::statx(folder, name, flags, STATX_BASIC_STATS | STATX_BTIME, &found) != 0) return {};
  return {.inode = std::to_string(found.stx_ino) + "-" + std::to_string(found.stx_btime.tv_sec) +
                   "." + std::to_string(found.stx_btime.tv_nsec),
          .is_folder = S_ISDIR(found.stx_mode),
          .is_file = S_ISREG(found.stx_mode)};
}

template <class Function>
void for_each_name(const std::string& path, Function function) {
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* const one = ::readdir(folder)) {
    const std::string name = one->d_name;
    if (name != "." && name != "..") function(::dirfd(folder), name);
  }
  ::closedir(folder);
}

}  // namespace

DiskJournal::DiskJournal(std::string root, std::string folder)
    : root_(std::move(root)), folder_(std::move(folder)) {
  take_over(root_);
}

void DiskJournal::take_over(const std::string& path) const {
  const int fd = open_quietly(path, O_RDONLY);
  if (fd < 0) return;
  end(begin(fd, path), true);
  close_quietly(fd);
  for_each_name(path, [&](int, const std::string& name) { take_over(path + "/" + name); });
}

DiskJournal::Copy DiskJournal::begin(int fd, const std::string& path) const {
  const int before = errno;
  const Entry entry = entry_of(fd, "", AT_EMPTY_PATH);
  const Copy copy = entry.is_folder ? copy_names(path) : entry.is_file ? copy_content(fd) : Copy{};
  errno = before;
  return copy;
}

void DiskJournal::end(const Copy& copy, bool counts) {
  if (copy.from.empty()) return;
  const int before = errno;
  const int done =
      counts ? std::rename(copy.from.c_str(), copy.to.c_str()) : std::remove(copy.from.c_str());
  if (done != 0) give_up(copy.to);
  errno = before;
}

DiskJournal::Copy DiskJournal::copy_names(const std::string& path) const {
  std::string list;
  for_each_name(path, [&list](int folder, const std::string& name) {
    const Entry entry = entry_of(folder, name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (entry.inode.empty()) return;  // it is gone again
    list += entry.inode + (entry.is_folder ? "/ " : " ") + name + "\n";
  });
  const std::string own =
      path == root_ ? "root" : entry_of(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW).inode;
  if (own.empty()) return {};  // it was removed
  const Copy copy{.from = folder_ + "/new", .to = folder_ + "/" + own + ".names"};
  std::FILE* const file = std::fopen(copy.from.c_str(), "w");
  if (file == nullptr) give_up(copy.from);
  if (std::fputs(list.c_str(), file) < 0 || std::fclose(file) != 0) give_up(copy.from);
  return copy;
}

DiskJournal::Copy DiskJournal::copy_content(int fd) const {
  const int in = open_quietly("/proc/self/fd/" + std::to_string(fd), O_RDONLY);
  if (in < 0) return {};
  const Copy copy{.from = folder_ + "/new",
                  .to = folder_ + "/" + entry_of(fd, "", AT_EMPTY_PATH).inode};
  const int out = open_quietly(copy.from, O_WRONLY | O_CREAT | O_TRUNC);
  if (out < 0) give_up(copy.from);
  ssize_t size = 0;
  do {
    size = ::sendfile(out, in, nullptr, 1 << 24);
    if (size < 0) give_up(copy.from);
  } while (size > 0);
  close_quietly(out);
  close_quietly(in);
  return copy;
}

}  // namespace faults
