#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/state/kind.hpp"
#include "relay/state/migrations.hpp"

namespace state {

/// An empty record of this kind. Null: the kind is of a newer version.
std::unique_ptr<google::protobuf::Message> make_record(Kind kind);
/// As in dumps: `stream`, or the number of an unknown kind.
std::string name_of(Kind kind);

/// CRC32C over kind, key and record.
std::uint32_t checksum_of(const Key& key, std::string_view record);

/// Its bytes; the same for the same record.
std::string encode(const google::protobuf::Message& record);

/// What bytes say, migrated to the present version.
struct Decoded {
  std::unique_ptr<google::protobuf::Message> record;
  bool was_migrated = false;
  bool has_unknown = false;  ///< fields of a newer version, or its number
};
/// Of a known kind; the checksum counts too.
base::Result<Decoded> decode(const Row& row);
/// Without a checksum.
base::Result<Decoded> decode(Kind kind, std::string_view bytes,
                             std::span<const Migration> by = migrations(),
                             std::uint32_t to = current_version);

/// `fresh` with what `before` has that is unknown here: fields, also those of messages inside (of
/// repeated ones where the rest is as before), and a higher schema_version. An older relay that
/// rewrites a record destroys nothing.
void keep_unknown(google::protobuf::Message& fresh, const google::protobuf::Message& before);

}  // namespace state
