#pragma once

#include <mutex>
#include <string>

namespace faults {

/// What a folder would hold if the power were cut now: of each file what it held when it was last
/// synced, of each folder the names it had then. Kept in another folder, where a file has the name
/// of its inode and the time it was made: its content, or with `.names` the lines `inode name` of
/// a folder; `root.names` is the one that is watched. Any thread.
class DiskJournal {
 public:
  /// What is there already is durable. `folder`: with its absolute path.
  DiskJournal(std::string root, std::string folder);

  /// Does what `real` does for this file or folder; what was in it before is durable if it says 0.
  template <class Sync>
  int sync(int fd, const std::string& path, Sync real) {
    const std::lock_guard lock(lock_);  // or an older copy could come after a newer one
    const Copy copy = begin(fd, path);
    const int result = real(fd);
    end(copy, result == 0);
    return result;
  }

 private:
  struct Copy {
    std::string from;  ///< while it is not known whether it counts
    std::string to;
  };

  Copy begin(int fd, const std::string& path) const;
  static void end(const Copy& copy, bool counts);
  Copy copy_names(const std::string& path) const;
  Copy copy_content(int fd) const;
  void take_over(const std::string& path) const;

  const std::string root_;
  const std::string folder_;
  std::mutex lock_;
};

}  // namespace faults
