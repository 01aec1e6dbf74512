#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/loop/handle.hpp"
#include "relay/loop/tcp.hpp"
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

/// Accepts connections of one bound socket on one worker.
class Listener {
 public:
  static constexpr int backlog = 4096;

  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_accept(Listener& listener, std::unique_ptr<Tcp> tcp) noexcept = 0;
  };

  /// Takes over the socket. Throws std::runtime_error when it cannot listen.
  Listener(Worker& worker, int socket, Events& events);

 private:
  static void on_connection(uv_stream_t* stream, int status) noexcept;

  Worker& worker_;
  Events& events_;
  Handle<uv_tcp_t> handle_;
};

}  // namespace loop
