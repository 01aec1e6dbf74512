#include "relay/protocol/websocket/reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"
#include "tests/unit/protocol/websocket/client_frames.hpp"

namespace websocket {
namespace {

using test::read;
using test::ReaderRig;
using test::write;
using test::write_message;
using Events = std::vector<std::string>;

// The error and that nothing came before it.
base::Error error_of(std::string_view text) {
  const test::Outcome outcome = read(text);
  CHECK(outcome.events.empty());
  CHECK(outcome.unfinished.empty());
  return outcome.error;
}

// Fails at byte `at` and not before.
void check_error_at(std::string_view text, std::size_t at, Errc errc) {
  ReaderRig rig;
  rig.feed(text.substr(0, at));
  CHECK(!rig.outcome.error);
  rig.feed(text.substr(at, 1));
  CHECK(rig.outcome.error == make_error_code(errc));
}

// Everything that a client may send, in one run.
std::string whole_session() {
  return write({.payload = "hello"}) +
         write({.opcode = Opcode::text, .payload = "k\xce\xbf\xcf\x83"}) + write({.payload = ""}) +
         write({.opcode = Opcode::ping, .payload = "p"}) +
         write({.payload = "ab", .is_final = false}) +
         write({.opcode = Opcode::pong, .payload = ""}) +
         write({.opcode = Opcode::continuation, .payload = "", .is_final = false}) +
         write({.opcode = Opcode::ping, .payload = "qq"}) +
         write({.opcode = Opcode::continuation, .payload = "cde"}) +
         write({.payload = std::string(130, 'x')}) +
         write({.opcode = Opcode::close, .payload = test::close_payload(1001, "bye")}) + "behind";
}

const Events whole_events = {"binary hello",  "text k\xce\xbf\xcf\x83",
                             "binary ",       "ping p",
                             "pong ",         "ping qq",
                             "binary abcde",  "binary " + std::string(130, 'x'),
                             "close 1001 bye"};

}  // namespace

TEST_CASE("the examples of the RFC are read") {  // RFC 6455, 5.7
  CHECK(read("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").events == Events{"text Hello"});
  CHECK(read("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").events == Events{"ping Hello"});
  CHECK(read("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").events == Events{"pong Hello"});
}

TEST_CASE("messages and control frames come in order and what follows a close is ignored") {
  ReaderRig rig;
  rig.feed(whole_session());
  CHECK(rig.outcome.events == whole_events);
  CHECK(!rig.outcome.error);
  CHECK(rig.reader.is_closed());
  CHECK(rig.reader.control_frames() == 4);
  rig.feed("\xff\xff\xff");
  CHECK(!rig.outcome.error);
  CHECK(rig.outcome.events == whole_events);
  CHECK(rig.reader.on_end());
}

TEST_CASE("frames read the same wherever the network cuts them") {
  const std::string text = whole_session();
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      ReaderRig rig;
      rig.feed(text.substr(0, first));
      rig.feed(text.substr(first, second - first));
      rig.feed(text.substr(second));
      if (rig.outcome.events != whole_events || rig.outcome.error)
        FAIL("cut at " << first << " and " << second);
    }
  }
  for (std::size_t size = 1; size < 20; ++size) {
    CHECK(test::read_in_pieces(text, size).events == whole_events);
  }
}

TEST_CASE("every length comes through in every form that it may have") {
  for (const std::size_t size :
       {0u, 1u, 124u, 125u, 126u, 127u, 128u, 255u, 256u, 65535u, 65536u, 65537u, 1'000'003u}) {
    std::string payload(size, '\0');
    for (std::size_t at = 0; at < size; ++at) payload[at] = static_cast<char>(at * 7 + at / 251);
    const Events expected = {"binary " + payload};
    CHECK(read(write({.payload = payload})).events == expected);
    CHECK(test::read_in_pieces(write({.payload = payload}), 65536 - 5).events == expected);
    CHECK(test::read_in_pieces(write({.payload = payload}), 997).events == expected);
  }
}

