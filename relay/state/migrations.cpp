#include "relay/state/migrations.hpp"

#include <google/protobuf/message.h>

#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/state/errc.hpp"

namespace state {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor& version_field(const Message& record) {
  const FieldDescriptor* const field = record.GetDescriptor()->FindFieldByName("schema_version");
  RELAY_ASSERT(field != nullptr && field->number() == 1);
  return *field;
}

}  // namespace

std::span<const Migration> migrations() noexcept { return {}; }

void change_nothing(Message&) {}

std::uint32_t version_of(const Message& record) {
  return record.GetReflection()->GetUInt32(record, &version_field(record));
}

void set_version(Message& record, std::uint32_t version) {
  record.GetReflection()->SetUInt32(&record, &version_field(record), version);
}

base::Result<bool> migrate(Kind kind, Message& record, std::span<const Migration> by,
                           std::uint32_t to) {
  const std::uint32_t found = version_of(record);
  if (found == 0) return {boost::system::in_place_error, make_error_code(Errc::no_version)};
  for (std::uint32_t version = found; version < to; ++version) {
    const auto step = std::ranges::find_if(
        by, [&](const Migration& one) { return one.kind == kind && one.from == version; });
    if (step == by.end()) {
      return {boost::system::in_place_error, make_error_code(Errc::no_migration)};
    }
    step->apply(record);
    set_version(record, version + 1);
  }
  return found < to;
}

}  // namespace state
