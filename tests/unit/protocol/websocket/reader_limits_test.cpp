#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/protocol/websocket/client_frames.hpp"

namespace websocket {
namespace {

using test::read;
using test::ReaderRig;
using test::write;
using test::write_message;
using Events = std::vector<std::string>;

constexpr Limits ten_bytes = {.message_bytes_max = 10};

// A header alone: what the client says it is going to send.
std::string announce(std::uint64_t size, bool is_final = true, Opcode opcode = Opcode::binary) {
  std::string text = {static_cast<char>((is_final ? 0x80 : 0) | static_cast<int>(opcode)),
                      static_cast<char>(0xff)};
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift);
  return text;
}

}  // namespace

TEST_CASE("a message may be as long as its limit and not longer") {
  CHECK(read(write({.payload = "0123456789"}), ten_bytes).events == Events{"binary 0123456789"});
  const test::Outcome outcome = read(write({.payload = "0123456789a"}), ten_bytes);
  CHECK(outcome.error == make_error_code(Errc::message_too_large));
  CHECK(outcome.unfinished.empty());
}

TEST_CASE("the limit of a message holds for its fragments together") {
  CHECK(read(write_message(Opcode::binary, {"0123", "4567", "", "89", ""}), ten_bytes).events ==
        Events{"binary 0123456789"});
  const test::Outcome outcome =
      read(write_message(Opcode::text, {"0123", "4567", "89a"}), ten_bytes);
  CHECK(outcome.error == make_error_code(Errc::message_too_large));
  CHECK(outcome.unfinished == "01234567");
}

TEST_CASE("the limit of a message holds for each message anew and not for control frames") {
  std::string text;
  for (int message = 0; message < 5; ++message) {
    text += write({.payload = "01234567", .is_final = false});
    text += write({.opcode = Opcode::ping, .payload = "0123456789abc"});
    text += write({.opcode = Opcode::continuation, .payload = "89"});
  }
  const test::Outcome outcome = read(text, ten_bytes);
  CHECK(!outcome.error);
  CHECK(outcome.events.size() == 10);
}

TEST_CASE("a size is refused when a header says it and before anything came") {
  const std::uint64_t usual = Limits{}.message_bytes_max;
  CHECK(usual == (16u << 20) + (64u << 10));
  CHECK(!read(announce(usual)).error);
  for (const std::uint64_t size : {usual + 1, std::uint64_t{1} << 32, ~std::uint64_t{0} >> 1}) {
    CHECK(read(announce(size)).error == make_error_code(Errc::message_too_large));
    CHECK(read(write({.payload = "a", .is_final = false}) +
               announce(size - 1, true, Opcode::continuation))
              .error == make_error_code(Errc::message_too_large));
  }
}

TEST_CASE("a message of the usual limit comes through") {
  const std::string payload(Limits{}.message_bytes_max, 'x');
  const test::Outcome outcome = test::read_in_pieces(write({.payload = payload}), 65536);
  REQUIRE(outcome.events.size() == 1);
  CHECK(outcome.events[0].size() == payload.size() + 7);
}

TEST_CASE("a message has so many fragments and not more") {
  const Limits three = {.fragments_max = 3};
  CHECK(read(write_message(Opcode::binary, {"a", "b", "c"}), three).events == Events{"binary abc"});
  CHECK(read(write_message(Opcode::binary, {"a", "b", "c"}) +
                 write_message(Opcode::binary, {"d", "e", "f"}),
             three)
            .events == Events{"binary abc", "binary def"});
  CHECK(read(write_message(Opcode::binary, {"a", "b", "c", "d"}), three).error ==
        make_error_code(Errc::too_many_fragments));
  CHECK(read(write({.payload = "a", .is_final = false}), {.fragments_max = 1}).error ==
        base::Error{});
  CHECK(read(write_message(Opcode::binary, {"a", "b"}), {.fragments_max = 1}).error ==
        make_error_code(Errc::too_many_fragments));
}

TEST_CASE("empty fragments without end are refused") {
  const Events payloads(Limits{}.fragments_max, "");
  CHECK(!read(write_message(Opcode::binary, payloads)).error);
  ReaderRig rig;
  rig.feed(write({.is_final = false}));
  unsigned frames = 1;
  while (!rig.outcome.error && frames < 100'000) {
    rig.feed(write({.opcode = Opcode::continuation, .is_final = false}));
    ++frames;
  }
  CHECK(rig.outcome.error == make_error_code(Errc::too_many_fragments));
  CHECK(frames == Limits{}.fragments_max + 1);
  CHECK(rig.parts == 0);
}

TEST_CASE("text is refused at its first byte where it is not taken") {
  const Limits binary = {.accepts_text = false};
  CHECK(read("\x81", binary).error == make_error_code(Errc::text_not_accepted));
  CHECK(read("\x01", binary).error == make_error_code(Errc::text_not_accepted));
  CHECK(read(write({.payload = "\xff"}), binary).events == Events{"binary \xff"});
}

TEST_CASE("control frames are counted") {
  ReaderRig rig;
  CHECK(rig.reader.control_frames() == 0);
  for (int frame = 0; frame < 1000; ++frame) {
    rig.feed(write({.opcode = frame % 2 == 0 ? Opcode::ping : Opcode::pong}));
  }
  rig.feed(write({.payload = "a"}));
  CHECK(rig.reader.control_frames() == 1000);
}

}  // namespace websocket
