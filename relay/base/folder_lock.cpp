#include "relay/base/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace base {
namespace {

// Of the process that has the lock, as it wrote it; for a message.
std::string read_holder(int file) {
  char text[24] = {};
  const ssize_t size = pread(file, text, sizeof text - 1, 0);
  const long pid = size > 0 ? std::strtol(text, nullptr, 10) : 0;
  return pid > 0 ? " (pid " + std::to_string(pid) + ")" : "";
}

int open_file(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file >= 0 || (errno != EROFS && errno != EACCES)) return file;
  return open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder)
    : path_(folder / "lock"), file_(open_file(path_)) {
  if (file_ < 0) {
    throw std::runtime_error("cannot lock " + folder.string() + ": " +
                             std::generic_category().message(errno));
  }
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string holder = read_holder(file_);
    close(file_);
    if (error == EWOULDBLOCK) {
      throw FolderInUse(folder.string() + " is used by another relay" + holder);
    }
    throw std::runtime_error("cannot lock " + folder.string() + ": " +
                             std::generic_category().message(error));
  }
  // Without it (no space is left) the lock is one all the same.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) == 0 && pwrite(file_, pid.data(), pid.size(), 0) < 0) return;
}

FolderLock::~FolderLock() { close(file_); }

bool FolderLock::is_lost() const noexcept {
  struct stat ours {};
  struct stat there {};
  if (fstat(file_, &ours) != 0 || stat(path_.c_str(), &there) != 0) return true;
  return ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
}

}  // namespace base