TEST_CASE("every key unmasks at every turn") {
  for (const std::array<unsigned char, 4> key :
       {std::array<unsigned char, 4>{0, 0, 0, 0}, {255, 255, 255, 255}, {1, 2, 4, 8}}) {
    const std::string text = write({.payload = "0123456789abcdefghijklmnopqrstuv", .key = key});
    for (std::size_t size = 1; size <= text.size(); ++size) {
      CHECK(test::read_in_pieces(text, size).events ==
            Events{"binary 0123456789abcdefghijklmnopqrstuv"});
    }
  }
}

TEST_CASE("parts lie where the bytes were received and become windows of that block") {
  memory::Arena arena(1 << 16, 4096);
  memory::BlockPool pool(arena);
  memory::BlockWriter writer(pool);
  const std::string text = write_message(Opcode::binary, {"abc", "", "defg"});
  const auto space = writer.space(text.size()).value();
  std::memcpy(space.data(), text.data(), text.size());
  writer.advance(text.size());

  Reader reader;
  reader.feed(space.first(text.size()));
  memory::WindowList message;
  Events flags;
  for (;;) {
    const auto event = reader.next().value();
    if (!event) break;
    const Part& part = std::get<Part>(*event);
    REQUIRE(part.bytes.data() >= space.data());
    message.push_back(writer.window(part.bytes));
    flags.push_back(std::string(part.begins ? "begins" : "") + (part.ends ? "ends" : ""));
  }
  REQUIRE(message.count() == 2);
  CHECK(test::to_text(message[0].bytes()) == "abc");
  CHECK(test::to_text(message[1].bytes()) == "defg");
  CHECK(message[0].data() == space.data() + 6);
  CHECK(message[1].data() == space.data() + text.size() - 4);
  CHECK(flags == Events{"begins", "ends"});
}

TEST_CASE("a message of nothing is one part that begins and ends") {
  for (const auto& payloads : {Events{""}, Events{"", ""}, Events{"", "", ""}}) {
    ReaderRig rig;
    rig.feed(write_message(Opcode::binary, payloads));
    CHECK(rig.parts == 1);
    CHECK(rig.outcome.events == Events{"binary "});
  }
}

TEST_CASE("an empty last fragment ends the message") {
  ReaderRig rig;
  rig.feed(write_message(Opcode::binary, {"", "ab", ""}));
  CHECK(rig.parts == 2);
  CHECK(rig.outcome.events == Events{"binary ab"});
}

TEST_CASE("control frames between fragments do not change the message") {
  std::string text;
  Events expected;
  for (int fragment = 0; fragment < 5; ++fragment) {
    text += write({.opcode = fragment == 0 ? Opcode::text : Opcode::continuation,
                   .payload = std::to_string(fragment),
                   .is_final = fragment == 4});
    if (fragment == 4) break;
    text += write({.opcode = Opcode::ping, .payload = std::string(125, 'p')});
    expected.push_back("ping " + std::string(125, 'p'));
  }
  expected.push_back("text 01234");
  CHECK(read(text).events == expected);
  CHECK(test::read_in_pieces(text, 1).events == expected);
}

TEST_CASE("a close between fragments is read and the message never ends") {
  const test::Outcome outcome =
      read(write({.payload = "ab", .is_final = false}) + write({.opcode = Opcode::close}) +
           write({.opcode = Opcode::continuation, .payload = "c"}));
  CHECK(outcome.events == Events{"close 1005 "});
  CHECK(outcome.unfinished == "ab");
}

TEST_CASE("a long payload is handed out as it comes") {
  const std::string text = write({.payload = std::string(1000, 'x')});
  ReaderRig rig;
  rig.feed(text.substr(0, 8));
  CHECK(rig.parts == 0);
  CHECK(rig.reader.is_in_message());
  for (std::size_t from = 8; from < text.size(); from += 100) {
    CHECK(rig.reader.is_in_message());
    rig.feed(text.substr(from, 100));
  }
  CHECK(rig.parts == 10);
  CHECK(rig.outcome.events == Events{"binary " + std::string(1000, 'x')});
  CHECK(!rig.reader.is_in_message());
}

