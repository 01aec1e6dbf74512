#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/wire/backoff.hpp"
#include "client/wire/connection.hpp"
#include "client/wire/ending.hpp"
#include "relay/protocol/wire/output.hpp"

namespace client {

/// Keeps one connection to a URL after the other, with the waits between them, on a network thread
/// that it owns. What is said over them is its owner's. All of it but `start()`, `context()`
/// and `stop()` is for that thread.
class Link : private Connection::Events {
 public:
  struct Settings {
    Connection::Settings connection;
    Backoff::Policy backoff;
  };

  /// On the network thread.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_open(const std::string& address) = 0;
    virtual void on_message(memory::WindowList message) = 0;
    virtual void on_room() = 0;
    virtual void on_lost(const std::string& reason, base::Duration retry_in) = 0;
    virtual void on_end(const Ending& ending) = 0;
  };

  /// `pool`: for what is received; used on the network thread only.
  Link(memory::BlockPool& pool, Settings settings, Events& events);
  ~Link();

  void start();
  /// For tasks on the network thread.
  boost::asio::io_context& context() noexcept { return context_; }
  /// At once, and waits for the thread: no event comes any more.
  void stop();

  bool has_room() const noexcept { return connection_ && connection_->has_room(); }
  void send(wire::Encoded message);
  /// What was sent or has come was of use: waits begin anew.
  void succeed() noexcept { backoff_.succeed(); }
  /// A half of the protocol says that the connection is over: closes it, and connects again if
  /// that may help.
  void close(const wire::Close& close);
  /// Closes, and ends as done.
  void leave();
  void hold(bool is_held);

 private:
  void on_open(const std::string& address) override;
  void on_message(memory::WindowList message) override { events_.on_message(std::move(message)); }
  void on_room() override { events_.on_room(); }
  void on_closed(const Connection::Lost& lost) override;
  void connect();
  void retry(const std::string& reason, base::Duration at_least);
  void end(Ending ending);

  memory::BlockPool& pool_;
  Settings settings_;
  Events& events_;
  Backoff backoff_;
  std::mt19937_64 random_;
  std::optional<wire::Close> closing_;  // what was said before the connection closes
  bool is_leaving_ = false;
  unsigned first_address_ = 0;
  bool is_held_ = false;
  bool has_ended_ = false;
  boost::asio::io_context context_;
  boost::asio::steady_timer retry_timer_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<Connection> connection_;
  std::thread thread_;
};

}  // namespace client
