#include "relay/disk/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

namespace disk {
namespace {

// Of the process that has the lock, as it wrote it; for a message.
std::string read_holder(int file) {
  char text[24] = {};
  const ssize_t size = pread(file, text, sizeof text - 1, 0);
  const long pid = size > 0 ? std::strtol(text, nullptr, 10) : 0;
  return pid > 0 ? " (pid " + std::to_string(pid) + ")" : "";
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder)
    : file_(open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ < 0) {
    throw std::runtime_error("cannot lock " + folder.string() + ": " +
                             std::generic_category().message(errno));
  }
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string why =
        error == EWOULDBLOCK
            ? folder.string() + " is used by another relay" + read_holder(file_)
            : "cannot lock " + folder.string() + ": " + std::generic_category().message(error);
    close(file_);
    throw std::runtime_error(why);
  }
  // Without it (no space is left) the lock is one all the same.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) == 0 && pwrite(file_, pid.data(), pid.size(), 0) < 0) return;
}

FolderLock::~FolderLock() { close(file_); }

}  // namespace disk
