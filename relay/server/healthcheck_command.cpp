#include "relay/server/healthcheck_command.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>

#include <CLI/CLI.hpp>

#include "relay/base/units.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/server/health.hpp"

namespace server {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

// A resolver that does not answer knows no time-out of ours.
void watch_over(base::Time deadline, const std::string& url) {
  std::thread([deadline, url] {
    std::this_thread::sleep_until(deadline + std::chrono::milliseconds(200));
    const std::string line = url + ": no answer in time\n";
    static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
    _exit(1);
  }).detach();
}

Addresses look_up(const HealthTarget& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (error != 0)
    throw std::runtime_error("cannot look it up: " + std::string(gai_strerror(error)));
  return {found, freeaddrinfo};
}

void await(int fd, short event, base::Time deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - base::monotonic_now());
    if (left.count() <= 0) throw std::runtime_error("no answer in time");
    pollfd waiting{fd, event, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) fail("cannot wait", errno);
  }
}

// 0, or what went wrong.
int try_connect(const loop::OwnedSocket& socket, const addrinfo& address, base::Time deadline) {
  if (socket.fd() < 0) return errno;
  if (connect(socket.fd(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  await(socket.fd(), POLLOUT, deadline);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

loop::OwnedSocket connect_to(const HealthTarget& target, base::Time deadline) {
  const Addresses addresses = look_up(target);
  int error = 0;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    loop::OwnedSocket connected(
        socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    error = try_connect(connected, *one, deadline);
    if (error == 0) return connected;
  }
  fail("cannot connect", error);
}

HealthAnswer ask(const HealthTarget& target, base::Time deadline) {
  const loop::OwnedSocket connected = connect_to(target, deadline);
  const std::string request = write_health_request(target);
  const ssize_t sent = send(connected.fd(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent < 0) fail("cannot ask", errno);
  std::string received;
  while (true) {
    await(connected.fd(), POLLIN, deadline);
    std::array<char, 4096> buffer;
    const ssize_t count = recv(connected.fd(), buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) fail("the answer broke off", errno);
    received.append(buffer.data(), static_cast<std::size_t>(count));
    if (auto answer = read_health_answer(received, count == 0)) return *answer;
  }
}

}  // namespace

HealthcheckCommand::HealthcheckCommand(CLI::App& app)
    : command_(app.add_subcommand("healthcheck",
                                  "ask the relay on this machine whether it is ready; exit code 0: "
                                  "it is, 1: it is not, or does not answer")) {
  command_->fallthrough();  // --config may come last
  command_->add_option("--url", url_, "ask there; without it where --config and variables say");
  command_->add_option("--timeout", timeout_, "how long all of it may take (3s)");
  command_->add_flag("--live", is_live_, "ask /healthz instead: whether the process works");
}

std::optional<int> HealthcheckCommand::run(const std::optional<std::filesystem::path>& config,
                                           control::Environment environment) const {
  if (!command_->parsed()) return std::nullopt;
  const auto timeout = base::parse_duration(timeout_);
  if (!timeout || *timeout <= base::Duration::zero() || *timeout > std::chrono::hours(1)) {
    throw std::runtime_error("--timeout is not a duration like 3s");
  }
  const HealthTarget target = url_.empty()
                                  ? health_target(control::load_config(config, environment).config,
                                                  is_live_ ? "/healthz" : "/readyz")
                                  : parse_health_url(url_);
  const base::Time deadline = base::monotonic_now() + *timeout;
  watch_over(deadline, target.url());
  try {
    const HealthAnswer answer = ask(target, deadline);
    (answer.is_good ? std::cout : std::cerr) << target.url() << ": " << answer.sentence << '\n';
    return answer.is_good ? 0 : 1;
  } catch (const std::runtime_error& error) {
    std::cerr << target.url() << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace server
