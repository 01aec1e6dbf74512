#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/loop/handle.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"

namespace loop {

/// A bound socket of each worker, all on one address; who holds it closes them.
struct BoundSockets {
  std::vector<int> sockets;
  std::string address;  ///< ADDRESS:PORT as bound, with the port the kernel chose for 0
};

/// Binds `count` sockets to a numeric address. The first one is bound without SO_REUSEPORT, so that
/// a port another process uses is an error and not a silent half of its connections. `::` falls
/// back to 0.0.0.0 on a machine without IPv6. Throws std::runtime_error that names address and
/// port.
BoundSockets bind_sockets(const std::string& address, std::uint16_t port, std::size_t count);

/// Accepts connections of one bound socket on one worker. Its own and not libuv's: that one takes
/// the whole queue in one turn, cannot be asked for the rest of it, and calls back for ever when
/// there are no descriptors and another thread took the spare one.
class Listener {
 public:
  static constexpr int backlog = 4096;
  /// Accepted in one turn of the loop; a storm of connections must not make it long.
  static constexpr int accepts_per_turn = 64;
  /// Out of descriptors or memory: so much later it tries again. Clients wait in the queue.
  static constexpr std::chrono::milliseconds retry_interval{100};

  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_accept(Listener& listener, std::unique_ptr<Tcp> tcp) noexcept = 0;
    /// The kernel gives no connection although one is there; told once until the queue is empty.
    virtual void on_accept_failed(Listener& listener, base::Error error) noexcept = 0;
  };

  /// Takes over the socket. Throws std::runtime_error when it cannot listen.
  Listener(Worker& worker, int socket, Events& events);

  /// Accepts what is queued now, a whole queue at most: closing a listener resets what it leaves.
  /// Returns how many there were.
  std::size_t accept_queued() noexcept;

 private:
  enum class Accepted { one, none, failed };

  static void on_readable(uv_poll_t* poll, int status, int events) noexcept;
  Accepted accept_one() noexcept;
  void accept_some() noexcept;
  void start() noexcept;

  Worker& worker_;
  Events& events_;
  OwnedSocket socket_;
  bool is_failing_ = false;
  Timer retry_timer_;
  Handle<uv_poll_t> poll_;  // goes before the socket it watches
};

}  // namespace loop
