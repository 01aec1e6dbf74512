#include "relay/state/delimited.hpp"

#include <google/protobuf/util/delimited_message_util.h>

#include <string>

#include "relay/state/errc.hpp"
#include "relay/state/record.hpp"
#include "schemas/session.pb.h"

namespace state {

void write_delimited(std::ostream& out, const Row& row, std::string_view damage) {
  spancast::session::StoredRecord stored;
  stored.set_kind(static_cast<std::uint32_t>(row.key.kind));
  stored.set_key(row.key.name);
  stored.set_record(row.record);
  stored.set_checksum(row.checksum);
  stored.set_damage(std::string(damage));
  if (!google::protobuf::util::SerializeDelimitedToOstream(stored, &out)) {
    out.setstate(std::ios::failbit);
  }
}

base::Result<std::optional<Row>> DelimitedReader::next() {
  spancast::session::StoredRecord stored;
  bool is_end = false;
  if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&stored, &in_, &is_end)) {
    if (is_end) return std::optional<Row>();
    return Errc::bad_export;
  }
  if (stored.kind() == 0) return Errc::bad_export;
  if (stored.key().size() > key_bytes_max || stored.record().size() > record_bytes_max) {
    return Errc::too_large;
  }
  Row row{{static_cast<Kind>(stored.kind()), stored.key()}, stored.record(), stored.checksum()};
  if (!stored.has_checksum()) row.checksum = checksum_of(row.key, row.record);
  return std::optional<Row>(std::move(row));
}

}  // namespace state
