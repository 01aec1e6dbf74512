#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

namespace test {

/// As `main` does: a write to a peer that has gone is an error, not the end.
inline void ignore_broken_pipes() { ::signal(SIGPIPE, SIG_IGN); }

/// The peer of a connection: a socket that never blocks, closed with this object.
class Peer {
 public:
  explicit Peer(int fd = -1) noexcept : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(read_, other.read_);
    return *this;
  }
  ~Peer() { close(); }

  int fd() const noexcept { return fd_; }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void send(std::string_view text) const {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }

  /// Reads what is there, at most `most` bytes; everything read so far is `text()`.
  const std::string& read(std::size_t most = std::string::npos) {
    std::array<char, 16384> buffer;
    while (most > 0) {
      const ssize_t count = ::recv(fd_, buffer.data(), std::min(most, buffer.size()), 0);
      if (count <= 0) {
        ended_ = count == 0;
        error_ = count < 0 && errno != EAGAIN ? errno : 0;
        break;
      }
      read_.append(buffer.data(), static_cast<std::size_t>(count));
      most -= static_cast<std::size_t>(count);
    }
    return read_;
  }
  const std::string& text() const noexcept { return read_; }
  /// As of the last `read()`.
  bool ended() const noexcept { return ended_; }
  int error() const noexcept { return error_; }

 private:
  int fd_;
  std::string read_;
  bool ended_ = false;
  int error_ = 0;
};

inline void set_option(int fd, int option, int value) {
  REQUIRE(setsockopt(fd, SOL_SOCKET, option, &value, sizeof value) == 0);
}

/// Two connected sockets; the first is for the relay.
inline std::pair<int, Peer> socket_pair() {
  ignore_broken_pipes();
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  return {fds[0], Peer(fds[1])};
}

inline std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);  // at the same place in a sockaddr_in6
}

/// A connection to 127.0.0.1; it may be under way when this returns.
inline Peer connect_to(std::uint16_t port, int receive_buffer = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) set_option(fd, SO_RCVBUF, receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return Peer(fd);
}

/// Two sockets connected over loopback TCP; the first is for the relay.
inline std::pair<int, Peer> tcp_pair(int receive_buffer = 0, int send_buffer = 0) {
  ignore_broken_pipes();
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener, 1) == 0);
  Peer peer = connect_to(port_of(listener), receive_buffer);
  const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  REQUIRE(accepted >= 0);
  ::close(listener);
  if (send_buffer > 0) set_option(accepted, SO_SNDBUF, send_buffer);
  return {accepted, std::move(peer)};
}

}  // namespace test
