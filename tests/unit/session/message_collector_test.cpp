#include "relay/session/message_collector.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace session {
namespace {

websocket::Part part_of(std::string& bytes, bool begins, bool ends) {
  return {std::as_writable_bytes(std::span(bytes)), false, begins, ends};
}

}  // namespace

TEST_CASE("a message is put together from its parts wherever they are cut") {
  const std::string whole = wire::write_header(wire::Message(wire::Seek{wire::Live{}, 7}));
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    MessageCollector collector;
    std::string head = whole.substr(0, cut);
    std::string tail = whole.substr(cut);
    CHECK_FALSE(collector.add(part_of(head, true, false)));
    const auto message = collector.add(part_of(tail, false, true));
    REQUIRE((message && *message));
    CHECK(std::get<wire::Seek>(**message).request == 7);
  }
}

TEST_CASE("a message that is too large is refused before it is whole") {
  MessageCollector collector;
  std::string most(MessageCollector::message_bytes_max, 'x');
  std::string more = "y";
  CHECK_FALSE(collector.add(part_of(most, true, false)));
  const auto message = collector.add(part_of(more, false, false));
  REQUIRE(message);
  CHECK(message->error() == wire::Errc::envelope_too_large);
}

TEST_CASE("payload is not for here") {
  wire::test::Memory memory;
  std::string chunk = wire::test::flat(
      wire::write_message(wire::test::make_chunk(memory, {wire::test::epoch, 1}, true)));
  const auto message = MessageCollector().add(part_of(chunk, true, true));
  REQUIRE(message);
  CHECK(message->error() == wire::Errc::bad_order);
}

}  // namespace session
