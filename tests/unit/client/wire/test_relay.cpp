#include "tests/unit/client/wire/test_relay.hpp"

#include <algorithm>
#include <deque>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace client::test {

namespace {

namespace beast = boost::beast;

enum class Role { none, publisher, player };

}  // namespace

struct TestRelay::Peer : std::enable_shared_from_this<Peer> {
  Peer(TestRelay& owner_of_it, tcp::socket socket)
      : owner(owner_of_it), stream(std::move(socket)) {}
  void begin();
  void answer();
  void read();
  void on_message(const std::string& text);
  void flush();
  void write();
  void close() {
    beast::error_code ignored;
    beast::get_lowest_layer(stream).socket().close(ignored);
  }

  TestRelay& owner;
  beast::websocket::stream<beast::tcp_stream> stream;
  beast::http::request<beast::http::string_body> request;
  beast::http::response<beast::http::string_body> response;
  beast::flat_buffer buffer;
  wire::test::Link link;
  Role role = Role::none;
  std::deque<std::string> out;
  bool is_writing = false;
  bool is_over = false;
};

TestRelay::TestRelay() : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  accept();
  tick();
  thread_ = std::thread([this] { context_.run(); });
}

TestRelay::~TestRelay() {
  context_.stop();
  thread_.join();
}

void TestRelay::cut(bool is_killed) {
  call([&](TestRelay&) {
    for (const auto& peer : peers_) peer->close();
    if (is_killed) relay.restart();
  });
}

bool TestRelay::has_player() const {
  return std::ranges::any_of(peers_, [](const auto& peer) { return peer->role == Role::player; });
}

void TestRelay::accept() {
  acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (error) return;
    peers_.push_back(std::make_shared<Peer>(*this, std::move(socket)));
    peers_.back()->begin();
    accept();
  });
}

// Acknowledgements have their time.
void TestRelay::tick() {
  timer_.expires_after(std::chrono::milliseconds(10));
  timer_.async_wait([this](beast::error_code error) {
    if (error) return;
    relay.on_time(base::monotonic_now());
    flush();
    tick();
  });
}

void TestRelay::flush() {
  for (std::size_t index = 0; index < peers_.size(); ++index) peers_[index]->flush();
  look();
}

void TestRelay::look() {
  if (!waiting_ || !waiting_(*this)) return;
  waiting_ = nullptr;
  done_->set_value();
}

void TestRelay::Peer::begin() {
  beast::http::async_read(
      stream.next_layer(), buffer, request,
      [self = shared_from_this()](beast::error_code error, std::size_t) {
        if (error) return;
        if (self->owner.manners_.status != 0) return self->answer();
        self->stream.set_option(beast::websocket::stream_base::decorator(
            [protocol = self->owner.manners_.protocol](beast::websocket::response_type& made) {
              if (!protocol.empty()) made.set("Sec-WebSocket-Protocol", protocol);
            }));
        self->stream.async_accept(self->request, [self](beast::error_code failure) {
          if (failure) return;
          self->stream.read_message_max(wire::message_bytes_max);
          self->stream.binary(!self->owner.manners_.sends_text);
          if (self->owner.manners_.sends_text) {
            self->out.push_back("hello");
            self->write();
          }
          if (!self->owner.manners_.is_dead) self->read();
        });
      });
}

void TestRelay::Peer::answer() {
  response.result(owner.manners_.status);
  response.body() = owner.manners_.body;
  response.prepare_payload();
  beast::http::async_write(stream.next_layer(), response,
                           [self = shared_from_this()](beast::error_code, std::size_t) {
                             self->stream.next_layer().close();
                           });
}

void TestRelay::Peer::read() {
  buffer.clear();
  stream.async_read(buffer, [self = shared_from_this()](beast::error_code error, std::size_t) {
    if (error) {
      if (self->role == Role::publisher) self->owner.relay.lose_publisher();
      if (self->role == Role::player) self->owner.relay.lose_player();
      self->role = Role::none;
      return self->owner.look();
    }
    const auto bytes = self->buffer.data();
    self->on_message({static_cast<const char*>(bytes.data()), bytes.size()});
    self->read();
  });
}

void TestRelay::Peer::on_message(const std::string& text) {
  const base::Time now = base::monotonic_now();
  if (owner.manners_.bye && !is_over) {
    link.to_client(wire::write_message(wire::Bye{*owner.manners_.bye, {}, owner.manners_.detail}));
    return flush();
  }
  if (role == Role::none) {
    const auto message = wire::read_message(owner.memory.put_cut(text, 100'000));
    RELAY_ASSERT(message.has_value());
    role = std::holds_alternative<wire::Hello>(*message) ? Role::publisher : Role::player;
    if (role == Role::publisher) owner.relay.on_publisher(link, now);
    if (role == Role::player) owner.relay.on_player(link);
  }
  if (role == Role::publisher) owner.relay.receive_from_publisher(text, now);
  if (role == Role::player) owner.relay.receive_from_player(text, now);
  owner.flush();
}

void TestRelay::Peer::flush() {
  for (std::string& text : link.down) {
    const auto message = wire::read_message(owner.memory.put_cut(text, 100'000));
    is_over = is_over || (message && std::holds_alternative<wire::Bye>(*message));
    out.push_back(std::move(text));
  }
  link.down.clear();
  write();
}

void TestRelay::Peer::write() {
  if (is_writing || !stream.is_open()) return;
  if (out.empty()) {
    if (is_over)
      stream.async_close(beast::websocket::close_code::normal,
                         [self = shared_from_this()](beast::error_code) {});
    if (is_over) is_writing = true;
    return;
  }
  is_writing = true;
  stream.async_write(asio::buffer(out.front()),
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       self->is_writing = false;
                       self->out.pop_front();
                       if (!error) self->write();
                     });
}

}  // namespace client::test
