#include <gst/gst.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/camera/camera.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/listing.hpp"
#include "client/camera/onvif_device.hpp"
#include "client/camera/options.hpp"
#include "client/camera/registry_probe.hpp"
#include "client/camera/source_url.hpp"

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
    signal(SIGXFSZ, SIG_IGN);  // a limit of the file of --spill, as good as a full disk
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

// And takes it away from those who look at the environment of processes, and from commands.
std::string take_variable(const char* name) {
  char* const value = std::getenv(name);
  if (value == nullptr) return {};
  std::string text(value);
  std::fill_n(value, text.size(), '*');
  unsetenv(name);
  return text;
}

ExitCode print_cameras(const client::camera::Credentials& credentials) {
  const auto found = client::camera::onvif::discover();
  if (!found) {
    std::fprintf(stderr, "spancast-camera: no camera can be asked for by multicast: %s\n",
                 found.error().message().c_str());
    return ExitCode::failed;
  }
  std::fputs(client::camera::onvif::list_devices(*found, credentials).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  client::camera::hide_passwords(argc, argv);
  client::camera::Credentials given{take_variable("SPANCAST_CAMERA_USER"),
                                    take_variable("SPANCAST_CAMERA_PASSWORD")};
  auto parsed = client::camera::parse_options(std::move(arguments));
  if (!parsed.options) {
    std::fputs(parsed.text.c_str(), parsed.code == ExitCode::done ? stdout : stderr);
    return static_cast<int>(parsed.code);
  }
  auto& credentials = parsed.options->credentials;
  if (credentials == client::camera::Credentials{}) credentials = std::move(given);
  if (parsed.options->discovers) {
    return static_cast<int>(print_cameras(credentials));
  }
  try {
    Inbox inbox;
    const SignalWatch signals(inbox);
    gst_init(nullptr, nullptr);
    if (parsed.options->lists) {
      client::camera::RegistryProbe probe;
      std::fputs(client::camera::to_listing(client::camera::find_devices(), probe).c_str(), stdout);
      return static_cast<int>(ExitCode::done);
    }
    client::camera::Camera camera(*parsed.options, inbox);
    return static_cast<int>(camera.run());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "spancast-camera: %s\n", error.what());
    return static_cast<int>(ExitCode::failed);
  }
}