TEST_CASE("reserved bits are refused at the first byte") {  // Autobahn 3.x
  for (unsigned reserved = 1; reserved < 8; ++reserved) {
    for (const Opcode opcode : {Opcode::text, Opcode::ping, Opcode::close, Opcode::continuation}) {
      check_error_at(write({.opcode = opcode, .reserved = reserved}), 0, Errc::reserved_bits);
    }
  }
}

TEST_CASE("unknown opcodes are refused at the first byte") {  // Autobahn 4.x
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
    check_error_at(write({.opcode = static_cast<Opcode>(opcode)}), 0, Errc::unknown_opcode);
    check_error_at(write({.opcode = static_cast<Opcode>(opcode), .is_final = false}), 0,
                   Errc::unknown_opcode);
  }
}

TEST_CASE("a frame that is not masked is refused at the second byte") {  // RFC 6455, 5.1
  for (const Opcode opcode : {Opcode::binary, Opcode::text, Opcode::ping, Opcode::close}) {
    check_error_at(write({.opcode = opcode, .payload = "ab", .is_masked = false}), 1,
                   Errc::not_masked);
  }
}

TEST_CASE("control frames are whole and short") {  // RFC 6455, 5.5
  for (const Opcode opcode : {Opcode::ping, Opcode::pong, Opcode::close}) {
    check_error_at(write({.opcode = opcode, .is_final = false}), 0, Errc::fragmented_control);
    for (const std::size_t size : {126u, 65536u}) {
      check_error_at(write({.opcode = opcode, .payload = std::string(size, 'x')}), 1,
                     Errc::control_too_long);
    }
    for (const int length_bytes : {2, 8}) {
      check_error_at(write({.opcode = opcode, .payload = "x", .length_bytes = length_bytes}), 1,
                     Errc::control_too_long);
    }
  }
  CHECK(read(write({.opcode = Opcode::pong, .payload = std::string(125, 'x')})).events ==
        Events{"pong " + std::string(125, 'x')});
}

TEST_CASE("a length is in its shortest form") {  // RFC 6455, 5.2
  for (const std::size_t size : {0u, 1u, 125u}) {
    check_error_at(write({.payload = std::string(size, 'x'), .length_bytes = 2}), 3,
                   Errc::length_not_minimal);
  }
  for (const std::size_t size : {0u, 125u, 126u, 65535u}) {
    check_error_at(write({.payload = std::string(size, 'x'), .length_bytes = 8}), 9,
                   Errc::length_not_minimal);
  }
}

TEST_CASE("the top bit of a length is zero") {
  check_error_at(std::string("\x82\xff\x80\0\0\0\0\1\0\0\0", 11), 9, Errc::length_too_large);
  check_error_at(std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 11), 9,
                 Errc::length_too_large);
}

TEST_CASE("a continuation continues something") {  // Autobahn 5.9 to 5.18
  for (const bool is_final : {true, false}) {
    CHECK(error_of(write({.opcode = Opcode::continuation, .is_final = is_final})) ==
          make_error_code(Errc::unexpected_continuation));
  }
  const std::string behind_whole =
      write({.payload = "a"}) + write({.opcode = Opcode::continuation, .payload = "b"});
  CHECK(read(behind_whole).error == make_error_code(Errc::unexpected_continuation));
  CHECK(read(behind_whole).events == Events{"binary a"});
  const std::string behind_fragmented = write_message(Opcode::text, {"a", "b"}) +
                                        write({.opcode = Opcode::continuation, .payload = "c"});
  CHECK(read(behind_fragmented).error == make_error_code(Errc::unexpected_continuation));
  CHECK(read(behind_fragmented).events == Events{"text ab"});
}

