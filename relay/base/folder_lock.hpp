#pragma once

#include <filesystem>
#include <stdexcept>

namespace base {

/// Another process has it: the sentence says which folder and who.
class FolderInUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One process at a time uses a folder: `flock` on the file `lock` in it, which names the process.
/// Held until this goes, or the process ends in whatever way.
class FolderLock {
 public:
  /// Throws FolderInUse when another process has it, and std::runtime_error with a sentence when
  /// it cannot be locked. Where nothing can be written, a file that is there is locked as it is.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Somebody removed the file: whoever comes next locks another one.
  bool is_lost() const noexcept;

 private:
  const std::filesystem::path path_;
  int file_;
};

}  // namespace base
