#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "client/wire/ending.hpp"
#include "client/wire/url.hpp"
#include "relay/base/assert.hpp"
#include "tests/unit/protocol/wire/world.hpp"

// The relay's halves of the wire behind real sockets on the loopback interface: what the clients
// connect to in their tests. One publisher and one player at a time.
namespace client::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

class TestRelay {
 public:
  /// How connections are treated from now on.
  struct Manners {
    unsigned status = 0;  ///< not 0: answers the request with that
    std::string body;
    std::string protocol = "spancast.v1";
    std::optional<wire::ByeReason> bye;  ///< to the first message
    std::string detail;
    bool sends_text = false;  ///< as the first message
    bool is_dead = false;     ///< reads nothing behind the handshake, not even pings
  };

  TestRelay() : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    accept();
    tick();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~TestRelay() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  Url url(const std::string& host = "127.0.0.1") const {
    return {Url::Scheme::spancast, host, port(), "/live/cam"};
  }
  /// Calls it on the relay's thread.
  template <class Task>
  auto call(Task task) {
    std::packaged_task<decltype(task(*this))()> packaged([&] { return task(*this); });
    auto result = packaged.get_future();
    asio::post(context_, [&packaged] { packaged(); });
    return result.get();
  }
  void behave(Manners manners) {
    call([&](TestRelay&) { manners_ = std::move(manners); });
  }
  /// Cuts every connection; with `is_killed` the relay also forgets everything.
  void cut(bool is_killed = false) {
    call([&](TestRelay&) {
      for (const auto& peer : peers_) peer->close();
      if (is_killed) relay.restart();
    });
  }
  /// Waits until that is true on the relay's thread.
  void until(std::function<bool(TestRelay&)> condition) {
    std::promise<void> done;
    call([&](TestRelay&) {
      waiting_ = std::move(condition);
      done_ = &done;
      look();
    });
    RELAY_ASSERT(done.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  }
  /// A player is connected. For the relay's thread.
  bool has_player() const {
    return std::ranges::any_of(peers_, [](const auto& peer) { return peer->role == Role::player; });
  }

  wire::test::Memory memory{64 << 20};
  wire::test::Relay relay{memory};

 private:
  enum class Role { none, publisher, player };
  struct Peer : std::enable_shared_from_this<Peer> {
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

  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error) return;
      peers_.push_back(std::make_shared<Peer>(*this, std::move(socket)));
      peers_.back()->begin();
      accept();
    });
  }
  // Acknowledgements have their time.
  void tick() {
    timer_.expires_after(std::chrono::milliseconds(10));
    timer_.async_wait([this](beast::error_code error) {
      if (error) return;
      relay.on_time(base::monotonic_now());
      flush();
      tick();
    });
  }
  void flush() {
    for (std::size_t index = 0; index < peers_.size(); ++index) peers_[index]->flush();
    look();
  }
  void look() {
    if (!waiting_ || !waiting_(*this)) return;
    waiting_ = nullptr;
    done_->set_value();
  }

  asio::io_context context_;
  asio::steady_timer timer_{context_};
  tcp::acceptor acceptor_;
  Manners manners_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::function<bool(TestRelay&)> waiting_;
  std::promise<void>* done_ = nullptr;
  std::thread thread_;
};

inline void TestRelay::Peer::begin() {
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

inline void TestRelay::Peer::answer() {
  response.result(owner.manners_.status);
  response.body() = owner.manners_.body;
  response.prepare_payload();
  beast::http::async_write(stream.next_layer(), response,
                           [self = shared_from_this()](beast::error_code, std::size_t) {
                             self->stream.next_layer().close();
                           });
}

inline void TestRelay::Peer::read() {
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

inline void TestRelay::Peer::on_message(const std::string& text) {
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

inline void TestRelay::Peer::flush() {
  for (std::string& text : link.down) {
    const auto message = wire::read_message(owner.memory.put_cut(text, 100'000));
    is_over = is_over || (message && std::holds_alternative<wire::Bye>(*message));
    out.push_back(std::move(text));
  }
  link.down.clear();
  write();
}

inline void TestRelay::Peer::write() {
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

/// What a client reported, in order; waits for it.
class Record {
 public:
  void add(std::string line) {
    const std::lock_guard lock(lock_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  void end(const Ending& ending) {
    const std::lock_guard lock(lock_);
    ending_ = ending;
    changed_.notify_all();
  }
  Ending wait_for_end() {
    std::unique_lock lock(lock_);
    RELAY_ASSERT(
        changed_.wait_for(lock, std::chrono::seconds(60), [this] { return ending_.has_value(); }));
    return *ending_;
  }
  /// So many lines that begin like that.
  std::vector<std::string> wait_for(const std::string& begin, std::size_t count) {
    std::unique_lock lock(lock_);
    std::vector<std::string> found;
    RELAY_ASSERT(changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      found.clear();
      for (const std::string& line : lines_) {
        if (line.starts_with(begin)) found.push_back(line);
      }
      return found.size() >= count;
    }));
    return found;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(lock_);
    return lines_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::optional<Ending> ending_;
};

}  // namespace client::test
