#include "relay/state/record.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>

#include "relay/base/assert.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/state/errc.hpp"
#include "schemas/session.pb.h"

namespace state {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
namespace session = spancast::session;

static_assert(static_cast<int>(Kind::stream) == session::STREAM);
static_assert(static_cast<int>(Kind::publisher) == session::PUBLISHER);
static_assert(static_cast<int>(Kind::viewer) == session::VIEWER);
static_assert(static_cast<int>(Kind::lease) == session::LEASE);
static_assert(static_cast<int>(Kind::usage) == session::USAGE);
static_assert(static_cast<int>(Kind::revocation) == session::REVOCATION);

bool are_alike(const Message& one, const Message& other) {
  const std::unique_ptr<Message> known(other.New());
  known->CopyFrom(other);
  known->DiscardUnknownFields();
  return google::protobuf::util::MessageDifferencer::Equals(one, *known);
}

// A decoder of nothing but what is known has fewer bytes.
bool has_unknown_fields(const Message& record) {
  const std::unique_ptr<Message> known(record.New());
  known->CopyFrom(record);
  known->DiscardUnknownFields();
  return known->ByteSizeLong() != record.ByteSizeLong();
}

void keep_unknown_fields(Message& fresh, const Message& before);

void keep_unknown_inside(Message& fresh, const Message& before, const FieldDescriptor& field) {
  const Reflection& with = *fresh.GetReflection();
  if (!field.is_repeated()) {
    if (!with.HasField(fresh, &field)) return;
    keep_unknown_fields(*with.MutableMessage(&fresh, &field), with.GetMessage(before, &field));
    return;
  }
  const int both = std::min(with.FieldSize(fresh, &field), with.FieldSize(before, &field));
  for (int index = 0; index < both; ++index) {
    Message& one = *with.MutableRepeatedMessage(&fresh, &field, index);
    const Message& other = with.GetRepeatedMessage(before, &field, index);
    if (are_alike(one, other)) keep_unknown_fields(one, other);
  }
}

void keep_unknown_fields(Message& fresh, const Message& before) {
  const Reflection& with = *fresh.GetReflection();
  with.MutableUnknownFields(&fresh)->MergeFrom(with.GetUnknownFields(before));
  std::vector<const FieldDescriptor*> fields;
  with.ListFields(before, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      keep_unknown_inside(fresh, before, *field);
    }
  }
}

}  // namespace

std::unique_ptr<Message> make_record(Kind kind) {
  switch (kind) {
    case Kind::stream:
      return std::make_unique<session::StreamRecord>();
    case Kind::publisher:
      return std::make_unique<session::PublisherRecord>();
    case Kind::viewer:
      return std::make_unique<session::ViewerRecord>();
    case Kind::lease:
      return std::make_unique<session::LeaseRecord>();
    case Kind::usage:
      return std::make_unique<session::UsageRecord>();
    case Kind::revocation:
      return std::make_unique<session::RevocationRecord>();
  }
  return nullptr;
}

std::string name_of(Kind kind) {
  switch (kind) {
    case Kind::stream:
      return "stream";
    case Kind::publisher:
      return "publisher";
    case Kind::viewer:
      return "viewer";
    case Kind::lease:
      return "lease";
    case Kind::usage:
      return "usage";
    case Kind::revocation:
      return "revocation";
  }
  return std::to_string(static_cast<std::uint32_t>(kind));
}

std::uint32_t checksum_of(const Key& key, std::string_view record) {
  const auto kind = static_cast<std::uint32_t>(key.kind);
  // The length of the key too: what belongs to which is a part of it.
  const std::array<std::uint8_t, 6> head = {static_cast<std::uint8_t>(kind),
                                            static_cast<std::uint8_t>(kind >> 8),
                                            static_cast<std::uint8_t>(kind >> 16),
                                            static_cast<std::uint8_t>(kind >> 24),
                                            static_cast<std::uint8_t>(key.name.size()),
                                            static_cast<std::uint8_t>(key.name.size() >> 8)};
  wire::Checksum checksum;
  checksum.add(std::as_bytes(std::span(head)));
  checksum.add(std::as_bytes(std::span(key.name)));
  checksum.add(std::as_bytes(std::span(record)));
  return checksum.value();
}

std::string encode(const Message& record) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream to(&bytes);
    google::protobuf::io::CodedOutputStream out(&to);
    out.SetSerializationDeterministic(true);
    RELAY_ASSERT(record.SerializeToCodedStream(&out));
  }
  return bytes;
}

base::Result<Decoded> decode(const Row& row) {
  if (checksum_of(row.key, row.record) != row.checksum) return Errc::bad_checksum;
  if (row.record.size() > record_bytes_max || row.key.name.size() > key_bytes_max) {
    return Errc::too_large;
  }
  return decode(row.key.kind, row.record);
}

base::Result<Decoded> decode(Kind kind, std::string_view bytes, std::span<const Migration> by,
                             std::uint32_t to) {
  Decoded decoded;
  decoded.record = make_record(kind);
  RELAY_ASSERT(decoded.record != nullptr);
  if (!decoded.record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Errc::bad_record;
  }
  const auto migrated = migrate(kind, *decoded.record, by, to);
  if (!migrated) return migrated.error();
  decoded.was_migrated = *migrated;
  decoded.has_unknown = version_of(*decoded.record) > to || has_unknown_fields(*decoded.record);
  return decoded;
}

void keep_unknown(Message& fresh, const Message& before) {
  keep_unknown_fields(fresh, before);
  set_version(fresh, std::max(version_of(fresh), version_of(before)));
}

}  // namespace state
