#include "client/player/saver.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "relay/media/container/fmp4/reader.hpp"
#include "relay/memory/window_list.hpp"

namespace client {
namespace {

using media::Codec;

/// A folder of its own, gone at the end.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "spancast-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

struct Bytes {
  memory::Arena arena{8 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  memory::BlockWriter writer{pool};

  memory::WindowList put(const std::string& text) {
    memory::WindowList list;
    list.push_back(*writer.copy_header(std::as_bytes(std::span(text))));
    return list;
  }
};

std::vector<media::Track> tracks_of(Codec video = Codec::vp9, std::uint32_t channels = 2) {
  std::vector<media::Track> tracks(2);
  tracks[0].codec = video;
  tracks[0].kind = media::Kind::video;
  tracks[0].width = 640;
  tracks[0].height = 360;
  tracks[0].config.assign(8, std::byte{0});  // vpcC
  tracks[0].config[0] = std::byte{1};
  tracks[1].codec = Codec::mp3;
  tracks[1].kind = media::Kind::audio;
  tracks[1].sample_rate = 48'000;
  tracks[1].channels = channels;
  tracks[1].timescale = 48'000;
  return tracks;
}

/// Number `n` at n / 30 s, with audio before it that ends with the frame before.
wire::Chunk chunk_of(Bytes& bytes, std::uint64_t number, std::uint64_t epoch = 1,
                     std::int64_t begin = 900'000) {
  wire::Chunk chunk;
  chunk.position = {epoch, number};
  chunk.utc = base::Utc(std::chrono::microseconds(1'700'000'000'000'000 + 33'333 * number));
  chunk.sync = number % 10 == 0;
  const auto dts = begin + static_cast<std::int64_t>(number) * 3'000;
  const std::int64_t audio = dts / 15 * 8 - 1'600;
  const std::string name = std::to_string(number);
  chunk.samples.push_back({1, true, audio, audio, 1'600, bytes.put("audio " + name)});
  chunk.samples.push_back({0, chunk.sync, dts, dts, 3'000, bytes.put("video " + name)});
  return chunk;
}

struct Saved {
  std::string payload;  // of all samples, in order
  std::vector<std::int64_t> video_dts;
};

Saved read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Bytes bytes;
  fmp4::Reader reader(bytes.pool);
  Saved saved;
  for (std::size_t at = 0; at < text.size(); at += 1000) {
    REQUIRE(reader.feed(bytes.put(text.substr(at, 1000))[0]).has_value());
    while (const auto sample = reader.poll()) {
      for (const memory::Window& window : sample->payload) {
        saved.payload.append(reinterpret_cast<const char*>(window.data()), window.size());
      }
      saved.payload += "|";
      if (sample->track == 0) saved.video_dts.push_back(sample->dts);
    }
  }
  return saved;
}

struct Rig {
  explicit Rig(const std::string& path) : saver(path) { REQUIRE(saver.open().has_value()); }
  void use(const std::vector<media::Track>& tracks) {
    REQUIRE(saver.set_tracks(tracks, warnings).has_value());
  }
  void save(const wire::Chunk& chunk) { REQUIRE(saver.write(chunk).has_value()); }

  Bytes bytes;
  Saver saver;
  std::vector<std::string> warnings;
};

}  // namespace

TEST_CASE("what is saved is read back frame by frame and begins near 0") {
  const Folder folder;
  Rig rig(folder.file("a.mp4"));
  rig.use(tracks_of());
  std::string expected;
  for (std::uint64_t number = 0; number < 20; ++number) {
    rig.save(chunk_of(rig.bytes, number));
    expected += "audio " + std::to_string(number) + "|video " + std::to_string(number) + "|";
    // Whole after each chunk, whatever becomes of the process.
    CHECK(read(folder.file("a.mp4")).payload == expected);
  }
  const Saved saved = read(folder.file("a.mp4"));
  REQUIRE(saved.video_dts.size() == 20);
  CHECK(saved.video_dts.front() == 9'000 + 3'000);
  CHECK(saved.video_dts.back() == saved.video_dts.front() + 19 * 3'000);
  CHECK(rig.warnings.empty());
}

TEST_CASE("another numbering goes on behind the last after the time that passed") {
  const Folder folder;
  Rig rig(folder.file("a.mp4"));
  rig.use(tracks_of());
  for (std::uint64_t number = 0; number < 3; ++number) rig.save(chunk_of(rig.bytes, number, 1));
  wire::Chunk next = chunk_of(rig.bytes, 0, 2, 5'000);
  next.utc = chunk_of(rig.bytes, 2).utc + std::chrono::seconds(2);
  rig.save(next);
  const Saved saved = read(folder.file("a.mp4"));
  REQUIRE(saved.video_dts.size() == 4);
  const std::int64_t step = saved.video_dts[3] - saved.video_dts[2];
  CHECK(step > 2 * 90'000);
  CHECK(step < 3 * 90'000);
}

TEST_CASE("a clock that went back between publishers does not take times back") {
  const Folder folder;
  Rig rig(folder.file("a.mp4"));
  rig.use(tracks_of());
  for (std::uint64_t number = 0; number < 3; ++number) rig.save(chunk_of(rig.bytes, number, 1));
  wire::Chunk next = chunk_of(rig.bytes, 0, 2, 5'000);
  next.utc = base::Utc(std::chrono::seconds(1));
  rig.save(next);
  const Saved saved = read(folder.file("a.mp4"));
  REQUIRE(saved.video_dts.size() == 4);
  CHECK(saved.video_dts[3] > saved.video_dts[2]);
}

TEST_CASE("tracks that one file cannot hold begin another") {
  const Folder folder;
  Rig rig(folder.file("film.x.mp4"));
  rig.use(tracks_of(Codec::vp9, 2));
  rig.use(tracks_of(Codec::vp9, 1));  // before anything was written: the same file
  rig.save(chunk_of(rig.bytes, 0));
  rig.use(tracks_of(Codec::vp9, 1));
  rig.save(chunk_of(rig.bytes, 1));
  CHECK(rig.saver.path() == folder.file("film.x.mp4"));
  rig.use(tracks_of(Codec::vp9, 2));
  rig.save(chunk_of(rig.bytes, 2));
  CHECK(rig.saver.path() == folder.file("film.x-2.mp4"));
  CHECK(read(folder.file("film.x.mp4")).payload == "audio 0|video 0|audio 1|video 1|");
  CHECK(read(folder.file("film.x-2.mp4")).payload == "audio 2|video 2|");
}

TEST_CASE("a track of which too little is known is left out with a warning") {
  const Folder folder;
  Rig rig(folder.file("a.mp4"));
  auto tracks = tracks_of();
  tracks[1].sample_rate = 0;
  rig.use(tracks);
  REQUIRE(rig.warnings.size() == 1);
  CHECK(rig.warnings[0] == "a track of mp3 is not saved: not enough is known of it");
  rig.save(chunk_of(rig.bytes, 0));
  CHECK(read(folder.file("a.mp4")).payload == "video 0|");
}

TEST_CASE("a file that cannot be written is an error") {
  Saver saver("/nonexistent/folder/film.mp4");
  CHECK(!saver.open().has_value());
  Rig rig("/dev/full");
  const auto set = rig.saver.set_tracks(tracks_of(), rig.warnings);
  REQUIRE(!set.has_value());
  CHECK(set.error() == boost::system::errc::no_space_on_device);
}

}  // namespace client
