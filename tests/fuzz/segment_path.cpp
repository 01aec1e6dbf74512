// The input is a path below the root. What is taken for a segment is written in no other way.
#include <cstdint>
#include <string>

#include "relay/base/assert.hpp"
#include "relay/disk/layout.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path(reinterpret_cast<const char*>(data), size);
  const auto name = disk::read_segment_path(path);
  if (!name) return 0;
  RELAY_ASSERT(disk::segment_path("", name->stream, name->start) == path);
  RELAY_ASSERT(name->stream.find("..") != 0 && name->stream.find("/.") == std::string::npos);
  RELAY_ASSERT(name->stream.front() != '/' && name->stream.find('@') == std::string::npos);
  return 0;
}
