#include "relay/loop/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "relay/base/assert.hpp"

namespace loop {
namespace {

struct Address {
  sockaddr_in6 storage{};  // or a sockaddr_in, which is smaller
  socklen_t size = 0;
};

Address parse(const std::string& text, std::uint16_t port) {
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof v6;
  } else {
    throw std::runtime_error("cannot listen on '" + text +
                             "': not an IPv4 or IPv6 address (names are not looked up)");
  }
  return address;
}

[[noreturn]] void fail(const std::string& address, std::uint16_t port, int error) {
  const std::string where = address + " port " + std::to_string(port);
  if (error == EADDRINUSE) {
    throw std::runtime_error("cannot listen on " + where +
                             ": the port is in use by another process");
  }
  throw std::runtime_error("cannot listen on " + where + ": " + std::strerror(error));
}

void set_flag(int fd, int level, int option, int value) {
  static_cast<void>(setsockopt(fd, level, option, &value, sizeof value));
}

// Returns -1 with errno when the socket cannot be bound.
int bind_one(const Address& address, bool shared) {
  const int fd = socket(address.storage.sin6_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // Connections of an earlier relay that still linger (TIME_WAIT) must not keep us from starting.
  set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared) set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.storage.sin6_family == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

}  // namespace

BoundSockets bind_sockets(const std::string& text, std::uint16_t port, std::size_t count) {
  Address address = parse(text, port);
  BoundSockets bound;
  int first = bind_one(address, false);
  if (first < 0 && text == "::" && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    address = parse("0.0.0.0", port);
    first = bind_one(address, false);
  }
  if (first < 0) fail(text, port, errno);
  bound.sockets.push_back(first);
  address.size = sizeof address.storage;
  getsockname(first, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  bound.address = format_address(address.storage);
  // Nobody else had the port; from here on our own sockets may share it.
  set_flag(first, SOL_SOCKET, SO_REUSEPORT, 1);
  while (bound.sockets.size() < count) {
    const int fd = bind_one(address, true);
    if (fd < 0) {
      const int error = errno;
      for (const int socket : bound.sockets) ::close(socket);
      fail(text, port, error);
    }
    bound.sockets.push_back(fd);
  }
  return bound;
}

Listener::Listener(Worker& worker, int socket, Events& events) : worker_(worker), events_(events) {
  auto tcp = std::make_unique<uv_tcp_t>();
  RELAY_ASSERT(uv_tcp_init(worker.uv(), tcp.get()) == 0);
  handle_.reset(tcp.release());
  handle_->data = this;
  int status = uv_tcp_open(handle_.get(), socket);
  if (status == 0) {
    // One accept a turn, spread over processes, is for servers that fork; it costs us a poll each.
    uv_tcp_simultaneous_accepts(handle_.get(), 1);
    status = uv_listen(reinterpret_cast<uv_stream_t*>(handle_.get()), backlog, on_connection);
  }
  if (status != 0) throw std::runtime_error(std::string("cannot listen: ") + uv_strerror(status));
}

void Listener::on_connection(uv_stream_t* stream, int status) noexcept {
  auto* listener = static_cast<Listener*>(stream->data);
  if (listener == nullptr || status != 0) return;
  std::unique_ptr<Tcp> tcp(new Tcp(listener->worker_));
  if (uv_accept(stream, reinterpret_cast<uv_stream_t*>(tcp->handle_.get())) != 0) return;
  tcp->remember_peer();
  tcp->tune();
  listener->events_.on_accept(*listener, std::move(tcp));
}

}  // namespace loop
