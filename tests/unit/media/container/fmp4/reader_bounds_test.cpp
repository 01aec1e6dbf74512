// What the reader refuses, and that it holds no more than it says.
#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/reader_rig.hpp"

using fmp4::Errc;
using fmp4::Reader;
using test::Bytes;
using test::Fields;
using test::join;
using test::ReaderRig;

namespace {

Bytes one_track() { return test::moov({{}}); }
Bytes one_sample() { return test::moof_of({{.samples = {{10}}}}); }
Bytes header(std::string_view type, std::uint64_t payload) {
  return Fields().u32(1).text(type).u64(16 + payload).bytes;
}

}  // namespace

TEST_CASE("every call after an error returns it") {
  ReaderRig rig;
  CHECK(rig.feed(test::box("mdat")).error() == Errc::mdat_before_moov);
  CHECK(rig.feed(one_track()).error() == Errc::mdat_before_moov);
  CHECK_FALSE(rig.reader.poll());
}

TEST_CASE("samples before an error come out") {
  ReaderRig rig;
  const Bytes body =
      join({one_track(), one_sample(), test::box("mdat", Bytes(10)), header("free", 1ULL << 40)});
  CHECK(rig.feed(body).error() == Errc::box_too_big);
  CHECK(rig.samples.size() == 1);
}

TEST_CASE("an error behind a second movie header is returned by the next call") {
  ReaderRig rig;
  const Bytes body = join(
      {one_track(), one_sample(), test::box("mdat", Bytes(10)), one_track(), test::box("mdat")});
  REQUIRE(rig.feed(body));
  CHECK(rig.samples.size() == 1);
  CHECK(rig.feed(Bytes(1)).error() == Errc::mdat_without_moof);
}

TEST_CASE("files that are not fragmented are refused") {
  CHECK(ReaderRig::error_of(join({test::ftyp(), test::box("free"), test::box("mdat")})) ==
        Errc::mdat_before_moov);
  CHECK(ReaderRig::error_of(test::box("moov", test::mvhd())) == Errc::not_fragmented);
  CHECK(ReaderRig::error_of(join({one_track(), test::box("mdat")})) == Errc::mdat_without_moof);
}

TEST_CASE("a body that is no MP4 is refused") {
  CHECK(ReaderRig::error_of(Fields().text("<html><body>").bytes) == Errc::box_too_big);
  CHECK(ReaderRig::error_of(Bytes(8, std::byte{0x47})) == Errc::box_too_big);
  CHECK(ReaderRig::error_of(Bytes(8)) == Errc::bad_box_size);
  CHECK(ReaderRig::error_of(one_sample()) == Errc::no_moov);
}

TEST_CASE("a movie header comes within 1 MiB") {
  const auto with = [](std::size_t size) {
    return ReaderRig::error_of(join({test::ftyp(), test::box("free", Bytes(size)), one_track()}));
  };
  const std::size_t most = Reader::before_moov_bytes_max - test::ftyp().size() - 8;
  CHECK(with(most) == base::Error{});
  CHECK(with(most + 1) == Errc::no_moov);
}

TEST_CASE("the sizes of boxes are bounded") {
  CHECK(ReaderRig::error_of(header("moov", Reader::moov_bytes_max)) == base::Error{});
  CHECK(ReaderRig::error_of(header("moov", Reader::moov_bytes_max + 1)) == Errc::moov_too_big);
  const auto after_moov = [](const Bytes& bytes) {
    return ReaderRig::error_of(join({one_track(), bytes}));
  };
  CHECK(after_moov(header("moof", Reader::moof_bytes_max)) == base::Error{});
  CHECK(after_moov(header("moof", Reader::moof_bytes_max + 1)) == Errc::moof_too_big);
  CHECK(after_moov(header("uuid", Reader::passed_box_bytes_max)) == base::Error{});
  CHECK(after_moov(header("uuid", Reader::passed_box_bytes_max + 1)) == Errc::box_too_big);
  CHECK(after_moov(header("free", 1ULL << 40)) == Errc::box_too_big);
  CHECK(after_moov(header("free", 1ULL << 63)) == Errc::bad_box_size);
  const auto mdat = [&](std::uint64_t size) {
    return ReaderRig::error_of(
        join({one_track(), one_sample(), Fields().u32(1).text("mdat").u64(size).bytes}));
  };
  CHECK(mdat(15) == Errc::bad_box_size);
  CHECK(mdat(~0ULL) == Errc::bad_box_size);
}

