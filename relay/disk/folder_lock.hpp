#pragma once

#include <filesystem>

namespace disk {

/// One process at a time uses a folder: `flock` on the file `lock` in it, which names the process.
/// Held until this goes, or the process ends in whatever way.
class FolderLock {
 public:
  /// Throws std::runtime_error with a sentence, as when another process has it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

}  // namespace disk
