#include "relay/state/store.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/unit/state/rig.hpp"

namespace state {
namespace {

using test::content_of;
using test::StoreRig;

test::session::StreamRecord stream_of(const Store& store, const std::string& path) {
  test::session::StreamRecord found;
  store.each(Kind::stream, [&](const std::string& name, google::protobuf::Message& record) {
    if (name == path) found = static_cast<test::session::StreamRecord&>(record);
  });
  return found;
}

}  // namespace

TEST_CASE("what was set is there after a start") {
  StoreRig rig;
  rig.set_stream("live/a", 7);
  rig.set_stream("live/b", 8);
  rig.set_viewer("token", 9);
  const auto before = content_of(*rig.store);
  CHECK(before.size() == 3);
  rig.start();
  CHECK(content_of(*rig.store) == before);
  const auto stream = stream_of(*rig.store, "live/a");
  CHECK(stream.next_sequence() == 7);
  CHECK(stream.epoch() == 0xf00d'0000'0000'0001);
  CHECK(stream.schema_version() == current_version);
}

TEST_CASE("what was not committed is not on the disk and nothing of a transaction is half there") {
  StoreRig rig;
  rig.set_stream("live/a", 1);
  const auto second = rig.set_stream("live/b", 1);
  CHECK(rig.store->committed() == 0);
  CHECK(rig.on_disk().empty());
  CHECK(rig.store->commit());
  CHECK(rig.store->committed() == second);
  const auto committed = content_of(*rig.store);
  CHECK(rig.on_disk() == committed);
  rig.set_stream("live/a", 2);
  CHECK(rig.on_disk() == committed);
  CHECK(rig.store->counters().waiting == 1);
}

TEST_CASE("a record that was erased does not come back") {
  StoreRig rig;
  rig.set_viewer("a");
  rig.set_viewer("b");
  rig.store->commit();
  rig.store->erase(Kind::viewer, "a");
  CHECK(content_of(*rig.store).size() == 1);
  CHECK(rig.store->commit());
  CHECK(rig.on_disk().size() == 1);
  CHECK(rig.store->counters().kept == 1);
  CHECK(rig.store->counters().waiting == 0);
}

TEST_CASE("what comes and goes between commits is not written and leaves nothing") {
  StoreRig rig;
  for (int number = 0; number < 1000; ++number) {
    rig.set_viewer("token " + std::to_string(number));
    rig.store->erase(Kind::viewer, "token " + std::to_string(number));
  }
  CHECK(rig.store->counters().kept == 0);
  CHECK(rig.store->counters().waiting == 0);
  CHECK(rig.store->commit());
  CHECK(rig.store->counters().commits == 0);
}

TEST_CASE("names and records may be any bytes") {
  StoreRig rig;
  const std::string name("a\0'\xff", 4);
  rig.set_viewer(name);
  rig.store->commit();
  const auto before = content_of(*rig.store);
  rig.start();
  CHECK(content_of(*rig.store) == before);
  rig.store->erase(Kind::viewer, name);
  rig.start();
  CHECK(content_of(*rig.store).empty());
}

TEST_CASE("what is too large is refused and what was there stays") {
  StoreRig rig;
  rig.set_stream("live/a", 5);
  auto record = test::make_stream("live/a", 6);
  record.mutable_tracks(0)->set_config(std::string(record_bytes_max, 'x'));
  CHECK(rig.store->set(Kind::stream, "live/a", record) == 0);
  CHECK(rig.set_viewer(std::string(key_bytes_max + 1, 'x')) == 0);
  CHECK(rig.set_viewer(std::string(key_bytes_max, 'x')) != 0);
  CHECK(rig.store->counters().refused == 2);
  CHECK(stream_of(*rig.store, "live/a").next_sequence() == 5);
}

TEST_CASE("more records than a page are written and come back") {
  StoreRig rig;
  for (int number = 0; number < 1000; ++number) rig.set_viewer(std::to_string(number));
  CHECK(rig.store->commit());
  CHECK(rig.store->counters().records == 1000);
  CHECK(rig.store->counters().commits == 1);
  const auto before = content_of(*rig.store);
  rig.start();
  CHECK(content_of(*rig.store) == before);
  CHECK(before.size() == 1000);
}

TEST_CASE("a second relay is refused with a clear message") {
  StoreRig rig;
  std::string message;
  try {
    Store second({rig.folder.path(), {}}, rig.log);
  } catch (const base::FolderInUse& error) {
    message = error.what();
  }
  CHECK(message == rig.folder.path().string() + " is used by another relay (pid " +
                       std::to_string(getpid()) + ")");
}

TEST_CASE("the folder is made when it is missing") {
  StoreRig rig;
  const auto below = rig.folder.path() / "a" / "b";
  { Store store({below, {}}, rig.log); }
  CHECK(std::filesystem::exists(below / "state.sqlite"));
}

TEST_CASE("a commit that has come back is not late") {
  StoreRig rig;
  const auto attempts = rig.store->attempts();
  rig.store->commit();
  rig.store->on_late(attempts);
  CHECK_FALSE(rig.store->counters().in_memory);
  rig.store->on_late(rig.store->attempts());
  CHECK(rig.store->counters().in_memory);
  rig.store->commit();
  CHECK_FALSE(rig.store->counters().in_memory);
}

TEST_CASE("the WAL does not grow beyond its bound") {
  StoreRig rig;
  for (std::uint64_t number = 0; number < 400; ++number) {
    auto record = test::make_stream("live/a", number);
    record.mutable_tracks(0)->set_config(std::string(30'000, static_cast<char>(number)));
    rig.store->set(Kind::stream, "live/a", record);
    REQUIRE(rig.store->commit());
    REQUIRE(std::filesystem::file_size(rig.file("state.sqlite-wal")) < 5 << 20);
  }
  CHECK(rig.store->counters().bytes > 12'000'000);
}

}  // namespace state
