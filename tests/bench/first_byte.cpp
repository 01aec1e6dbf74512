// How long a new viewer waits for its first byte of media: connects, asks, reads one body byte,
// and comes again, one viewer at a time.
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/sockets.hpp"

namespace bench {
namespace {

// From connect() to the first byte after the head; 0 when the answer is not 200, ends or does not
// come.
std::int64_t visit(std::uint16_t port, const std::string& request) {
  const std::int64_t began = now_ns();
  const Descriptor fd = connect_to(port);
  const timeval patience{.tv_sec = 3, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  send_all(fd.get(), request);
  std::string answer;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return 0;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos || end + 4 == answer.size()) continue;
    return answer.starts_with("HTTP/1.1 200") ? now_ns() - began : 0;
  }
}

int run(Arguments arguments) {
  const auto port = static_cast<std::uint16_t>(arguments.number("port", 0));
  const std::string target = arguments.text("target", "/bench/0.ts");
  const std::int64_t visits = arguments.number("visits", 200);
  const std::int64_t pause_us = arguments.number("pause-us", 23'700);  // no part of a frame's time
  arguments.finish();
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  std::vector<std::int64_t> times;
  std::int64_t failed = 0;
  for (std::int64_t i = 0; i < visits; ++i) {
    const std::int64_t time = visit(port, request);
    if (time > 0) {
      times.push_back(time);
    } else {
      ++failed;
    }
    const timespec pause{.tv_sec = pause_us / 1'000'000, .tv_nsec = pause_us % 1'000'000 * 1000};
    ::nanosleep(&pause, nullptr);
  }
  std::sort(times.begin(), times.end());
  const auto at = [&times](std::size_t percent) {
    if (times.empty()) return 0.0;
    return static_cast<double>(times[(times.size() - 1) * percent / 100]) / 1e6;
  };
  std::printf(
      "{\"event\": \"first_byte\", \"visits\": %zu, \"failed\": %lld, \"p25\": %.4f, "
      "\"p50\": %.4f, \"p75\": %.4f, \"p99\": %.4f, \"max\": %.4f}\n",
      times.size(), static_cast<long long>(failed), at(25), at(50), at(75), at(99), at(100));
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  return bench::run(bench::Arguments(argc, argv));
}
