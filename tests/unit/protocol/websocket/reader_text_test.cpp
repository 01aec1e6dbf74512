#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/protocol/websocket/client_frames.hpp"

namespace websocket {
namespace {

using test::read;
using test::write;
using test::write_message;
using Events = std::vector<std::string>;

// Autobahn 6.2: one, two, three and four bytes to a character.
const std::string greeting =
    "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-\xe2\x82\xac-\xf0\x9f\x8e\xa5"
    "-UTF-8!!";

const std::vector<std::string> bad_texts = {
    // Autobahn 6.3 and 6.6 to 6.21
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
    "edited",
    "\xf8\x88\x80\x80\x80",
    "\xfc\x84\x80\x80\x80\x80",
    "\xf7\xbf\xbf\xbf",
    "\xfb\xbf\xbf\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\x80",
    "\xbf",
    "\x80\xbf\x80",
    "\xc0 ",
    "\xe0\xe1",
    "\xc0\xaf",
    "\xe0\x80\xaf",
    "\xf0\x80\x80\xaf",
    "\xc1\xbf",
    "\xe0\x9f\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xed\xa0\x80",
    "\xed\xad\xbf\xed\xb0\x80",
    "\xed\xbf\xbf",
    "\xfe",
    "\xff",
};

}  // namespace

TEST_CASE("text of all lengths of characters is read at every cut") {
  const std::string text = write({.opcode = Opcode::text, .payload = greeting});
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CHECK(test::read_in_pieces(text, size).events == Events{"text " + greeting});
  }
}

TEST_CASE("a character may lie across fragments with a ping between them") {
  for (std::size_t cut = 0; cut <= greeting.size(); ++cut) {
    const std::string text =
        write({.opcode = Opcode::text, .payload = greeting.substr(0, cut), .is_final = false}) +
        write({.opcode = Opcode::ping, .payload = "\xff"}) +
        write({.opcode = Opcode::continuation, .payload = greeting.substr(cut)});
    CHECK(read(text).events == Events{"ping \xff", "text " + greeting});
  }
  Events bytes;
  for (const char byte : greeting) bytes.emplace_back(1, byte);
  CHECK(read(write_message(Opcode::text, bytes)).events == Events{"text " + greeting});
}

TEST_CASE("text that is not UTF-8 is refused wherever it is cut") {
  for (const std::string& bad : bad_texts) {
    CAPTURE(bad);
    for (std::size_t cut = 0; cut <= bad.size(); ++cut) {
      const Events payloads = {bad.substr(0, cut), bad.substr(cut)};
      CHECK(read(write_message(Opcode::text, payloads)).error == make_error_code(Errc::bad_text));
    }
    for (std::size_t size = 1; size < 8; ++size) {
      CHECK(test::read_in_pieces(write({.opcode = Opcode::text, .payload = bad}), size).error ==
            make_error_code(Errc::bad_text));
    }
    CHECK(read(write({.payload = bad})).events == Events{"binary " + bad});
  }
}

TEST_CASE("a text is refused at its first wrong byte and not at its end") {  // Autobahn 6.4
  test::ReaderRig rig;
  rig.feed(write({.opcode = Opcode::text, .payload = "ab\xf4", .is_final = false}));
  CHECK(!rig.outcome.error);
  const std::string rest = write({.opcode = Opcode::continuation, .payload = "\x90 and more"});
  rig.feed(rest.substr(0, 6));
  CHECK(!rig.outcome.error);
  rig.feed(rest.substr(6, 1));
  CHECK(rig.outcome.error == make_error_code(Errc::bad_text));
  CHECK(rig.outcome.unfinished == "ab\xf4");
}

TEST_CASE("a text does not end inside a character") {
  for (const std::string bad : {"\xc2", "a\xe2\x82", "\xf0\x9f\x8e"}) {
    CHECK(read(write({.opcode = Opcode::text, .payload = bad})).error ==
          make_error_code(Errc::bad_text));
    CHECK(read(write_message(Opcode::text, {bad, ""})).error == make_error_code(Errc::bad_text));
    CHECK(!read(write({.opcode = Opcode::text, .payload = bad, .is_final = false})).error);
  }
}

TEST_CASE("each text begins with a new character") {
  CHECK(read(write({.opcode = Opcode::text, .payload = "a"}) +
             write({.opcode = Opcode::text, .payload = "\x80"}))
            .error == make_error_code(Errc::bad_text));
  CHECK(read(write({.payload = "\xc2"}) + write({.opcode = Opcode::text, .payload = "a"})).events ==
        Events{"binary \xc2", "text a"});
}

}  // namespace websocket
