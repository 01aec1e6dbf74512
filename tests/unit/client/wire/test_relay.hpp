#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/wire/ending.hpp"
#include "client/wire/url.hpp"
#include "relay/base/assert.hpp"
#include "tests/unit/protocol/wire/world.hpp"

// The relay's halves of the wire behind real sockets on the loopback interface: what the clients
// connect to in their tests. One publisher and one player at a time.
namespace client::test {

namespace asio = boost::asio;
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

  TestRelay();
  ~TestRelay();

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
  void cut(bool is_killed = false);
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
  bool has_player() const;

  wire::test::Memory memory{64 << 20};
  wire::test::Relay relay{memory};

 private:
  struct Peer;  // a connection: all that needs Beast is in the .cpp, compiled once

  void accept();
  void tick();
  void flush();
  void look();

  asio::io_context context_;
  asio::steady_timer timer_{context_};
  tcp::acceptor acceptor_;
  Manners manners_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::function<bool(TestRelay&)> waiting_;
  std::promise<void>* done_ = nullptr;
  std::thread thread_;
};

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
