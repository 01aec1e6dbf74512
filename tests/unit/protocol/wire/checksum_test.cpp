#include "relay/protocol/wire/checksum.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

std::uint32_t checksum(test::Memory& memory, std::initializer_list<const char*> payloads) {
  std::vector<media::Sample> samples;
  for (const char* payload : payloads) samples.emplace_back().payload = memory.put_whole(payload);
  return checksum_of(samples);
}

}  // namespace

TEST_CASE("the checksum is CRC32C") {  // the check value of RFC 3720's polynomial
  test::Memory memory;
  CHECK(checksum(memory, {"123456789"}) == 0xe3069283);
  CHECK(checksum(memory, {}) == 0);
  const std::string zeros(32, '\0');
  std::vector<media::Sample> samples(1);
  samples[0].payload = memory.put_whole(zeros);
  CHECK(checksum_of(samples) == 0x8a9136aa);  // RFC 3720, B.4
}

TEST_CASE("samples and windows do not change the checksum") {
  test::Memory memory;
  CHECK(checksum(memory, {"123", "", "456789"}) == 0xe3069283);
  std::vector<media::Sample> samples(1);
  samples[0].payload = memory.put_cut("123456789", 2);
  CHECK(checksum_of(samples) == 0xe3069283);
}

}  // namespace wire
