#pragma once

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>

#include "schemas/session.pb.h"

namespace state::test {

/// session.proto as a later version of the relay may have it: one more field in a record, one in a
/// message inside it, one in a repeated one.
class NewerVersion {
 public:
  NewerVersion() {
    google::protobuf::FileDescriptorProto file;
    spancast::session::StreamRecord::descriptor()->file()->CopyTo(&file);
    for (auto& message : *file.mutable_message_type()) {
      if (message.name() == "StreamRecord") add_field(message, "label");
      if (message.name() == "TimelineRecord") add_field(message, "drift");
      if (message.name() == "TrackRecord") add_field(message, "profile");
    }
    google::protobuf::FileDescriptorProto timestamp;
    google::protobuf::Timestamp::descriptor()->file()->CopyTo(&timestamp);
    REQUIRE(pool_.BuildFile(timestamp) != nullptr);
    REQUIRE(pool_.BuildFile(file) != nullptr);
  }

  /// A record of it, empty.
  std::unique_ptr<google::protobuf::Message> make(const std::string& name) {
    const auto* const type = pool_.FindMessageTypeByName("spancast.session." + name);
    REQUIRE(type != nullptr);
    return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(type)->New());
  }

 private:
  static void add_field(google::protobuf::DescriptorProto& message, const std::string& name) {
    auto& field = *message.add_field();
    field.set_name(name);
    field.set_number(1000);
    field.set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
    field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
};

}  // namespace state::test
