#include <gst/gst.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "client/camera/camera.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/options.hpp"

namespace {

using client::ExitCode;
using client::camera::Inbox;

// Tells the inbox of SIGINT and SIGTERM, which are blocked in every other thread.
class SignalWatch {
 public:
  explicit SignalWatch(Inbox& inbox) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this, &inbox] {
      int number = 0;
      while (sigwait(&signals_, &number) == 0 && !is_ending_) {
        inbox.push(client::camera::SignalEvent{number});
      }
    });
  }
  ~SignalWatch() {
    is_ending_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  sigset_t signals_{};
  std::atomic<bool> is_ending_{false};
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto parsed =
      client::camera::parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!parsed.options) {
    std::fputs(parsed.text.c_str(), parsed.code == ExitCode::done ? stdout : stderr);
    return static_cast<int>(parsed.code);
  }
  try {
    Inbox inbox;
    const SignalWatch signals(inbox);
    gst_init(nullptr, nullptr);
    client::camera::Camera camera(*parsed.options, inbox);
    return static_cast<int>(camera.run());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "spancast-camera: %s\n", error.what());
    return static_cast<int>(ExitCode::failed);
  }
}
