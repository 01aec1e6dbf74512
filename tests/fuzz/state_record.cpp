// The first byte says what the input is: a record of a kind, a record and the one that was there
// before, or an export. Where a checksum would keep out all that was made up there is none, or it
// is made right.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/state/delimited.hpp"
#include "relay/state/record.hpp"

namespace {

using google::protobuf::Message;

bool are_same(const Message& one, const Message& other) {
  return state::encode(one) == state::encode(other);
}

// What was read is written and read again without a loss.
void read(state::Kind kind, std::string_view bytes) {
  const auto decoded = state::decode(kind, bytes);
  if (!decoded) return;
  RELAY_ASSERT(state::version_of(*decoded->record) >= state::current_version);
  const std::string written = state::encode(*decoded->record);
  const auto again = state::decode(kind, written);
  RELAY_ASSERT(again && are_same(*again->record, *decoded->record));
  RELAY_ASSERT(again->has_unknown == decoded->has_unknown && !again->was_migrated);
  const state::Row row{{kind, "name"}, written, state::checksum_of({kind, "name"}, written)};
  RELAY_ASSERT(written.size() > state::record_bytes_max || state::decode(row).has_value());
}

// What is known stays as it is, what is unknown of the other comes to it, and both can be read.
void rewrite(state::Kind kind, std::string_view bytes, std::string_view bytes_before) {
  const auto before = state::decode(kind, bytes_before);
  const auto decoded = state::decode(kind, bytes);
  if (!before || !decoded) return;
  Message& fresh = *decoded->record;
  fresh.DiscardUnknownFields();
  state::set_version(fresh, state::current_version);
  const std::unique_ptr<Message> known(fresh.New());
  known->CopyFrom(fresh);
  state::keep_unknown(fresh, *before->record);
  RELAY_ASSERT(state::version_of(fresh) >= state::version_of(*before->record));
  const auto again = state::decode(kind, state::encode(fresh));
  RELAY_ASSERT(again && are_same(*again->record, fresh));
  const auto& unknown = fresh.GetReflection()->GetUnknownFields(fresh);
  const auto& unknown_before = before->record->GetReflection()->GetUnknownFields(*before->record);
  RELAY_ASSERT(unknown.field_count() == unknown_before.field_count());
  fresh.DiscardUnknownFields();
  state::set_version(fresh, state::current_version);
  RELAY_ASSERT(are_same(fresh, *known));
}

void read_export(std::string_view bytes) {
  std::istringstream in{std::string(bytes)};
  state::DelimitedReader reader(in);
  std::ostringstream out;
  std::size_t count = 0;
  for (auto row = reader.next(); row && *row; row = reader.next(), ++count) {
    RELAY_ASSERT((*row)->record.size() <= state::record_bytes_max);
    if (state::make_record((*row)->key.kind) != nullptr) static_cast<void>(state::decode(**row));
    state::write_delimited(out, **row);
  }
  std::istringstream written(out.str());
  state::DelimitedReader again(written);
  for (std::size_t index = 0; index < count; ++index) {
    const auto row = again.next();
    RELAY_ASSERT(row && *row);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // It tells on stderr of text that is not UTF-8, which fuzzers are fond of.
  static auto* const quiet = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(quiet);
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const int index = (data[0] & 3) + ((data[0] & 16) != 0 ? 4 : 0);
  const auto kind = static_cast<state::Kind>(1 + index % 6);
  const std::size_t cut = std::min<std::size_t>(data[1], bytes.size());
  if ((data[0] & 4) != 0) {
    rewrite(kind, bytes.substr(cut), bytes.substr(0, cut));
  } else if ((data[0] & 8) != 0) {
    read_export(bytes);
  } else {
    read(kind, bytes);
  }
  return 0;
}
