#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace state {

/// What a record is about: `Kind` of schemas/session.proto. A database of a newer version may hold
/// others, with other numbers.
enum class Kind : std::uint32_t {
  stream = 1,
  publisher = 2,
  viewer = 3,
  lease = 4,
  usage = 5,
  revocation = 6
};

/// Names a record.
struct Key {
  Kind kind{};
  std::string name;
  auto operator<=>(const Key&) const = default;
};

constexpr std::size_t key_bytes_max = 1024;
/// 16 tracks with their parameter sets are 33 KiB.
constexpr std::size_t record_bytes_max = 256 << 10;

/// A record as it lies in the database.
struct Row {
  Key key;
  std::string record;
  std::uint32_t checksum = 0;
};

}  // namespace state
