#include "client/camera/source_fault.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "client/camera/packages.hpp"
#include "client/camera/stream_tail.hpp"

namespace client::camera {
namespace {

// GStreamer's own plugins say `no element "x"`.
std::string element_in(std::string_view message) {
  const std::size_t begin = message.find('"');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = message.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(message.substr(begin + 1, end - begin - 1));
}

std::optional<Failure> check_opens(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file != -1) {
    close(file);
    return std::nullopt;
  }
  const int error = errno;
  const bool is_device = (flags & O_RDWR) != 0;
  std::string text = "cannot open " + path + ": " + std::strerror(error);
  if (is_device && error == ENOENT) text += "; spancast-camera --list shows what there is";
  if (is_device && error == EACCES) text += "; the user must be in the group video";
  return Failure{ExitCode::source, text};
}

std::optional<Failure> check_display() {
  const char* display = std::getenv("DISPLAY");
  if (display != nullptr && *display != '\0') return std::nullopt;
  return Failure{
      ExitCode::source,
      "there is no X display: DISPLAY is not set. Of a Wayland session only what runs in "
      "Xwayland can be captured"};
}

bool is_unknown(const std::string& host) {
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, nullptr, &found) != 0) return true;
  freeaddrinfo(found);
  return false;
}

// rtspsrc says of all that keeps it from connecting that it could not open the resource.
std::string explain_connecting(const Plan& plan) {
  const auto url = parse_source_url(plan.path);
  if (url && is_unknown(url->host)) return "there is no host named " + url->host;
  return "no connection to " + (url ? url->host : std::string("the camera")) +
         ": refused, or it does not answer; is it on, and the port right?";
}

FailureEvent explain_camera(const Plan& plan, const GError& error) {
  FailureEvent event{0, {ExitCode::source, std::string("the camera: ") + error.message}};
  std::string& text = event.failure.text;
  if (error.domain == GST_RESOURCE_ERROR && error.code == GST_RESOURCE_ERROR_NOT_AUTHORIZED) {
    event.cure = FailureEvent::Cure::credentials;
    text = plan.credentials == Credentials{}
               ? "the camera wants a user and a password: give them as "
                 "rtsp://USER:PASSWORD@HOST/PATH, or in SPANCAST_CAMERA_USER and "
                 "SPANCAST_CAMERA_PASSWORD"
               : "the camera refuses user and password: check both";
  } else if (error.domain == GST_RESOURCE_ERROR && error.code == GST_RESOURCE_ERROR_NOT_FOUND) {
    text = "the camera has no such stream; is the path of the URL right?";
  } else if (error.domain == GST_RESOURCE_ERROR &&
             (error.code == GST_RESOURCE_ERROR_OPEN_READ_WRITE ||
              error.code == GST_RESOURCE_ERROR_OPEN_READ)) {
    text = explain_connecting(plan);
  }
  return event;
}

}  // namespace

std::optional<Failure> check_source(const Plan& plan) {
  switch (plan.source) {
    case Options::Source::file:
      return check_opens(plan.path, O_RDONLY);
    case Options::Source::v4l2:
      return check_opens(plan.path, O_RDWR | O_NONBLOCK);
    case Options::Source::screen:
      return check_display();
    default:
      return std::nullopt;
  }
}

Failure explain_parse_error(const GError& error, Options::Source source) {
  if (error.domain == GST_PARSE_ERROR && error.code == GST_PARSE_ERROR_NO_SUCH_ELEMENT) {
    return {ExitCode::failed, explain_missing(element_in(error.message))};
  }
  if (source == Options::Source::gst) {
    return {ExitCode::usage,
            std::string("GStreamer does not understand the description: ") + error.message};
  }
  return {ExitCode::failed, std::string("GStreamer cannot build the pipeline: ") + error.message};
}

FailureEvent explain_error(const Plan& plan, const GError& error, std::string_view element) {
  if (plan.source == Options::Source::rtsp && element == "source") {
    return explain_camera(plan, error);
  }
  if (plan.source == Options::Source::rtsp && element == pieces_name) {
    return {0, {ExitCode::source, std::string("the camera sends ") + error.message}};
  }
  const bool is_ours = plan.source == Options::Source::test || error.domain == GST_CORE_ERROR;
  std::string text = "GStreamer (" + std::string(element) + "): " + error.message;
  if (plan.source == Options::Source::file) text = plan.path + ": " + text;
  if (plan.source == Options::Source::pipe && error.domain == GST_STREAM_ERROR) {
    text = "what the command writes is neither MPEG-TS nor fragmented MP4, or is damaged: " + text;
  }
  return {0, {is_ours ? ExitCode::failed : ExitCode::source, text}};
}

}  // namespace client::camera
