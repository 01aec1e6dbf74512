#include "tests/fuzz/fake_system.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace {

constexpr std::int64_t second = 1'000'000'000;
std::int64_t fake_ns = second;

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* out) noexcept {
  if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, out));
  }
  out->tv_sec = fake_ns / second;
  out->tv_nsec = fake_ns % second;
  return 0;
}

extern "C" int getpeername(int, sockaddr* out, socklen_t* size) noexcept {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(50'000);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(out, &peer, sizeof peer);
  *size = sizeof peer;
  return 0;
}

namespace fuzz {

void reset_time() { fake_ns = 1000 * second; }
void pass_time(std::chrono::nanoseconds time) { fake_ns += time.count(); }

void shrink_send_buffers(loop::Worker& worker) {
  const auto shrink = [](uv_handle_t* handle, void*) {
    uv_os_fd_t fd = -1;
    if (handle->type != UV_TCP || uv_fileno(handle, &fd) != 0) return;
    const int least = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  };
  uv_walk(worker.uv(), shrink, nullptr);
}

}  // namespace fuzz
