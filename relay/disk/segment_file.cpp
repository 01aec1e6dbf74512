#include "relay/disk/segment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <system_error>

namespace disk {
namespace {

// Retention removes folders that are empty, also one that was just made.
constexpr int create_tries = 3;

base::Error last_error() noexcept { return {errno, boost::system::system_category()}; }

base::Result<void> sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return last_error();
  base::Result<void> done;
  if (::fsync(descriptor) != 0) done = last_error();
  ::close(descriptor);
  return done;
}

base::Result<void> sync_folders(const std::filesystem::path& root,
                                const std::filesystem::path& file, SegmentFile::Folders folders) {
  if (folders == SegmentFile::Folders::none) return {};
  std::filesystem::path folder = file.parent_path();
  for (;;) {
    if (const auto done = sync_folder(folder); !done) return done;
    const bool is_root = folder.native().size() <= root.native().size();
    if (folders == SegmentFile::Folders::last || is_root) return {};
    folder = folder.parent_path();
  }
}

base::Result<int> open_new(const std::filesystem::path& file) {
  for (int tries = 0;; ++tries) {
    std::error_code failure;
    std::filesystem::create_directories(file.parent_path(), failure);
    int descriptor = -1;
    if (!failure) {
      descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      if (descriptor >= 0) return descriptor;
      failure = {errno, std::system_category()};
    }
    const bool is_gone = failure == std::errc::no_such_file_or_directory;
    if (failure == std::errc::interrupted || (is_gone && tries < create_tries)) continue;
    return base::Error(failure);
  }
}

}  // namespace

SegmentFile& SegmentFile::operator=(SegmentFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  bytes_ = other.bytes_;
  return *this;
}

base::Result<SegmentFile> SegmentFile::create(const std::filesystem::path& root,
                                              const std::filesystem::path& file,
                                              std::string_view head, Folders folders) {
  const auto opened = open_new(file);
  if (!opened) return opened.error();
  SegmentFile made(*opened);
  auto done = made.write(head);
  if (done) done = sync_folders(root, file, folders);
  if (done) return made;
  ::unlink(file.c_str());
  return done.error();
}

base::Result<void> SegmentFile::write(std::span<iovec> buffers) {
  while (!buffers.empty()) {
    const auto count = static_cast<int>(std::min<std::size_t>(buffers.size(), IOV_MAX));
    const ssize_t result =
        ::pwritev(descriptor_, buffers.data(), count, static_cast<off_t>(bytes_));
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return last_error();
    // Nothing, and no reason why: once more would be for ever.
    if (result == 0) return base::Error(EIO, boost::system::system_category());
    auto left = static_cast<std::size_t>(result);
    bytes_ += left;
    while (!buffers.empty() && left >= buffers.front().iov_len) {
      left -= buffers.front().iov_len;
      buffers = buffers.subspan(1);
    }
    if (left == 0) continue;
    buffers.front().iov_base = static_cast<std::byte*>(buffers.front().iov_base) + left;
    buffers.front().iov_len -= left;
  }
  return {};
}

base::Result<void> SegmentFile::write(std::string_view text) {
  if (text.empty()) return {};
  iovec buffer{const_cast<char*>(text.data()), text.size()};
  return write(std::span(&buffer, 1));
}

base::Result<void> SegmentFile::cut(std::uint64_t bytes) {
  int status;
  do {
    status = ::ftruncate(descriptor_, static_cast<off_t>(bytes));
  } while (status != 0 && errno == EINTR);
  if (status != 0) return last_error();
  bytes_ = bytes;
  return {};
}

base::Result<void> SegmentFile::sync() {
  int status;
  do {
    status = ::fdatasync(descriptor_);
  } while (status != 0 && errno == EINTR);
  if (status != 0) return last_error();
  return {};
}

void SegmentFile::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace disk
