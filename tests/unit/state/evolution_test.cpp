#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <array>

#include "relay/sqlite/database.hpp"
#include "relay/state/errc.hpp"
#include "tests/unit/state/newer_version.hpp"
#include "tests/unit/state/rig.hpp"

// Older and newer relays with one state, forward and back.
namespace state {
namespace {

using google::protobuf::Message;
using test::content_of;
using test::NewerVersion;
using test::StoreRig;

constexpr const char* newer_text = R"(
schema_version: 2 path: "live/cam" epoch: 11 next_sequence: 40 reserved_sequence: 290
tracks { codec: "h264" width: 1280 profile: "high" }
tracks { codec: "aac" channels: 2 profile: "lc" }
timeline { end_time: 900000 drift: "0.5 ms" }
label: "front door"
)";

std::string newer_bytes(NewerVersion& newer) {
  const auto record = newer.make("StreamRecord");
  REQUIRE(google::protobuf::TextFormat::ParseFromString(newer_text, record.get()));
  return encode(*record);
}

std::string text_of(NewerVersion& newer, const std::string& bytes) {
  const auto record = newer.make("StreamRecord");
  REQUIRE(record->ParseFromString(bytes));
  std::string text;
  REQUIRE(google::protobuf::TextFormat::PrintToString(*record, &text));
  return text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A row as a relay of another version left it.
void put(const StoreRig& rig, const Key& key, const std::string& bytes) {
  const auto file = RecordFile::open(rig.folder.path(), RecordFile::Access::write);
  REQUIRE(file.has_value());
  REQUIRE((*file)->begin());
  REQUIRE((*file)->put(key, bytes, checksum_of(key, bytes)));
  REQUIRE((*file)->commit());
}

std::string bytes_of(const StoreRig& rig, const Key& key) {
  const auto file = RecordFile::open(rig.folder.path(), RecordFile::Access::read);
  REQUIRE(file.has_value());
  std::vector<Row> rows;
  REQUIRE((*file)->read(rows));
  for (const Row& row : rows) {
    if (row.key == key) return row.record;
  }
  return "";
}

const Key cam{Kind::stream, "live/cam"};

void give_name(Message& record) {
  auto& stream = static_cast<spancast::session::StreamRecord&>(record);
  if (stream.path().empty()) stream.set_path("v2");
}
void add_to_name(Message& record) {
  auto& stream = static_cast<spancast::session::StreamRecord&>(record);
  stream.set_path(stream.path() + " v3");
}
// As of a relay of version 3.
constexpr std::array<Migration, 3> three_versions{{{Kind::stream, 1, give_name},
                                                   {Kind::stream, 2, add_to_name},
                                                   {Kind::viewer, 1, change_nothing}}};

}  // namespace

TEST_CASE("a newer record that is only read stays as it is to the byte") {
  StoreRig rig;
  NewerVersion newer;
  const std::string bytes = newer_bytes(newer);
  rig.stop();
  put(rig, cam, bytes);
  rig.start();
  rig.set_stream("live/other");
  CHECK(rig.store->counters().damaged_records == 0);
  rig.stop();
  CHECK(bytes_of(rig, cam) == bytes);
}

TEST_CASE("an older relay that rewrites a newer record keeps what only the newer one knows") {
  StoreRig rig;
  NewerVersion newer;
  rig.stop();
  put(rig, cam, newer_bytes(newer));
  rig.start();
  spancast::session::StreamRecord record;
  // As a relay does that keeps nothing but what it knows.
  rig.store->each(Kind::stream,
                  [&](const std::string&, Message& found) { record.CopyFrom(found); });
  record.DiscardUnknownFields();
  for (const std::uint64_t next : {41U, 42U}) {
    record.set_next_sequence(next);
    record.mutable_tracks(1)->set_channels(1);
    CHECK(rig.store->set(Kind::stream, "live/cam", record) != 0);
    rig.start();
  }
  rig.stop();
  const std::string text = text_of(newer, bytes_of(rig, cam));
  CHECK(has(text, "next_sequence: 42\n"));
  CHECK(has(text, "schema_version: 2\n"));
  CHECK(has(text, "label: \"front door\"\n"));
  CHECK(has(text, "drift: \"0.5 ms\"\n"));
  CHECK(has(text, "profile: \"high\"\n"));
  CHECK_FALSE(has(text, "profile: \"lc\"\n"));  // of another track now
}

TEST_CASE("everything that is written again after a loss has what only a newer relay knows") {
  StoreRig rig;
  NewerVersion newer;
  rig.stop();
  put(rig, cam, newer_bytes(newer));
  put(rig, {static_cast<Kind>(77), "other"}, "of a kind to come");
  rig.start();
  rig.set_stream("live/cam", 50);
  std::filesystem::remove(rig.file());
  CHECK(rig.store->commit());
  rig.stop();
  const std::string text = text_of(newer, bytes_of(rig, cam));
  CHECK(has(text, "next_sequence: 50\n"));
  CHECK(has(text, "label: \"front door\"\n"));
  CHECK(bytes_of(rig, {static_cast<Kind>(77), "other"}) == "of a kind to come");
}

TEST_CASE("a record that was erased and made anew has nothing of the old one") {
  StoreRig rig;
  NewerVersion newer;
  rig.stop();
  put(rig, cam, newer_bytes(newer));
  rig.start();
  rig.store->erase(Kind::stream, "live/cam");
  rig.set_stream("live/cam", 50);
  rig.stop();
  const std::string text = text_of(newer, bytes_of(rig, cam));
  CHECK(has(text, "schema_version: 1\n"));
  CHECK_FALSE(has(text, "label"));
}

TEST_CASE("a record is migrated version by version") {
  spancast::session::StreamRecord record;
  record.set_schema_version(1);
  record.set_epoch(5);
  const auto decoded = decode(Kind::stream, encode(record), three_versions, 3);
  REQUIRE(decoded.has_value());
  CHECK(decoded->was_migrated);
  CHECK_FALSE(decoded->has_unknown);
  record.set_schema_version(3);
  record.set_path("v2 v3");
  CHECK(encode(*decoded->record) == encode(record));
}

TEST_CASE("a record of the second version needs the second step only") {
  spancast::session::StreamRecord record;
  record.set_schema_version(2);
  const auto decoded = decode(Kind::stream, encode(record), three_versions, 3);
  REQUIRE(decoded.has_value());
  CHECK(static_cast<spancast::session::StreamRecord&>(*decoded->record).path() == " v3");
}

TEST_CASE("a record of the present or a newer version is not migrated") {
  for (const std::uint32_t version : {3U, 4U}) {
    spancast::session::StreamRecord record;
    record.set_schema_version(version);
    const auto decoded = decode(Kind::stream, encode(record), three_versions, 3);
    REQUIRE(decoded.has_value());
    CHECK_FALSE(decoded->was_migrated);
    CHECK(decoded->has_unknown == (version > 3));
    CHECK(encode(*decoded->record) == encode(record));
  }
}

TEST_CASE("a version without a migration and a record without a version are refused") {
  spancast::session::ViewerRecord record;
  CHECK(decode(Kind::viewer, encode(record), three_versions, 3).error() == Errc::no_version);
  record.set_schema_version(2);
  CHECK(decode(Kind::viewer, encode(record), three_versions, 3).error() == Errc::no_migration);
}

TEST_CASE("every kind is migrated from every version to the present one") {
  for (const Kind kind : test::all_kinds) {
    for (std::uint32_t version = 1; version <= current_version; ++version) {
      const auto record = make_record(kind);
      set_version(*record, version);
      CHECK(migrate(kind, *record));
      CHECK(version_of(*record) == current_version);
    }
  }
}

TEST_CASE("bytes that are no record are refused at every cut") {
  const auto record = test::make_stream("live/cam", 3);
  auto sound = record;
  set_version(sound, 1);
  const std::string bytes = encode(sound);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Row row{cam, bytes.substr(0, length), checksum_of(cam, bytes)};
    CHECK(decode(row).error() == Errc::bad_checksum);
  }
  CHECK(decode(Row{cam, bytes, checksum_of(cam, bytes)}).has_value());
  CHECK(decode(Row{{Kind::stream, "live/cam2"}, bytes, checksum_of(cam, bytes)}).has_error());
  CHECK(decode(Kind::stream, "\xff").error() == Errc::bad_record);
  const std::string large(record_bytes_max + 1, '\0');
  CHECK(decode(Row{cam, large, checksum_of(cam, large)}).error() == Errc::too_large);
}

}  // namespace state
