#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace bench {

/// An owned file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

/// CLOCK_MONOTONIC, which all processes of one machine share.
std::int64_t now_ns();

/// Prints what failed with errno's text and ends the process with status 1.
[[noreturn]] void fail(std::string_view what);

/// Ignores SIGPIPE, raises the soft descriptor limit to the hard one, asks for exact timers, and
/// asks to be ended with the process that started this one.
void prepare_process();

/// A non-blocking listener on 127.0.0.1; `shared` sets SO_REUSEPORT.
Descriptor listen_on(std::uint16_t port, bool shared);
std::uint16_t port_of(int fd);

/// The next queued connection, non-blocking, or a closed descriptor.
Descriptor accept_from(int listener);

/// The socket options the relay gives to its viewers.
void set_viewer_options(int fd);

/// A blocking connection to 127.0.0.1: on loopback the kernel completes it at once. Closing it
/// resets it, so that thousands of closed viewers leave no TIME_WAIT behind for the next run.
Descriptor connect_to(std::uint16_t port);

void send_all(int fd, std::string_view bytes);

/// An epoll instance; `tag` comes back as the event's data.u64.
class Epoll {
 public:
  Epoll();
  int get() const { return epoll_.get(); }
  void add(int fd, std::uint32_t events, std::uint64_t tag);
  void change(int fd, std::uint32_t events, std::uint64_t tag);

 private:
  Descriptor epoll_;
};

}  // namespace bench