TEST_CASE("a message does not begin inside another") {
  for (const Opcode opcode : {Opcode::text, Opcode::binary}) {
    for (const bool is_final : {true, false}) {
      const test::Outcome outcome =
          read(write({.payload = "a", .is_final = false}) +
               write({.opcode = opcode, .payload = "b", .is_final = is_final}));
      CHECK(outcome.error == make_error_code(Errc::unfinished_message));
      CHECK(outcome.events.empty());
      CHECK(outcome.unfinished == "a");
    }
  }
}

TEST_CASE("a close frame has a code that may be sent and a reason or neither") {
  const auto close = [](std::string payload) {
    return read(write({.opcode = Opcode::close, .payload = std::move(payload)}));
  };
  CHECK(close("").events == Events{"close 1005 "});
  CHECK(close(test::close_payload(1000)).events == Events{"close 1000 "});
  CHECK(close(test::close_payload(4999, "k\xce\xbf")).events == Events{"close 4999 k\xce\xbf"});
  const std::string longest(123, 'r');
  CHECK(close(test::close_payload(3000, longest)).events == Events{"close 3000 " + longest});
  CHECK(close("\x03").error == make_error_code(Errc::bad_close_length));
  for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 1100u, 2000u, 2999u,
                              5000u, 65535u}) {  // Autobahn 7.9
    CAPTURE(code);
    CHECK(close(test::close_payload(code)).error == make_error_code(Errc::bad_close_code));
    CHECK(close(test::close_payload(code, "\xff")).error == make_error_code(Errc::bad_close_code));
  }
  for (const std::string_view reason : {"\xff", "ab\xce", "\xed\xa0\x80"}) {
    CHECK(close(test::close_payload(1000, reason)).error ==
          make_error_code(Errc::bad_close_reason));
  }
}

TEST_CASE("what was not looked at can be read by a copy elsewhere") {
  std::string frames = write({.payload = "first"}) + write({.payload = "second"});
  Reader here;
  here.feed(std::as_writable_bytes(std::span(frames)));
  REQUIRE(here.next()->has_value());
  const auto rest = here.take_rest();
  CHECK(here.take_rest().empty());
  CHECK(!here.next()->has_value());
  ReaderRig there;
  there.feed({reinterpret_cast<const char*>(rest.data()), rest.size()});
  CHECK(there.outcome.events == Events{"binary second"});
}

TEST_CASE("an error stays") {
  ReaderRig rig;
  rig.feed(write({.payload = "a"}) + "\xff" + write({.payload = "b"}));
  CHECK(rig.outcome.events == Events{"binary a"});
  rig.outcome.error = {};
  rig.feed(write({.payload = "c"}));
  CHECK(rig.outcome.error == make_error_code(Errc::reserved_bits));
  CHECK(rig.outcome.events == Events{"binary a"});
  CHECK(rig.reader.on_end().error() == make_error_code(Errc::reserved_bits));
  CHECK(!rig.reader.is_closed());
}

TEST_CASE("a connection that ends without a close frame was not closed") {
  const std::string text = write({.payload = "abc"}) + write({.opcode = Opcode::close});
  for (std::size_t size = 0; size <= text.size(); ++size) {
    ReaderRig rig;
    rig.feed(text.substr(0, size));
    const auto end = rig.reader.on_end();
    CHECK(end.has_value() == (size == text.size()));
    if (!end) CHECK(end.error() == make_error_code(Errc::not_closed));
  }
}

TEST_CASE("a reader is a small value and a copy goes on by itself") {
  CHECK(sizeof(Reader) <= 272);
  const std::string text = write_message(Opcode::text, {"ab", "cd"});
  ReaderRig rig;
  rig.feed(text.substr(0, 7));
  ReaderRig copy = rig;
  copy.feed(text.substr(7));
  CHECK(copy.outcome.events == Events{"text abcd"});
  CHECK(rig.reader.is_in_message());
  CHECK(!copy.reader.is_in_message());
}

}  // namespace websocket
