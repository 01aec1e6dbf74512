#include "client/wire/http_get.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/client/wire/test_relay.hpp"

namespace client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Answers each connection with the next of these texts, in pieces, and closes it.
class Server {
 public:
  explicit Server(std::deque<std::string> answers)
      : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        answers_(std::move(answers)),
        thread_([this] { run(); }) {}
  ~Server() { thread_.join(); }  // once everybody was answered

  Url url() const {
    return {Url::Scheme::http, "127.0.0.1", acceptor_.local_endpoint().port(), "/live/cam.ts?x=1"};
  }
  const std::string& request() const { return request_; }

 private:
  void run() {
    for (; !answers_.empty(); answers_.pop_front()) {
      tcp::socket socket(context_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      request_.clear();
      asio::read_until(socket, asio::dynamic_buffer(request_), "\r\n\r\n", error);
      socket.set_option(tcp::no_delay(true), error);
      const std::string& answer = answers_.front();
      for (std::size_t at = 0; at < answer.size(); at += 17) {
        asio::write(socket, asio::buffer(answer.substr(at, 17)), error);
      }
    }
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::deque<std::string> answers_;
  std::string request_;
  std::thread thread_;
};

struct Events final : HttpGet::Events {
  void on_connected(const std::string& address) override { record.add("connected " + address); }
  base::Result<void> on_body(memory::Window bytes) override {
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (body.find("damaged") != std::string::npos) {
      return boost::system::errc::make_error_code(boost::system::errc::bad_message);
    }
    return {};
  }
  std::optional<base::Time> deadline() override {
    return wants_time ? std::optional(base::monotonic_now()) : std::nullopt;
  }
  void on_time(base::Time) override {
    wants_time = false;
    record.add("time");
  }
  void on_lost(const std::string& reason, base::Duration) override { record.add("lost " + reason); }
  void on_end(const Ending& ending) override { record.end(ending); }

  std::string body;  // of the network thread, until the end
  bool wants_time = false;
  test::Record record;
};

struct Rig {
  explicit Rig(std::deque<std::string> answers) : server(std::move(answers)) {}
  Ending get() {
    HttpGet::Settings settings;
    settings.url = server.url();
    settings.backoff.first = std::chrono::milliseconds(1);
    HttpGet get(pool, settings, events);
    return events.record.wait_for_end();
  }
  memory::Arena arena{4 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  Server server;
  Events events;
};

constexpr char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("a chunked body comes whole and its end is the end") {
  Rig rig({std::string(chunked) + "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"});
  const Ending ending = rig.get();
  CHECK(ending.cause == Ending::Cause::done);
  CHECK(rig.events.body == "hello world");
  CHECK(rig.server.request().starts_with("GET /live/cam.ts?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
}

TEST_CASE("a body that ends with its connection is done") {
  std::string body(300'000, 'x');
  for (std::size_t at = 0; at < body.size(); ++at) body[at] = static_cast<char>(at * 13 + at / 251);
  Rig rig({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body});
  CHECK(rig.get().cause == Ending::Cause::done);
  CHECK(rig.events.body == body);
}

TEST_CASE("a body that is cut off is a lost connection and not asked for again") {
  Rig rig({std::string(chunked) + "5\r\nhello\r\n"});
  const Ending ending = rig.get();
  CHECK(ending.cause == Ending::Cause::unreachable);
  CHECK(ending.detail.starts_with("the connection was lost: "));
  CHECK(rig.events.body == "hello");
}

TEST_CASE("a refusal shows what the relay says") {
  Rig rig({"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno stream"});
  const Ending ending = rig.get();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.detail == rig.server.url().authority() + " answered 404 Not Found: no stream");
}

TEST_CASE("a refusal with a long body is cut") {
  Rig rig({"HTTP/1.1 404 Not Found\r\nContent-Length: 9000\r\n\r\n" + std::string(9000, 'x')});
  CHECK(rig.get().detail.size() < 300);
}

TEST_CASE("a relay without room is asked again") {
  Rig rig({"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull",
           std::string(chunked) + "2\r\nhi\r\n0\r\n\r\n"});
  CHECK(rig.get().cause == Ending::Cause::done);
  CHECK(rig.events.body == "hi");
  CHECK(rig.events.record.wait_for("lost ", 1)[0].ends_with(
      "answered 503 Service Unavailable: full"));
}

TEST_CASE("a body that its reader refuses is the end") {
  Rig rig({std::string(chunked) + "7\r\ndamaged\r\n"});
  const Ending ending = rig.get();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.detail.starts_with("the stream is damaged: "));
}

}  // namespace client
