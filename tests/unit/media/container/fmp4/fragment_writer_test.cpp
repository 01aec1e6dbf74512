#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <optional>

#include "relay/media/container/fmp4/fragment.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/memory/errc.hpp"
#include "tests/unit/media/container/fmp4/tracks.hpp"

using fmp4::FragmentWriter;
using media::Codec;
using media::Sample;
using media::Track;
using test::BoxNode;
using test::Bytes;

namespace {

std::size_t allocations = 0;

// One trun with what tfhd and trex say filled in.
struct Run {
  std::uint32_t track_id = 0;
  std::uint64_t dts = 0;
  std::uint32_t trun_flags = 0;
  std::vector<std::uint32_t> durations;
  std::vector<std::uint32_t> flags;
  std::vector<std::int64_t> offsets;
  std::vector<Bytes> payloads;
};

constexpr std::uint32_t sync_sample = 0x0200'0000;
constexpr std::uint32_t other_sample = 0x0101'0000;

struct Defaults {
  std::uint32_t duration;
  std::uint32_t flags;
};

struct Rig {
  explicit Rig(std::vector<Track> tracks_in, std::size_t block_bytes = 64 << 10)
      : arena(4 << 20, block_bytes),
        pool(arena),
        payloads(pool),
        headers(pool),
        tracks(std::move(tracks_in)),
        writer(tracks) {}

  Sample sample(std::uint8_t track, std::int64_t dts, std::int64_t pts, bool is_sync,
                std::size_t bytes, std::uint32_t duration = 0) {
    Sample out;
    out.track = track;
    out.sync = is_sync;
    out.dts = dts;
    out.pts = pts;
    out.duration = duration;
    Bytes payload(bytes, static_cast<std::byte>(++fill));
    auto window = payloads.copy_header(payload);
    REQUIRE(window.has_value());
    out.payload.push_back(*window);
    return out;
  }
  Sample video(std::int64_t dts, std::uint32_t duration = 3000, bool is_sync = false) {
    return sample(0, dts, dts, is_sync, 100, duration);
  }
  Sample audio(std::int64_t dts, std::uint32_t duration = 1024) {
    return sample(1, dts, dts, true, 10, duration);
  }

  Bytes write(const std::vector<Sample>& samples, std::uint32_t sequence = 1) {
    auto written = writer.write(sequence, samples, headers);
    REQUIRE(written.has_value());
    return test::gather(*written);
  }

  /// Writes and reads what was written.
  std::vector<Run> runs(const std::vector<Sample>& samples) { return parse(write(samples)); }

  std::vector<Run> parse(const Bytes& bytes) {
    std::vector<Run> out;
    std::size_t moof_at = 0;
    const auto boxes = test::parse_boxes(bytes);
    for (std::size_t index = 0; index < boxes.size(); index += 2) {
      REQUIRE(index + 1 < boxes.size());
      const BoxNode& moof = boxes[index];
      REQUIRE(moof.type == "moof");
      REQUIRE(boxes[index + 1].type == "mdat");
      CHECK(moof.children[0].type == "mfhd");
      std::size_t data_end = moof_at + moof_bytes(moof) + 8;
      for (const BoxNode& traf : moof.children) {
        if (traf.type == "traf") out.push_back(parse_traf(traf, bytes, moof_at, data_end));
      }
      CHECK(data_end == moof_at + moof_bytes(moof) + 8 + boxes[index + 1].payload.size());
      moof_at = data_end;
    }
    return out;
  }

  static std::size_t moof_bytes(const BoxNode& node) {
    std::size_t bytes = 8 + node.payload.size();
    for (const BoxNode& child : node.children) bytes += moof_bytes(child);
    return bytes;
  }

