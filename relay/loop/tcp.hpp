#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "relay/base/endpoint.hpp"
#include "relay/base/result.hpp"
#include "relay/loop/handle.hpp"
#include "relay/loop/worker.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/memory/written.hpp"

namespace loop {

/// Whose connection it is.
struct Origin {
  base::Endpoint peer;    ///< who has connected: to us, or to a proxy that hands the connection on
  base::Endpoint client;  ///< on whose behalf: that one, or whom it has forwarded a request for
};

/// One accepted TCP connection of one worker. Who uses it (`Events`) changes during its life: first
/// the HTTP session that reads the head, then a publisher or a viewer.
class Tcp {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// Where the next received bytes go; empty when there is no room, which stops reading.
    virtual std::span<std::byte> read_space() noexcept = 0;
    /// `bytes` lie at the start of the last `read_space()`.
    virtual void on_read(std::span<std::byte> bytes) noexcept = 0;
    /// No room was offered: reading has stopped.
    virtual void on_no_space() noexcept {}
    /// Nothing more will be read: the peer closed its side (`ok`) or the connection broke.
    virtual void on_read_end(base::Error error) noexcept = 0;
    /// Everything handed to `write()` was taken by the kernel, or the connection broke.
    virtual void on_written(base::Error error) noexcept = 0;
  };

  /// Takes over a connected socket. Null, and the descriptor closed, when the loop refuses it.
  static std::unique_ptr<Tcp> from_socket(Worker& worker, int fd);

  void set_events(Events* events) noexcept { events_ = events; }
  void start_reading() noexcept;
  void stop_reading() noexcept;

  /// Has what `try_write()` needs on its way into the cache.
  void prefetch() const noexcept { __builtin_prefetch(&fd_); }
  /// Writes what the kernel takes at once; nothing when it takes nothing or a `write()` is
  /// unfinished.
  memory::Written try_write(std::span<const iovec> buffers) noexcept;
  /// Writes all of it, `text` first; `on_written()` follows. Copies nothing: the request keeps the
  /// windows. One at a time.
  void write(std::string text, memory::WindowList windows = {}) noexcept;
  bool is_writing() const noexcept { return request_ != nullptr; }
  /// The windows that it keeps.
  const memory::WindowList& writing() const noexcept;
  /// Of the last `write()`, what the kernel has not taken yet.
  std::size_t unwritten_bytes() const noexcept { return handle_->write_queue_size; }

  /// Bytes the kernel may hold unsent (TCP_NOTSENT_LOWAT).
  void set_unsent(std::uint64_t bytes) noexcept;
  /// Sends FIN after what was written; the other direction stays open.
  void shut_down() noexcept;
  /// Closing sends RST and throws away what is unsent.
  void reset_on_close() noexcept;
  /// A second descriptor of the connection, for handing it to another worker; -1 when there is
  /// none.
  int duplicate() noexcept;
  /// What went wrong with an open connection since it was asked last, as errno says it; 0: nothing.
  /// Behind the end of what the peer sends nothing else tells that it has gone.
  int take_socket_error() noexcept;
  /// As the kernel says it, until somebody knows better.
  const Origin& origin() const noexcept { return origin_; }
  void set_origin(const Origin& origin) noexcept { origin_ = origin; }
  /// ADDRESS:PORT of the client, also after it has gone; `?` without an IP address.
  std::string peer() const { return base::to_text(origin_.client); }
  /// The same without the port.
  std::string peer_address() const { return base::address_text(origin_.client); }

 private:
  friend class Listener;
  struct WriteRequest;
  explicit Tcp(Worker& worker);
  static void on_read_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
  static void on_write_done(uv_write_t* request, int status) noexcept;
  void tune() noexcept;
  void remember_peer() noexcept;
  uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(handle_.get()); }

  Events* events_ = nullptr;
  int fd_ = -1;                      // the handle's
  WriteRequest* request_ = nullptr;  // of the last write(), until it is done
  Origin origin_;
  Handle<uv_tcp_t> handle_;
};

/// A descriptor between two owners, as in a letter that may never be opened.
class OwnedSocket {
 public:
  explicit OwnedSocket(int fd) noexcept : fd_(fd) {}
  OwnedSocket(OwnedSocket&& other) noexcept : fd_(other.release()) {}
  OwnedSocket& operator=(OwnedSocket&&) = delete;
  ~OwnedSocket();

  int fd() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// The error that libuv's status names.
base::Error to_error(int status) noexcept;

}  // namespace loop
