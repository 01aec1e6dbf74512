#include "client/camera/onvif_device.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <random>
#include <utility>

#include "client/gst/pointer.hpp"
#include "relay/base/time.hpp"

namespace client::camera::onvif {
namespace {

// A socket that is closed with its object.
class Socket {
 public:
  explicit Socket(int file) : file_(file) {}
  ~Socket() {
    if (file_ != -1) close(file_);
  }
  Socket(Socket&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  int file() const noexcept { return file_; }
  bool is_open() const noexcept { return file_ != -1; }

 private:
  int file_;
};

std::string random_bytes(std::size_t count) {
  std::random_device device;
  std::string bytes;
  for (; count > 0; --count) bytes += static_cast<char>(device() & 0xFF);
  return bytes;
}

std::string make_uuid() {
  const gst::Pointer<gchar> text(g_uuid_string_random());
  return text.get();
}

Stamp make_stamp() { return {random_bytes(16), base::to_iso8601(base::utc_now())}; }

Socket connect_to(const SourceUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = url.port.empty() ? "80" : url.port;
  if (getaddrinfo(url.host.c_str(), port.c_str(), &hints, &found) != 0) return Socket(-1);
  const timeval patience{answer_max.count(), 0};
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Socket socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    if (!socket.is_open()) continue;
    setsockopt(socket.file(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket.file(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // connect too
    if (connect(socket.file(), one->ai_addr, one->ai_addrlen) == 0) {
      freeaddrinfo(found);
      return socket;
    }
  }
  freeaddrinfo(found);
  return Socket(-1);
}

bool send_all(const Socket& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(socket.file(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

struct Answer {
  int status = 0;  // 0: none came
  std::string body;
};

// As HTTP/1.0, so that the answer ends with the connection and has no chunks.
Answer post(const std::string& url_text, const std::string& body) {
  const auto url = parse_source_url(url_text);
  if (!url || !url_text.starts_with("http://")) return {};
  const Socket socket = connect_to(*url);
  const std::string rest = url->location.substr(std::string_view("http://").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string path = slash == rest.size() ? "/" : rest.substr(slash);
  if (!socket.is_open() ||
      !send_all(socket, "POST " + path + " HTTP/1.0\r\nHost: " + rest.substr(0, slash) +
                            "\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
                            "Content-Length: " +
                            std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body)) {
    return {};
  }
  std::string text;
  std::array<char, 16 * 1024> buffer;
  const base::Time until = base::monotonic_now() + answer_max;
  while (text.size() < answer_bytes_max && base::monotonic_now() < until) {
    const ssize_t got = recv(socket.file(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  Answer answer;
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos || !text.starts_with("HTTP/1.") || text.size() < 12) return answer;
  answer.status = std::atoi(text.c_str() + 9);
  answer.body = text.substr(head + 4);
  return answer;
}

FailureEvent explain(const SourceUrl& device, const Answer& answer,
                     const Credentials& credentials) {
  FailureEvent event{0, {ExitCode::source, {}}};
  std::string& text = event.failure.text;
  if (answer.status == 401 || is_denied(answer.body)) {
    event.cure = FailureEvent::Cure::credentials;
    text = credentials == Credentials{}
               ? "the camera wants a user and a password: give them as "
                 "onvif://USER:PASSWORD@HOST, or in SPANCAST_CAMERA_USER and "
                 "SPANCAST_CAMERA_PASSWORD"
               : "the camera refuses user and password: check both, and the clocks of camera and "
                 "this machine";
  } else if (answer.status == 0) {
    text = "no ONVIF answer from " + device.host + ": is it on, and the port right?";
  } else {
    text = device.host + " is no ONVIF camera that has streams (HTTP status " +
           std::to_string(answer.status) + ")";
  }
  return event;
}

}  // namespace

std::vector<Match> discover() {
  const Socket socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return {};
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(3702);
  inet_pton(AF_INET, "239.255.255.250", &group.sin_addr);
  const std::string probe = make_probe(make_uuid());
  sendto(socket.file(), probe.data(), probe.size(), 0, reinterpret_cast<const sockaddr*>(&group),
         sizeof group);
  std::vector<Match> found;
  std::vector<char> buffer(64 * 1024);
  const base::Time until = base::monotonic_now() + discovery_time;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - base::monotonic_now());
    pollfd waiting{socket.file(), POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) break;
    const ssize_t got = recv(socket.file(), buffer.data(), buffer.size(), 0);
    if (got <= 0) continue;
    for (Match& match : read_matches({buffer.data(), static_cast<std::size_t>(got)})) {
      if (std::ranges::find(found, match) == found.end()) found.push_back(std::move(match));
    }
  }
  return found;
}

std::string to_text(const std::vector<Match>& matches) {
  if (matches.empty()) {
    return "no ONVIF camera has answered within 3 s: discovery reaches the local network only\n";
  }
  std::string text;
  for (const Match& match : matches) {
    const auto url = parse_source_url(match.service);
    // Names come from the network.
    std::string name = match.name;
    std::ranges::replace_if(
        name, [](unsigned char letter) { return std::iscntrl(letter) != 0; }, ' ');
    if (url) text += "onvif://" + url->host + (url->port.empty() ? "" : ":" + url->port);
    text += "  " + name + "\n";
  }
  return text;
}

std::variant<std::string, FailureEvent> find_stream(const SourceUrl& device,
                                                    const Credentials& credentials) {
  const std::string rest = device.location.substr(std::string_view("onvif://").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string wanted = slash + 1 < rest.size() ? rest.substr(slash + 1) : "";
  const std::string service = "http://" + rest.substr(0, slash) + "/onvif/device_service";
  Answer answer = post(service, ask_services(credentials, make_stamp()));
  const auto media = read_media_service(answer.body);
  if (!media) return explain(device, answer, credentials);
  answer = post(*media, ask_profiles(credentials, make_stamp()));
  const auto profiles = read_profiles(answer.body);
  if (profiles.empty()) return explain(device, answer, credentials);
  auto profile = profiles.begin();
  if (!wanted.empty()) {
    profile = std::ranges::find_if(profiles, [&wanted](const Profile& one) {
      return one.token == wanted || one.name == wanted;
    });
  }
  if (profile == profiles.end()) {
    std::string text = "the camera has no profile \"" + wanted + "\"; it has";
    for (const Profile& one : profiles) text += " " + one.token;
    return FailureEvent{0, {ExitCode::source, text}, FailureEvent::Cure::none};
  }
  answer = post(*media, ask_stream_uri(profile->token, credentials, make_stamp()));
  const auto uri = read_stream_uri(answer.body);
  if (!uri || !uri->starts_with("rtsp")) return explain(device, answer, credentials);
  return *uri;
}

}  // namespace client::camera::onvif
