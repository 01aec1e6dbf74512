// The reference for latency: what one publisher sends goes to all viewers as it was received, with
// nothing looked at. HTTP chunk framing of the publisher is the framing of the viewers.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/sockets.hpp"

namespace bench {
namespace {

constexpr std::string_view response_head =
    "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Peer {
  enum class Role { unknown, publisher, viewer };
  Descriptor fd;
  Role role = Role::unknown;
  std::string rest;  ///< what a short write left, only then copied
};

class Forwarder {
 public:
  explicit Forwarder(Descriptor listener) : listener_(std::move(listener)) {
    epoll_.add(listener_.get(), EPOLLIN, listener_tag);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
    }
  }

 private:
  static constexpr std::uint64_t listener_tag = ~std::uint64_t{0};

  void handle(const epoll_event& event) {
    if (event.data.u64 == listener_tag) return accept_all();
    Peer& peer = *peers_[event.data.u64];
    if (!peer.fd.open()) return;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(peer);
    if (!peer.rest.empty() && peer.fd.open()) {
      const std::string rest = std::move(peer.rest);
      peer.rest.clear();
      send(peer, rest);
    }
  }

  void accept_all() {
    for (;;) {
      Descriptor fd = accept_from(listener_.get());
      if (!fd.open()) return;
      set_viewer_options(fd.get());
      epoll_.add(fd.get(), EPOLLIN | EPOLLOUT | EPOLLET, peers_.size());
      peers_.push_back(std::make_unique<Peer>());
      peers_.back()->fd = std::move(fd);
    }
  }

  void read(Peer& peer) {
    for (;;) {
      const ssize_t size = ::recv(peer.fd.get(), buffer_.data(), buffer_.size(), 0);
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return peer.fd.reset();
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
      if (peer.role == Peer::Role::publisher) {
        forward(bytes);
      } else if (peer.role == Peer::Role::unknown) {
        begin(peer, bytes);
      }
    }
  }

  void begin(Peer& peer, std::string_view head) {
    if (head.starts_with("GET")) {
      peer.role = Peer::Role::viewer;
      return send(peer, response_head);
    }
    peer.role = Peer::Role::publisher;
    // The publisher of the benchmarks sends its head as one piece before the first chunk.
    const std::size_t end = head.find("\r\n\r\n");
    if (end != std::string_view::npos && end + 4 < head.size()) forward(head.substr(end + 4));
  }

  void forward(std::string_view bytes) {
    for (const auto& peer : peers_) {
      if (peer->role == Peer::Role::viewer && peer->fd.open()) send(*peer, bytes);
    }
  }

  void send(Peer& peer, std::string_view bytes) {
    if (!peer.rest.empty()) {
      peer.rest.append(bytes);
      return;
    }
    const ssize_t sent =
        ::send(peer.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return peer.fd.reset();
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (!bytes.empty()) peer.rest.assign(bytes);
  }

  Descriptor listener_;
  Epoll epoll_;
  std::array<char, 65536> buffer_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  bench::Arguments arguments(argc, argv);
  const auto port = static_cast<std::uint16_t>(arguments.number("port", 0));
  arguments.finish();
  bench::Descriptor listener = bench::listen_on(port, false);
  std::printf("{\"event\": \"listening\", \"port\": %u}\n", bench::port_of(listener.get()));
  std::fflush(stdout);
  bench::Forwarder(std::move(listener)).run();
}
