#include "relay/server/access_log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace server {
namespace {

using namespace std::chrono_literals;

/// What is written to stderr while this lives.
class Captured {
 public:
  Captured() : before_(dup(STDERR_FILENO)) {
    REQUIRE(pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) == 0);
    dup2(pipe_[1], STDERR_FILENO);
  }
  ~Captured() { end(); }
  std::string end() {
    if (before_ < 0) return {};
    dup2(before_, STDERR_FILENO);
    ::close(std::exchange(before_, -1));
    std::array<char, 8192> buffer;
    const ssize_t count = read(pipe_[0], buffer.data(), buffer.size());
    ::close(pipe_[0]);
    ::close(pipe_[1]);
    return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
  }

 private:
  int pipe_[2]{};
  int before_;
};

struct Rig {
  explicit Rig(bool is_on) : access(log, is_on) {
    head.method_text = "GET";
    head.target = "/live/cam.ts?token=hush&wait=5";
    head.user_agent = "VLC \"3\"";
  }
  void begin(std::uint64_t session) { access.begin(session, head, "id7", "192.0.2.1:80", now); }

  base::Log log{base::LogLevel::info, base::LogFormat::text};
  AccessLog access;
  http::RequestHead head;
  base::Time now = base::monotonic_now();
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a request has one line when its response is over") {
  Rig rig(true);
  Captured captured;
  rig.begin(1);
  rig.access.move(1, 2, 200);
  rig.access.set_received(2, 40);
  rig.access.move(2, 3);
  rig.access.end(1, 9, rig.now);
  rig.access.end(3, 4096, rig.now + 2500ms);
  rig.access.end(3, 4096, rig.now + 2500ms);
  const std::string text = captured.end();
  CHECK(has(text,
            "access method=GET target=\"/live/cam.ts?***&wait=5\" status=200 bytes=4096 "
            "received=40 seconds=2.500 peer=192.0.2.1:80 request_id=id7 "
            "user_agent=\"VLC \\\"3\\\"\"\n"));
  CHECK(text.find("access") == text.rfind("access"));
}

TEST_CASE("a status that is said at once is the one of the line") {
  Rig rig(true);
  Captured captured;
  rig.begin(1);
  rig.access.end(1, 404, 12, rig.now);
  rig.begin(2);
  rig.access.end_all(rig.now);
  const std::string text = captured.end();
  CHECK(has(text, " status=404 bytes=12 "));
  CHECK(has(text, " status=0 bytes=0 "));
  CHECK(rig.access.find(2) == nullptr);
}

TEST_CASE("good answers to health checks are shown at the level debug only") {
  Rig rig(true);
  Captured captured;
  for (const char* target : {"/healthz", "/readyz"}) {
    rig.head.target = target;
    rig.begin(1);
    rig.access.end(1, 200, 3, rig.now);
  }
  rig.begin(1);
  rig.access.end(1, 503, 3, rig.now);
  const std::string text = captured.end();
  CHECK(has(text, "target=/readyz status=503 "));
  CHECK(text.find("access") == text.rfind("access"));
}

TEST_CASE("a request goes on at another worker with its id and its time") {
  Rig here(true);
  Rig there(true);
  here.begin(1);
  there.access.go_on(5, here.access.take(1));
  CHECK(here.access.find(1) == nullptr);
  CHECK(here.access.request_id(1).empty());
  REQUIRE(there.access.find(5) != nullptr);
  CHECK(there.access.request_id(5) == "id7");
  CHECK(there.access.find(5)->begun == here.now);
  CHECK(here.access.take(1).request_id.empty());
}

TEST_CASE("without an access log requests are known by their ids and nothing is written") {
  Rig rig(false);
  Captured captured;
  rig.begin(1);
  CHECK(rig.access.request_id(1) == "id7");
  rig.access.move(1, 2, 200);
  rig.access.end(2, 7, rig.now);
  rig.begin(3);
  rig.access.forget_if_off(3);
  CHECK(rig.access.find(3) == nullptr);
  CHECK(captured.end().empty());
  Rig on(true);
  on.begin(3);
  on.access.forget_if_off(3);
  CHECK(on.access.find(3) != nullptr);
}

}  // namespace server
