// Our frames and handshake against the client of Boost.Beast, over a stream in memory.

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "relay/protocol/websocket/handshake.hpp"
#include "relay/protocol/websocket/writer.hpp"
#include "tests/unit/protocol/websocket/client_frames.hpp"

namespace websocket {
namespace {

namespace beast = boost::beast;
using Events = std::vector<std::string>;
constexpr std::array<std::string_view, 1> ours = {"spancast.v1"};

std::string field_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

/// A client of Beast that is connected to a reader and writer of ours.
struct Pair {
  explicit Pair(const beast::websocket::permessage_deflate& deflate = {}) {
    client.next_layer().connect(ours_side);
    client.set_option(deflate);
    client.set_option(
        beast::websocket::stream_base::decorator([](beast::websocket::request_type& offer) {
          offer.set("Sec-WebSocket-Protocol", "other, spancast.v1");
        }));
    std::optional<beast::error_code> result;
    client.async_handshake(response, "relay", "/live/cam",
                           [&result](beast::error_code error) { result = error; });
    run();
    request = take_received();
    const auto accepted = answer(
        {field_of(request, "Upgrade"), field_of(request, "Sec-WebSocket-Version"),
         field_of(request, "Sec-WebSocket-Key"), field_of(request, "Sec-WebSocket-Protocol")},
        ours);
    REQUIRE(accepted.has_value());
    send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: " +
        accepted->accept + "\r\nSec-WebSocket-Protocol: " + std::string(accepted->protocol) +
        "\r\n\r\n");
    REQUIRE(result);
    REQUIRE(!*result);
  }

  void run() {
    context.restart();
    context.poll();
  }
  void send(std::string_view text) {
    while (!text.empty()) {
      text.remove_prefix(ours_side.write_some(boost::asio::buffer(text)));
      run();
    }
  }
  template <class Frame>
  void send_frame(const Frame& frame) {
    send(test::to_text(frame.bytes()));
  }
  /// What the client has sent, read by ours in pieces of that size.
  const test::Outcome& receive(std::size_t piece = 1400) {
    const std::string text = take_received();
    for (std::size_t from = 0; from < text.size(); from += piece) {
      rig.feed(std::string_view(text).substr(from, piece));
    }
    return rig.outcome;
  }
  /// The next message that the client gets; runs `send_it` after it began to read.
  template <class Send>
  std::string read(Send&& send_it) {
    beast::flat_buffer buffer;
    read_error.reset();
    client.async_read(buffer, [this](beast::error_code error, std::size_t) { read_error = error; });
    send_it();
    run();
    REQUIRE(read_error);
    const auto bytes = buffer.data();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
  }
  void write(const std::string& message) {
    std::optional<beast::error_code> result;
    client.async_write(boost::asio::buffer(message),
                       [&result](beast::error_code error, std::size_t) { result = error; });
    run();
    REQUIRE(result);
    REQUIRE(!*result);
  }
  std::string take_received() {
    std::string text(ours_side.str());
    ours_side.clear();
    return text;
  }

  boost::asio::io_context context;
  beast::test::stream ours_side{context};
  beast::websocket::stream<beast::test::stream> client{context};
  beast::websocket::response_type response;
  std::string request;
  std::optional<beast::error_code> read_error;
  test::ReaderRig rig;
};

std::string make_message(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 31 + at / 256);
  return text;
}

constexpr std::size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 300'000};

}  // namespace

TEST_CASE("the client of Beast accepts our answer and the protocol that is ours") {
  Pair pair;
  CHECK(pair.response["Sec-WebSocket-Protocol"] == "spancast.v1");
}

TEST_CASE("messages of the client of Beast come through in one frame and in many") {
  for (const bool is_fragmented : {false, true}) {
    Pair pair;
    pair.client.auto_fragment(is_fragmented);
    pair.client.write_buffer_bytes(1000);
    pair.client.binary(true);
    Events expected;
    for (const std::size_t size : sizes) {
      pair.write(make_message(size));
      expected.push_back("binary " + make_message(size));
    }
    pair.client.text(true);
    pair.write("k\xce\xbf\xcf\x83\xce\xbc\xce\xb5");
    expected.push_back("text k\xce\xbf\xcf\x83\xce\xbc\xce\xb5");
    CHECK(pair.receive().events == expected);
    CHECK(!pair.rig.outcome.error);
    CHECK(pair.rig.parts >= (is_fragmented ? 300 : 8));
  }
}

TEST_CASE("our frames come through to the client of Beast") {
  Pair pair;
  for (const std::size_t size : sizes) {
    const std::string message = make_message(size);
    const std::string got = pair.read([&] {
      pair.send_frame(frame_header(Opcode::binary, size));
      pair.send(message);
    });
    CHECK(!*pair.read_error);
    CHECK(pair.client.got_binary());
    CHECK(got == message);
  }
  const std::string text = pair.read([&] {
    pair.send_frame(frame_header(Opcode::text, 2, false));
    pair.send("He");
    pair.send_frame(ping_frame({}));
    pair.send_frame(frame_header(Opcode::continuation, 3));
    pair.send("llo");
  });
  CHECK(text == "Hello");
  CHECK(pair.client.got_text());
  CHECK(pair.receive().events == Events{"pong "});
}

TEST_CASE("pings are answered both ways") {
  Pair pair;
  Events controls;
  pair.client.control_callback([&](beast::websocket::frame_type type, beast::string_view payload) {
    controls.push_back((type == beast::websocket::frame_type::pong ? "pong " : "other ") +
                       std::string(payload));
  });
  pair.client.async_ping("are you there", [](beast::error_code error) { CHECK(!error); });
  pair.run();
  CHECK(pair.receive(1).events == Events{"ping are you there"});
  const std::string text = pair.read([&] {
    pair.send_frame(pong_frame(std::as_bytes(std::span(std::string_view("are you there")))));
    pair.send_frame(frame_header(Opcode::binary, 1));
    pair.send("x");
  });
  CHECK(text == "x");
  CHECK(controls == Events{"pong are you there"});
}

TEST_CASE("a close of the client of Beast is answered and ends without an error") {
  Pair pair;
  std::optional<beast::error_code> result;
  pair.client.async_close({beast::websocket::close_code::going_away, "moving on"},
                          [&result](beast::error_code error) { result = error; });
  pair.run();
  CHECK(pair.receive().events == Events{"close 1001 moving on"});
  CHECK(pair.rig.reader.on_end());
  CHECK(!result);
  pair.send_frame(close_frame(CloseCode::going_away));
  REQUIRE(result);
  CHECK(!*result);
}

TEST_CASE("the client of Beast answers our close with its code and sees our reason") {
  Pair pair;
  pair.read([&] {
    pair.send_frame(close_frame(CloseCode::message_too_big, describe(Errc::message_too_large)));
  });
  CHECK(*pair.read_error == beast::websocket::error::closed);
  CHECK(pair.client.reason().code == 1009);
  CHECK(pair.client.reason().reason == describe(Errc::message_too_large));
  CHECK(pair.receive().events == Events{"close 1009 "});
}

TEST_CASE("an offer to compress is not taken up and nothing is compressed") {
  beast::websocket::permessage_deflate deflate;
  deflate.client_enable = true;
  Pair pair(deflate);
  CHECK(pair.request.find("permessage-deflate") != std::string::npos);
  pair.client.binary(true);
  pair.write(std::string(5000, 'x'));
  CHECK(pair.receive().events == Events{"binary " + std::string(5000, 'x')});
  CHECK(!pair.rig.outcome.error);
}

}  // namespace websocket
