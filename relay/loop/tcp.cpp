#include "relay/loop/tcp.hpp"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "relay/base/assert.hpp"

namespace loop {
namespace {

const memory::WindowList no_windows;

void set_option(int fd, int level, int option, int value) {
  // A refused option costs speed, never correctness.
  static_cast<void>(setsockopt(fd, level, option, &value, sizeof value));
}

}  // namespace

// Owns itself and what it writes until its callback, which comes even when the handle is closed.
struct Tcp::WriteRequest {
  uv_write_t request;
  std::string text;
  memory::WindowList windows;
};

base::Error to_error(int status) noexcept {
  return status >= 0 ? base::Error{} : base::Error{-status, boost::system::system_category()};
}

OwnedSocket::~OwnedSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Tcp::Tcp(Worker& worker) {
  auto tcp = std::make_unique<uv_tcp_t>();
  RELAY_ASSERT(uv_tcp_init(worker.uv(), tcp.get()) == 0);
  handle_.reset(tcp.release());
  handle_->data = this;
}

std::unique_ptr<Tcp> Tcp::from_socket(Worker& worker, int fd) {
  std::unique_ptr<Tcp> tcp(new Tcp(worker));
  if (uv_tcp_open(tcp->handle_.get(), fd) != 0) {
    ::close(fd);
    return nullptr;
  }
  tcp->remember_peer();
  return tcp;
}

void Tcp::tune() noexcept {
  const int fd = fd_;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void Tcp::start_reading() noexcept {
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) noexcept {
    auto* tcp = static_cast<Tcp*>(handle->data);
    const auto space = tcp == nullptr || tcp->events_ == nullptr ? std::span<std::byte>{}
                                                                 : tcp->events_->read_space();
    *buffer = uv_buf_init(reinterpret_cast<char*>(space.data()),
                          static_cast<unsigned>(std::min<std::size_t>(
                              space.size(), std::numeric_limits<int>::max())));
  };
  uv_read_start(stream(), allocate, on_read_bytes);
}

void Tcp::stop_reading() noexcept { uv_read_stop(stream()); }

void Tcp::on_read_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept {
  auto* tcp = static_cast<Tcp*>(stream->data);
  if (tcp == nullptr || tcp->events_ == nullptr || count == 0) return;
  if (count > 0) {
    tcp->events_->on_read(
        {reinterpret_cast<std::byte*>(buffer->base), static_cast<std::size_t>(count)});
    return;
  }
  uv_read_stop(stream);
  if (count == UV_ENOBUFS) {
    tcp->events_->on_no_space();
  } else {
    tcp->events_->on_read_end(
        to_error(count == UV_EOF ? -tcp->take_socket_error() : static_cast<int>(count)));
  }
}

// libuv calls it an end of file, too, when a reset follows on the last bytes before they were read.
int Tcp::take_socket_error() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

memory::Written Tcp::try_write(std::span<const iovec> buffers) noexcept {
  if (is_writing()) return {0, 0};
  constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(buffers.data());
  message.msg_iovlen = std::min<std::size_t>(buffers.size(), IOV_MAX);
  ssize_t written;
  do {
    // With one buffer the kernel is spared reading the message's header and its list.
    written = buffers.size() == 1 ? send(fd_, buffers[0].iov_base, buffers[0].iov_len, flags)
                                  : sendmsg(fd_, &message, flags);
  } while (written < 0 && errno == EINTR);
  if (written >= 0) return {static_cast<std::size_t>(written), 0};
  return {0, errno == EAGAIN ? 0 : errno};
}

void Tcp::write(std::string text, memory::WindowList windows) noexcept {
  RELAY_ASSERT(!is_writing());
  auto request = std::make_unique<WriteRequest>();
  request->text = std::move(text);
  request->windows = std::move(windows);
  request->request.data = request.get();
  std::vector<uv_buf_t> buffers;
  buffers.reserve(request->windows.count() + 1);
  if (!request->text.empty()) {
    buffers.push_back(
        uv_buf_init(request->text.data(), static_cast<unsigned>(request->text.size())));
  }
  for (const memory::Window& window : request->windows) {
    // libuv's type is not const; it only reads.
    auto* bytes = const_cast<char*>(reinterpret_cast<const char*>(window.data()));
    buffers.push_back(uv_buf_init(bytes, static_cast<unsigned>(window.size())));
  }
  request_ = request.get();
  const int status = uv_write(&request->request, stream(), buffers.data(),
                              static_cast<unsigned>(buffers.size()), on_write_done);
  RELAY_ASSERT(status == 0);
  static_cast<void>(request.release());
}

const memory::WindowList& Tcp::writing() const noexcept {
  return request_ == nullptr ? no_windows : request_->windows;
}

void Tcp::on_write_done(uv_write_t* request, int status) noexcept {
  const std::unique_ptr<WriteRequest> done{static_cast<WriteRequest*>(request->data)};
  auto* tcp = static_cast<Tcp*>(request->handle->data);
  if (tcp == nullptr) return;
  tcp->request_ = nullptr;
  if (tcp->events_ != nullptr) tcp->events_->on_written(to_error(status));
}

void Tcp::set_unsent(std::uint64_t bytes) noexcept {
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) != 0) return;
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
             static_cast<int>(std::min<std::uint64_t>(bytes, std::numeric_limits<int>::max())));
}

void Tcp::shut_down() noexcept {
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) == 0) shutdown(fd, SHUT_WR);
}

void Tcp::reset_on_close() noexcept {
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) != 0) return;
  const linger now{1, 0};
  static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
}

int Tcp::duplicate() noexcept {
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) != 0) return -1;
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void Tcp::remember_peer() noexcept {
  uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd_);
  sockaddr_storage peer{};
  int size = sizeof peer;
  uv_tcp_getpeername(handle_.get(), reinterpret_cast<sockaddr*>(&peer), &size);
  origin_.peer = base::Endpoint::from(reinterpret_cast<const sockaddr&>(peer));
  origin_.client = origin_.peer;
}

}  // namespace loop
