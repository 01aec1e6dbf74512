#include "relay/loop/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

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
  bound.address =
      base::to_text(base::Endpoint::from(reinterpret_cast<const sockaddr&>(address.storage)));
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

Listener::Listener(Worker& worker, int socket, Events& events)
    : worker_(worker),
      events_(events),
      socket_(socket),
      retry_timer_(worker, bind<&Listener::start>(this)) {
  if (::listen(socket, backlog) != 0) {
    throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
  }
  auto poll = std::make_unique<uv_poll_t>();
  const int status = uv_poll_init(worker.uv(), poll.get(), socket);
  if (status != 0) throw std::runtime_error(std::string("cannot listen: ") + uv_strerror(status));
  poll_.reset(poll.release());
  poll_->data = this;
  start();
}

void Listener::start() noexcept { uv_poll_start(poll_.get(), UV_READABLE, on_readable); }

void Listener::on_readable(uv_poll_t* poll, int, int) noexcept {
  if (auto* listener = static_cast<Listener*>(poll->data)) listener->accept_some();
}

void Listener::accept_some() noexcept {
  for (int count = 0; count < accepts_per_turn; ++count) {
    switch (accept_one()) {
      case Accepted::one:
        continue;
      case Accepted::none:
        return;
      case Accepted::failed:
        // The queue stays readable: without a pause the loop would do nothing else.
        uv_poll_stop(poll_.get());
        retry_timer_.wake_at(base::monotonic_now() + retry_interval);
        return;
    }
  }
}

std::size_t Listener::accept_queued() noexcept {
  std::size_t count = 0;
  // The queue holds one more than the backlog; who comes meanwhile must not keep this going.
  while (count <= backlog && accept_one() == Accepted::one) ++count;
  return count;
}

Listener::Accepted Listener::accept_one() noexcept {
  int fd;
  do {
    fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    // ECONNABORTED and its kind are about one connection that is gone already (accept(2)).
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
  if (fd < 0 && errno == EAGAIN) {
    is_failing_ = false;
    return Accepted::none;
  }
  if (fd < 0) {
    const base::Error error = to_error(-errno);
    if (!std::exchange(is_failing_, true)) events_.on_accept_failed(*this, error);
    return Accepted::failed;
  }
  if (auto tcp = Tcp::from_socket(worker_, fd)) {
    tcp->tune();
    events_.on_accept(*this, std::move(tcp));
  }
  return Accepted::one;
}

}  // namespace loop
