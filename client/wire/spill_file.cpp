#include "client/wire/spill_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "relay/base/assert.hpp"

namespace client {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
// The largest chunk, and those that are still on their way to the socket.
constexpr std::size_t arena_bytes = 32 * 1024 * 1024;

// Not every file system knows files without a name.
int open_file(const std::string& folder) {
  const int unnamed = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed != -1) return unnamed;
  std::string name = folder + "/spancast-spill-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named == -1) throw std::system_error(errno, std::system_category(), "--spill " + folder);
  unlink(name.c_str());
  return named;
}

}  // namespace

SpillFile::SpillFile(const std::string& folder, std::uint64_t bytes_max, OnError on_error)
    : file_(open_file(folder)),
      bytes_max_(bytes_max),
      on_error_(std::move(on_error)),
      arena_(arena_bytes, block_bytes),
      pool_(arena_),
      writer_(pool_) {}

SpillFile::~SpillFile() { close(file_); }

bool SpillFile::push(const memory::WindowList& payload) {
  const std::uint64_t begin = records_.empty() ? end_ : records_.front().offset;
  if (end_ - begin + payload.bytes() > bytes_max_) return false;
  std::uint64_t offset = end_;
  for (const memory::Window& window : payload) {
    if (!write(offset, {window.data(), window.size()})) {
      const int error = errno;
      shrink(error);
      return fail("written", error);
    }
    offset += window.size();
  }
  has_failed_ = false;
  records_.push_back({end_, payload.bytes()});
  end_ = offset;
  return true;
}

void SpillFile::pop() {
  RELAY_ASSERT(!records_.empty());
  records_.pop_front();
}

base::Result<memory::WindowList> SpillFile::read(std::size_t index) {
  RELAY_ASSERT(index < records_.size());
  const Record& record = records_[index];
  memory::WindowList payload;
  for (std::uint64_t done = 0; done < record.bytes;) {
    const auto space = writer_.space(1);
    if (!space) return space.error();
    const auto place = space->first(
        static_cast<std::size_t>(std::min<std::uint64_t>(space->size(), record.bytes - done)));
    if (!read(record.offset + done, place)) {
      const int error = errno;
      fail("read", error);
      return base::Error(error, boost::system::system_category());
    }
    writer_.advance(place.size());
    payload.push_back(writer_.window(place));
    done += place.size();
  }
  return payload;
}

// Up to the end of the ring, then from its beginning.
bool SpillFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t at = offset % bytes_max_;
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), bytes_max_ - at));
    const ssize_t done = pwrite(file_, bytes.data(), most, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    offset += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

bool SpillFile::read(std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t at = offset % bytes_max_;
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), bytes_max_ - at));
    const ssize_t done = pread(file_, out.data(), most, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;
    if (done <= 0) return false;
    offset += static_cast<std::uint64_t>(done);
    out = out.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

// A disk that is full, or a limit of the process: the ring is what there is a place for. Once it
// has gone round all of it has one.
void SpillFile::shrink(int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  if (is_full && end_ > 0 && end_ < bytes_max_) bytes_max_ = end_;
}

bool SpillFile::fail(const char* what, int error) {
  if (!std::exchange(has_failed_, true)) {
    on_error_(std::string("--spill: the file cannot be ") + what + ": " + std::strerror(error) +
              "; what memory has no room for is lost");
  }
  return false;
}

}  // namespace client