TEST_CASE("only media data may go to the end") {
  for (const char* type : {"moov", "moof", "free"}) {
    const Bytes bytes = Fields().u32(0).text(type).bytes;
    CHECK(ReaderRig::error_of(join({one_track(), bytes})) == Errc::bad_box_size);
  }
}

TEST_CASE("a header of 1 MiB and a fragment header of 4 MiB are read") {
  const Bytes track = one_track();
  const Bytes moov = Fields()
                         .u32(8 + Reader::moov_bytes_max)
                         .text("moov")
                         .add(std::span(track).subspan(8))
                         .add(test::box("udta", Bytes(Reader::moov_bytes_max - track.size())))
                         .bytes;
  const Bytes free = test::box("free", Bytes(Reader::moof_bytes_max - 8));
  ReaderRig rig;
  REQUIRE(rig.feed(join({moov, test::box("moof", free), test::box("mdat", Bytes(3))}), 65'536));
  CHECK(rig.reader.tracks().size() == 1);
}

TEST_CASE("samples outside the media data of their fragment are refused") {
  const Bytes head = join({one_track(), one_sample()});
  CHECK(ReaderRig::error_of(join({head, test::box("mdat", Bytes(9))})) ==
        Errc::sample_outside_mdat);
  CHECK(ReaderRig::error_of(join({head, test::box("free", Bytes(2)),
                                  test::box("mdat", Bytes(9))})) == Errc::sample_outside_mdat);
  CHECK(ReaderRig::error_of(join({head, one_sample()})) == Errc::sample_outside_mdat);
  CHECK(ReaderRig::error_of(join({head, one_track()})) == Errc::sample_outside_mdat);
  // It lies behind the media data, in a box that is passed over.
  const Bytes late = test::moof_of({{.data = 20, .samples = {{10}}}});
  CHECK(ReaderRig::error_of(join({one_track(), late, test::box("mdat", Bytes(5)),
                                  test::box("free", Bytes(50)), one_sample()})) ==
        Errc::sample_outside_mdat);
}

TEST_CASE("overlapping samples of two tracks are refused") {
  const Bytes moof =
      test::moof_of({{.data = 0, .samples = {{10}}}, {.data = 9, .samples = {{10}}}});
  CHECK(ReaderRig::error_of(join({one_track(), moof})) == Errc::overlapping_samples);
}

TEST_CASE("64 MiB of a fragment are held and the blocks are free again after it") {
  const std::uint32_t size = fmp4::sample_bytes_max;
  // The last sample is wanted first, so that all wait.
  const Bytes moof = test::moof_of(
      {{.dts = 1, .data = 0, .samples = {{size, 0}, {size, 0}, {size, 0}, {size - 1024, 0}}},
       {.track = 2, .dts = 0, .data = 4 * size - 1024, .samples = {{16}}}});
  const Bytes moov =
      test::moov({{.id = 1}, {.id = 2, .handler = "soun", .entry = test::mp3_entry()}});
  ReaderRig rig(72 << 20, 64 << 10);
  REQUIRE(rig.feed(join({moov, moof, Fields().u32(8 + 4 * size).text("mdat").bytes})));
  const Bytes megabyte(1 << 20);
  for (int round = 0; round < 63; ++round) REQUIRE(rig.feed(megabyte));
  CHECK(rig.samples.empty());
  CHECK(rig.pool.held_count() >= 63 * 16);
  REQUIRE(rig.feed(megabyte));
  CHECK(rig.samples.size() == 5);
  CHECK(rig.samples[0].track == 1);
  CHECK(rig.pool.held_count() == 1);  // the block that is being written
}

TEST_CASE("a full arena drops sync frames that need parameter sets") {
  const Bytes moov = test::moov(
      {{.entry = test::video_entry("avc1", test::avcc(4, {test::sps()}, {test::pps()}))}});
  const Bytes idr = Fields().u32(2).u16(0x6588).bytes;
  ReaderRig rig(16 << 10, 4 << 10);
  REQUIRE(rig.feed(join({moov, test::moof_of({{.samples = {{6}, {6, 10, 0x10000}}}}),
                         Fields().u32(8 + 12).text("mdat").bytes})));
  std::vector<memory::BlockHold*> taken;
  while (auto block = rig.pool.take()) taken.push_back(*block);
  REQUIRE(rig.feed(join({idr, idr})));
  CHECK(rig.samples.size() == 1);
  CHECK(rig.reader.counters().unplaced_samples == 1);
  for (memory::BlockHold* block : taken) memory::BlockPool::release(block);
}
