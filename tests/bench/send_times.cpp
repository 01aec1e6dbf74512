#include "tests/bench/send_times.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench/sockets.hpp"

namespace bench {
namespace {

SendTimes& map_file(const std::string& path, int flags, int protection) {
  const Descriptor file{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
  if (!file.open()) fail(path);
  if ((flags & O_CREAT) != 0 && ::ftruncate(file.get(), sizeof(SendTimes)) != 0) fail(path);
  void* const page = ::mmap(nullptr, sizeof(SendTimes), protection, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) fail(path);
  return *static_cast<SendTimes*>(page);  // a new file is zeros: no frame sent
}

}  // namespace

SendTimes& create_send_times(const std::string& path) {
  return map_file(path, O_RDWR | O_CREAT | O_TRUNC, PROT_READ | PROT_WRITE);
}

const SendTimes& open_send_times(const std::string& path) {
  return map_file(path, O_RDONLY, PROT_READ);
}

}  // namespace bench
