// Peers of other versions: one whose schema has a field more in every message and messages that we
// do not know, and one that leaves out what may be left out.

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include "schemas/wire.pb.h"
#include "tests/unit/protocol/wire/world.hpp"

namespace wire {
namespace {

namespace protobuf = google::protobuf;
namespace pb = spancast::wire;

std::string varint(std::size_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}

/// The schema of a future version.
class Future {
 public:
  Future() {
    protobuf::FileDescriptorProto file;
    pb::Envelope::descriptor()->file()->CopyTo(&file);
    REQUIRE(file.message_type(0).name() == "Envelope");
    protobuf::FieldDescriptorProto& added = add_field(*file.mutable_message_type(0), "future", 102,
                                                      protobuf::FieldDescriptorProto::TYPE_BYTES);
    added.set_oneof_index(0);
    for (protobuf::DescriptorProto& message : *file.mutable_message_type()) {
      add_field(message, "future_text", 100, protobuf::FieldDescriptorProto::TYPE_STRING);
      add_field(message, "future_number", 101, protobuf::FieldDescriptorProto::TYPE_FIXED64);
    }
    const protobuf::FileDescriptor* const built = pool_.BuildFile(file);
    REQUIRE(built != nullptr);
    envelope_ = built->FindMessageTypeByName("Envelope");
  }

  /// The same message as that version would send it, between two that we do not know.
  std::vector<std::string> rewrite(const std::string& text) {
    std::size_t at = 0;
    std::size_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(text[at++]);
      size |= std::size_t{byte & 0x7fu} << shift;
      if (byte < 0x80) break;
    }
    const std::unique_ptr<protobuf::Message> envelope(factory_.GetPrototype(envelope_)->New());
    REQUIRE(envelope->ParseFromString(text.substr(at, size)));
    add_future(*envelope);
    const std::string bytes = envelope->SerializeAsString();
    return {unknown(), varint(bytes.size()) + bytes + text.substr(at + size), unknown()};
  }

 private:
  static protobuf::FieldDescriptorProto& add_field(protobuf::DescriptorProto& message,
                                                   const char* name, int number,
                                                   protobuf::FieldDescriptorProto::Type type) {
    protobuf::FieldDescriptorProto& field = *message.add_field();
    field.set_name(name);
    field.set_number(number);
    field.set_type(type);
    field.set_label(protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    return field;
  }

  void add_future(protobuf::Message& message) {
    const protobuf::Reflection& reflection = *message.GetReflection();
    std::vector<const protobuf::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const protobuf::FieldDescriptor* field : fields) {
      if (field->cpp_type() != protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        add_future(*reflection.MutableMessage(&message, field));
        continue;
      }
      for (int index = 0; index < reflection.FieldSize(message, field); ++index) {
        add_future(*reflection.MutableRepeatedMessage(&message, field, index));
      }
    }
    const protobuf::Descriptor& type = *message.GetDescriptor();
    reflection.SetString(&message, type.FindFieldByName("future_text"), "of tomorrow");
    reflection.SetUInt64(&message, type.FindFieldByName("future_number"), 42);
  }

  std::string unknown() {
    const std::unique_ptr<protobuf::Message> envelope(factory_.GetPrototype(envelope_)->New());
    envelope->GetReflection()->SetString(envelope.get(), envelope_->FindFieldByName("future"),
                                         "a message of tomorrow");
    const std::string bytes = envelope->SerializeAsString();
    return varint(bytes.size()) + bytes + "and what lies behind it";
  }

  protobuf::DescriptorPool pool_;
  protobuf::DynamicMessageFactory factory_;
  const protobuf::Descriptor* envelope_ = nullptr;
};

std::string write(const pb::Envelope& envelope) {
  const std::string bytes = envelope.SerializeAsString();
  return varint(bytes.size()) + bytes;
}

}  // namespace

TEST_CASE("fields of a newer version are ignored in every message") {
  Future future;
  test::Memory memory;
  const Message messages[] = {
      Hello{"live/cam", "t", 1, test::make_tracks(), 1, 2, 3},
      Welcome{"t", 4},
      Ack{{1, 2}, {1, 1}},
      Play{Position{1, 2}, Position{1, 5}, Slow::skip, Milliseconds(1), Milliseconds(2), "t", 400},
      Playing{"t", test::make_tracks(), {1, 2}, test::utc_of(1), 3},
      test::make_chunk(memory, {1, 2}, true),
      test::make_tracks(),
      Gap{{1, 2}, {1, 3}, test::utc_of(1), test::utc_of(2), GapReason::skip},
      Bye{ByeReason::drain, Milliseconds(1), "x"},
      Pause{},
      Resume{},
      Seek{test::utc_of(1), 2, 50}};
  for (const Message& message : messages) {
    const std::string text = test::flat(write_message(message));
    const auto rewritten = future.rewrite(text);
    REQUIRE(rewritten.size() == 3);
    CHECK(rewritten[1].size() > text.size());
    CHECK(test::flat(write_message(test::read_back(memory, rewritten[1]))) == text);
    CHECK(std::holds_alternative<Unknown>(test::read_back(memory, rewritten[0])));
  }
}

TEST_CASE("peers of a newer version publish and watch without a loss") {
  Future future;
  test::World world;
  world.camera_link.rewrite =
      world.player_link.rewrite = [&](const std::string& text) { return future.rewrite(text); };
  REQUIRE(world.run(20, test::World::Fault::cut_camera, 40));
  CHECK(world.positions.size() == 20);
  CHECK(world.gaps.empty());
  CHECK(world.relay.byes.empty());
}

TEST_CASE("words of a newer version mean what is not specified") {
  test::Memory memory;
  pb::Envelope envelope;
  envelope.mutable_bye()->set_reason(static_cast<pb::Bye::Reason>(99));
  CHECK(test::read_as<Bye>(memory, write(envelope)).reason == ByeReason::unspecified);
  envelope.mutable_bye()->set_reason(static_cast<pb::Bye::Reason>(-1));
  CHECK(test::read_as<Bye>(memory, write(envelope)).reason == ByeReason::unspecified);
  pb::Gap& gap = *envelope.mutable_gap();
  gap.mutable_from()->set_epoch(1);
  gap.mutable_to()->set_epoch(2);
  gap.set_reason(static_cast<pb::Gap::Reason>(99));
  CHECK(test::read_as<Gap>(memory, write(envelope)).reason == GapReason::unspecified);
  envelope.mutable_play()->set_slow(static_cast<pb::Play::Slow>(99));
  CHECK(test::read_as<Play>(memory, write(envelope)).slow == Slow::unspecified);
}

TEST_CASE("what an older peer leaves out has its meaning") {
  test::Memory memory;
  pb::Envelope envelope;
  envelope.mutable_play();
  const Play play = test::read_as<Play>(memory, write(envelope));
  CHECK(play.start == Start(Live{}));
  CHECK(!play.until);
  CHECK(!play.flush);
  CHECK(play.token.empty());
  CHECK(play.speed == 100);
  envelope.mutable_seek()->set_request(3);
  CHECK(test::read_as<Seek>(memory, write(envelope)).speed == 100);
  envelope.mutable_ack()->mutable_received()->set_epoch(7);
  CHECK(test::read_as<Ack>(memory, write(envelope)).durable == Position{7, 0});
  envelope.mutable_hello()->set_epoch(7);
  CHECK(test::read_as<Hello>(memory, write(envelope)).tracks.version == 0);
  envelope.mutable_bye();
  CHECK(test::read_as<Bye>(memory, write(envelope)).reason == ByeReason::unspecified);
}

}  // namespace wire
