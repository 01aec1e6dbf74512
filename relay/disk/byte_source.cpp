#include "relay/disk/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "relay/base/assert.hpp"
#include "relay/disk/errc.hpp"

namespace disk {
namespace {

base::Error last_error() noexcept { return {errno, boost::system::system_category()}; }

}  // namespace

base::Result<FileSource> FileSource::open(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return last_error();
  FileSource source(descriptor, 0);
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return last_error();
  source.size_ = static_cast<std::uint64_t>(status.st_size);
  return source;
}

FileSource::~FileSource() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<std::span<const std::byte>> FileSource::at(std::uint64_t offset, std::size_t least) {
  RELAY_ASSERT(offset < size_ && least <= least_max);
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(least, size_ - offset));
  const bool is_there = offset >= piece_at_ && offset - piece_at_ < piece_bytes_ &&
                        piece_bytes_ - (offset - piece_at_) >= wanted;
  if (!is_there) {
    if (!piece_) piece_ = std::make_unique<std::byte[]>(piece_bytes_max);
    piece_at_ = offset;
    piece_bytes_ = 0;
    const std::span piece(piece_.get(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                            piece_bytes_max, size_ - offset)));
    if (auto filled = read(offset, piece); !filled) return filled.error();
    piece_bytes_ = piece.size();
  }
  return std::span<const std::byte>(piece_.get(), piece_bytes_)
      .subspan(static_cast<std::size_t>(offset - piece_at_));
}

base::Result<void> FileSource::read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return Errc::cut_record;  // it is shorter than it was
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace disk