  // The payloads of the runs lie back to back.
  Run parse_traf(const BoxNode& traf, const Bytes& bytes, std::size_t moof_at,
                 std::size_t& data_end) {
    Run run;
    auto tfhd = traf.at("tfhd").reader();
    const std::uint32_t tfhd_flags = tfhd.u32();
    CHECK((tfhd_flags & ~0x8U) == 0x2'0000);
    run.track_id = tfhd.u32();
    const Defaults defaults = trex(run.track_id);
    const std::uint32_t duration = (tfhd_flags & 8) != 0 ? tfhd.u32() : defaults.duration;
    CHECK((tfhd.ok() && tfhd.remaining() == 0));
    auto tfdt = traf.at("tfdt").reader();
    run.dts = tfdt.u32() == 0 ? tfdt.u32() : tfdt.u64();
    CHECK((tfdt.ok() && tfdt.remaining() == 0));
    auto trun = traf.at("trun").reader();
    run.trun_flags = trun.u32();
    const bool is_signed = run.trun_flags >> 24 == 1;
    const std::uint32_t count = trun.u32();
    CHECK(moof_at + trun.u32() == data_end);
    std::optional<std::uint32_t> first_flags;
    if ((run.trun_flags & 4) != 0) first_flags = trun.u32();
    for (std::uint32_t index = 0; index < count; ++index) {
      run.durations.push_back((run.trun_flags & 0x100) != 0 ? trun.u32() : duration);
      const std::size_t size = trun.u32();
      run.flags.push_back((run.trun_flags & 0x400) != 0 ? trun.u32()
                          : index == 0 && first_flags   ? *first_flags
                                                        : defaults.flags);
      const std::uint32_t offset = (run.trun_flags & 0x800) != 0 ? trun.u32() : 0;
      run.offsets.push_back(is_signed ? static_cast<std::int32_t>(offset) : std::int64_t{offset});
      REQUIRE(data_end + size <= bytes.size());
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(data_end);
      run.payloads.emplace_back(at, at + static_cast<std::ptrdiff_t>(size));
      data_end += size;
    }
    CHECK((trun.ok() && trun.remaining() == 0));
    return run;
  }

  Defaults trex(std::uint32_t track_id) const {
    const BoxNode init = test::parse_file(fmp4::write_init(tracks));
    for (const BoxNode& node : init.at("moov/mvex").children) {
      auto in = node.reader();
      in.skip(4);
      if (in.u32() != track_id) continue;
      CHECK(in.u32() == 1);
      const std::uint32_t duration = in.u32();
      CHECK(in.u32() == 0);
      return {duration, in.u32()};
    }
    FAIL("no trex");
    return {};
  }

  memory::Arena arena;
  memory::BlockPool pool;
  memory::BlockWriter payloads;
  memory::BlockWriter headers;
  std::vector<Track> tracks;
  FragmentWriter writer;
  unsigned fill = 0;
};

Rig av_rig() { return Rig({test::h264_track(), test::aac_track()}); }

std::size_t overhead(Rig& rig, const std::vector<Sample>& samples) {
  std::size_t payload = 0;
  for (const Sample& sample : samples) payload += sample.payload.bytes();
  return rig.write(samples).size() - payload;
}

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  std::abort();
}
// All that may meet the deletes below, or a sanitizer takes them for a mismatch.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("a fragment has its samples by track with their times and payloads") {
  Rig rig = av_rig();
  const std::vector<Sample> samples{
      rig.audio(480'000), rig.sample(0, 900'000, 906'000, true, 300, 3000), rig.audio(481'024),
      rig.sample(0, 903'000, 903'000, false, 40, 3000)};
  const auto runs = rig.runs(samples);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].track_id == 1);
  CHECK(runs[0].dts == 900'000);
  CHECK(runs[0].durations == std::vector<std::uint32_t>{3000, 3000});
  CHECK(runs[0].flags == std::vector<std::uint32_t>{sync_sample, other_sample});
  CHECK(runs[0].offsets == std::vector<std::int64_t>{6000, 0});
  CHECK(runs[0].payloads[0] == test::gather(samples[1].payload));
  CHECK(runs[0].payloads[1] == test::gather(samples[3].payload));
  CHECK(runs[1].track_id == 2);
  CHECK(runs[1].dts == 480'000);
  CHECK(runs[1].durations == std::vector<std::uint32_t>{1024, 1024});
  CHECK(runs[1].flags == std::vector<std::uint32_t>{sync_sample, sync_sample});
  CHECK(runs[1].payloads[1] == test::gather(samples[2].payload));
}

TEST_CASE("the bytes around the payload are exactly these") {
  Rig rig = av_rig();
  const std::int64_t late = std::int64_t{1} << 32;
  // moof 8, mfhd 16, mdat 8; each track: traf 8, tfhd 16, tfdt 16, trun 20; each sample 4.
  CHECK(overhead(rig, {rig.video(900'000)}) == 32 + 60 + 4);
  CHECK(overhead(rig, {rig.video(903'000), rig.audio(1)}) == 32 + 64 + 64);
  CHECK(overhead(rig, {rig.video(906'000), rig.audio(1025), rig.audio(2049)}) == 164);
  // Composition offsets, as B-frames have: what one chunk for each frame costs at most.
  CHECK(overhead(rig, {rig.sample(0, 909'000, 912'000, false, 9, 3000), rig.audio(3073),
                       rig.audio(4097)}) == 168);
  CHECK(overhead(rig, {rig.video(912'000, 3000, true)}) == 96 + 4);
  CHECK(overhead(rig, {rig.video(915'000, 3600)}) == 96 + 4);
  CHECK(overhead(rig, {rig.video(late - 3000)}) == 96);
  CHECK(overhead(rig, {rig.video(late)}) == 96 + 4);
}

TEST_CASE("a minute at 2 Mbit/s has an overhead below two percent") {
  // 30 frames a second with B-frames; 48 kHz AAC rides with them.
  Rig rig = av_rig();
  constexpr std::size_t frame_bytes = 2'000'000 / 8 / 30;
  std::size_t bytes = 0;
  std::int64_t audio = 0;
  constexpr std::int64_t frames = 1800;
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    std::vector<Sample> samples{
        rig.sample(0, frame * 3000, frame * 3000 + 3000, frame % 60 == 0, 1, 3000)};
    for (; audio * 1024 * 30 < (frame + 1) * 48'000; ++audio) {
      samples.push_back(rig.sample(1, audio * 1024, audio * 1024, true, 1, 1024));
    }
    bytes += overhead(rig, samples);
  }
  CHECK(bytes * 100 < frames * frame_bytes * 2);
}

TEST_CASE("a duration in a trun is the distance to the next sample") {
  Rig rig = av_rig();
  const auto gap = rig.runs({rig.audio(0), rig.audio(1024), rig.audio(4096)});
  CHECK(gap[0].durations == std::vector<std::uint32_t>{1024, 3072, 1024});
  const auto back = rig.runs({rig.audio(9000), rig.audio(8000)});
  CHECK(back[0].durations == std::vector<std::uint32_t>{0, 1024});
}

TEST_CASE("one duration of all samples that is not the default goes to tfhd") {
  Rig rig = av_rig();
  const auto runs = rig.runs({rig.audio(0, 960), rig.audio(960, 960), rig.audio(1920, 960)});
  CHECK(runs[0].durations == std::vector<std::uint32_t>{960, 960, 960});
  CHECK((runs[0].trun_flags & 0x100) == 0);
}

TEST_CASE("an unknown duration is the last interval of the track") {
  Rig rig = av_rig();
  CHECK(rig.runs({rig.video(0, 0)})[0].durations[0] == 3000);  // nothing known yet
  CHECK(rig.runs({rig.video(3600, 0)})[0].durations[0] == 3600);
  CHECK(rig.runs({rig.video(7300, 0)})[0].durations[0] == 3700);
  // A pause of more than ten seconds says nothing about frames.
  CHECK(rig.runs({rig.video(2'000'000, 0)})[0].durations[0] == 3700);
  const auto both = rig.runs({rig.video(2'003'000, 0), rig.video(2'006'100, 0)});
  CHECK(both[0].durations == std::vector<std::uint32_t>{3100, 3100});
}

TEST_CASE("a sync frame behind others has flags of its own") {
  Rig rig = av_rig();
  const auto runs = rig.runs({rig.video(0), rig.video(3000, 3000, true), rig.video(6000)});
  CHECK(runs[0].flags == std::vector<std::uint32_t>{other_sample, sync_sample, other_sample});
}

TEST_CASE("negative composition offsets are signed") {
  Rig rig = av_rig();
  const auto runs =
      rig.runs({rig.sample(0, 3000, 0, false, 5), rig.sample(0, 6000, 12'000, false, 5)});
  CHECK(runs[0].offsets == std::vector<std::int64_t>{-3000, 6000});
  CHECK((runs[0].trun_flags & 0xFF00'0000) == 0x100'0000);
}

TEST_CASE("times beyond 32 bits are written whole") {
  Rig rig = av_rig();
  const std::int64_t late = std::int64_t{1} << 40;
  CHECK(rig.runs({rig.video(late + 5)})[0].dts == static_cast<std::uint64_t>(late) + 5);
  CHECK(rig.runs({rig.video(-5)})[0].dts == 0);
}

TEST_CASE("samples of tracks that cannot be written are left out") {
  Track unknown;
  Rig rig({unknown, test::aac_track()});
  const auto runs =
      rig.runs({rig.video(0), rig.audio(0), rig.sample(9, 0, 0, true, 5), rig.audio(1024)});
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].track_id == 2);
  CHECK(runs[0].durations.size() == 2);
  CHECK(rig.write({rig.video(0)}).empty());
  CHECK(rig.write({}).empty());
  Sample empty = rig.audio(2048);
  empty.payload.clear();
  CHECK(rig.write({empty}).empty());
}

TEST_CASE("more samples than a header can list become several fragments") {
  // Blocks as small as they can be; durations, flags and offsets for each sample.
  Rig rig({test::h264_track(), test::aac_track()}, 4096);
  std::vector<Sample> samples;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const std::int64_t dts = index * 3000 + index % 3;
    samples.push_back(rig.sample(0, dts, dts - 7, index % 2 == 0, 1 + samples.size() % 5));
    samples.push_back(rig.sample(1, index * 1024, index * 1024, true, 3));
  }
  const auto runs = rig.runs(samples);
  CHECK(runs.size() > 10);
  std::int64_t video = 0;
  std::int64_t audio = 0;
  for (const Run& run : runs) {
    const bool is_video = run.track_id == 1;
    std::uint64_t dts = run.dts;
    for (std::size_t at = 0; at < run.payloads.size(); ++at) {
      const std::int64_t index = is_video ? video++ : audio++;
      const Sample& sample = samples[static_cast<std::size_t>(index * 2 + (is_video ? 0 : 1))];
      REQUIRE(dts == static_cast<std::uint64_t>(sample.dts));
      REQUIRE(run.offsets[at] == sample.pts - sample.dts);
      REQUIRE(run.flags[at] == (sample.sync ? sync_sample : other_sample));
      REQUIRE(run.payloads[at] == test::gather(sample.payload));
      dts += run.durations[at];
    }
  }
  CHECK(video == 1000);
  CHECK(audio == 1000);
}

TEST_CASE("a header lies in one window and the payload stays where it is") {
  Rig rig = av_rig();
  const std::vector<Sample> samples{rig.video(0), rig.audio(0)};
  const auto written = rig.writer.write(7, samples, rig.headers);
  REQUIRE(written.has_value());
  REQUIRE(written->count() == 2);  // both payloads lie back to back
  CHECK((*written)[1].data() == samples[0].payload[0].data());
  CHECK(test::parse_boxes(test::gather(*written))[0].at("mfhd").payload ==
        test::bytes_of({0, 0, 0, 0, 0, 0, 0, 7}));
}

TEST_CASE("payload in the order given is found by its offsets") {
  Rig rig({test::h264_track(), test::aac_track(), Track{}});
  const std::vector<std::vector<int>> orders{{0},          {1, 1, 0}, {0, 1, 1},       {1, 0, 1},
                                             {2, 0, 2, 1}, {2},       {0, 2, 0, 1, 0}, {}};
  std::int64_t at = 0;
  for (const auto& order : orders) {
    CAPTURE(order.size());
    std::vector<Sample> samples;
    for (const int track : order) {
      at += 3000 + track;
      samples.push_back(rig.sample(static_cast<std::uint8_t>(track), at, at + 50 * track,
                                   at % 2 == 0 || track == 1, 10 + samples.size(), 7));
    }
    Sample empty = rig.audio(at);
    empty.payload.clear();
    samples.push_back(empty);
    Bytes header(rig.writer.plan_in_order(samples));
    rig.writer.write_in_order(header, 5, samples);

    Bytes init = fmp4::write_init(rig.tracks);
    const auto boxes = test::parse_boxes(init);
    const std::size_t moov_at = init.size() - Rig::moof_bytes(boxes[1]) + 8;
    auto movie = fmp4::parse_moov(std::span(init).subspan(moov_at));
    REQUIRE(movie.has_value());
    const std::size_t moof_bytes = header.size() - 8;  // the head of the mdat is behind it
    const auto read =
        fmp4::parse_moof(std::span(header).subspan(8, moof_bytes - 8), {0, moof_bytes}, *movie);
    REQUIRE(read.has_value());
    std::vector<const fmp4::FragmentSample*> found;
    for (const auto& sample : read->samples) found.push_back(&sample);
    std::ranges::sort(found, {}, [](const auto* sample) { return sample->begin; });
    std::uint64_t offset = header.size();
    std::size_t next = 0;
    for (const Sample& sample : samples) {
      if (sample.track != 2 && !sample.payload.empty()) {
        REQUIRE(next < found.size());
        const fmp4::FragmentSample& other = *found[next++];
        CHECK(other.begin == offset);
        CHECK(other.size == sample.payload.bytes());
        CHECK(other.track == sample.track);
        CHECK(other.sync == sample.sync);
        CHECK(other.dts == sample.dts);
        CHECK(other.pts == sample.pts);
      }
      offset += sample.payload.bytes();
    }
    CHECK(next == found.size());
    const std::span<const std::byte> written = header;
    base::ByteReader mdat(written.subspan(moof_bytes));
    CHECK(mdat.u32() == 8 + offset - header.size());
  }
}

TEST_CASE("what is one stretch of payload costs the same in the order given") {
  Rig rig = av_rig();
  const std::array samples{rig.audio(0), rig.audio(1024),
                           rig.sample(0, 3000, 6000, false, 9, 3000)};
  CHECK(rig.writer.plan_in_order(samples) == 168);
  const std::array mixed{samples[0], samples[2], samples[1]};
  CHECK(rig.writer.plan_in_order(mixed) == 168 + 20);
}

TEST_CASE("a call with up to four windows allocates nothing") {
  Rig rig = av_rig();
  const std::array samples{rig.video(3000), rig.audio(0), rig.audio(1024)};
  REQUIRE(rig.writer.write(1, samples, rig.headers).has_value());
  const std::size_t before = allocations;
  const bool is_written = rig.writer.write(2, samples, rig.headers).has_value();
  CHECK(allocations == before);
  CHECK(is_written);
}

TEST_CASE("a full arena is an error and the next call goes on") {
  Rig rig({test::h264_track()}, 1 << 20);
  const std::vector<Sample> samples{rig.video(0)};
  std::vector<memory::BlockHold*> held;
  while (auto hold = rig.pool.take()) held.push_back(*hold);
  const auto failed = rig.writer.write(1, samples, rig.headers);
  REQUIRE(failed.has_error());
  CHECK(failed.error() == memory::Errc::arena_full);
  for (memory::BlockHold* hold : held) memory::BlockPool::release(hold);
  CHECK(rig.runs(samples).size() == 1);
}
