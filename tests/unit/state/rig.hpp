#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "relay/base/logging.hpp"
#include "relay/state/record.hpp"
#include "relay/state/store.hpp"
#include "schemas/session.pb.h"
#include "tests/unit/temporary_folder.hpp"

namespace state::test {

namespace session = spancast::session;

inline session::StreamRecord make_stream(const std::string& path, std::uint64_t next = 1) {
  session::StreamRecord record;
  record.set_path(path);
  record.set_epoch(0xf00d'0000'0000'0001);
  record.set_next_sequence(next);
  record.set_reserved_sequence(next + 250);
  session::TrackRecord& track = *record.add_tracks();
  track.set_codec("h264");
  track.set_timescale(90'000);
  track.set_config(std::string("\x01\x64\x00\x1f", 4));
  record.mutable_last_utc()->set_seconds(1'774'612'800);
  return record;
}

inline session::ViewerRecord make_viewer(const std::string& token, std::uint64_t bytes = 0) {
  session::ViewerRecord record;
  record.set_token(token);
  record.set_stream("live/cam");
  record.mutable_policy()->set_slow(session::ViewerPolicyRecord::CATCH_UP);
  record.set_bytes(bytes);
  return record;
}

constexpr Kind all_kinds[] = {Kind::stream, Kind::publisher, Kind::viewer,
                              Kind::lease,  Kind::usage,     Kind::revocation};

/// What is in a store, as bytes by name.
using Content = std::map<Key, std::string>;

inline Content content_of(const Store& store) {
  Content content;
  for (const Kind kind : all_kinds) {
    store.each(kind, [&](const std::string& name, google::protobuf::Message& record) {
      content[{kind, name}] = encode(record);
    });
  }
  return content;
}

/// A folder, and a store in it that comes and goes.
struct StoreRig {
  ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  std::unique_ptr<Store> store;

  StoreRig() { start(); }
  void start() {
    store.reset();
    RecordFile::Options file;
    file.busy_timeout = std::chrono::milliseconds(1);
    store = std::make_unique<Store>(Store::Options{folder.path(), file}, log);
  }
  void stop() { store.reset(); }
  std::uint64_t set_stream(const std::string& path, std::uint64_t next = 1) {
    auto record = make_stream(path, next);
    return store->set(Kind::stream, path, record);
  }
  std::uint64_t set_viewer(const std::string& token, std::uint64_t bytes = 0) {
    auto record = make_viewer(token, bytes);
    return store->set(Kind::viewer, token, record);
  }
  /// What another relay would find now.
  Content on_disk() const {
    const ::test::TemporaryFolder copy;
    copy_to(copy.path());
    base::Log quiet(base::LogLevel::error, base::LogFormat::text);
    return content_of(Store({copy.path(), {}}, quiet));
  }
  void copy_to(const std::filesystem::path& to) const {
    for (const char* name : {"state.sqlite", "state.sqlite-wal"}) {
      std::error_code ignored;
      std::filesystem::copy_file(folder.path() / name, to / name, ignored);
    }
  }
  std::filesystem::path file(const std::string& name = "state.sqlite") const {
    return folder.path() / name;
  }
  std::size_t count_files(const std::string& beginning) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      const std::string name = entry.path().filename().string();
      count += name.starts_with(beginning) && !name.ends_with("-wal");
    }
    return count;
  }
};

}  // namespace state::test
