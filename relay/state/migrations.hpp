#pragma once

#include <cstdint>
#include <span>

#include "relay/base/result.hpp"
#include "relay/state/kind.hpp"

namespace google::protobuf {
class Message;
}

namespace state {

/// How a record of one version becomes one of the next: a function of the record alone. It adds
/// what is missing and leaves the rest as it is, so that an older relay can go on with it.
struct Migration {
  Kind kind;
  std::uint32_t from;  ///< to `from` + 1
  void (*apply)(google::protobuf::Message& record);
};

/// The version that this relay writes; the same for all kinds.
constexpr std::uint32_t current_version = 1;
/// All there are. A new version needs one for each kind: what changes, or `change_nothing`.
std::span<const Migration> migrations() noexcept;
void change_nothing(google::protobuf::Message& record);

std::uint32_t version_of(const google::protobuf::Message& record);
void set_version(google::protobuf::Message& record, std::uint32_t version);

/// Brings a record to version `to`. True: it was changed. One that is newer stays as it is.
base::Result<bool> migrate(Kind kind, google::protobuf::Message& record,
                           std::span<const Migration> by = migrations(),
                           std::uint32_t to = current_version);

}  // namespace state
