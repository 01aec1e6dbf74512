#include "client/camera/onvif_device.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "client/gst/pointer.hpp"
#include "relay/base/credentials.hpp"
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

// Until when the next call on the socket waits. Nothing is sent or received behind it.
bool set_patience(const Socket& socket, base::Time until) {
  const auto left =
      std::chrono::ceil<std::chrono::microseconds>(until - base::monotonic_now()).count();
  if (left <= 0) return false;
  const timeval patience{left / 1'000'000, left % 1'000'000};
  setsockopt(socket.file(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.file(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // connect too
  return true;
}

Socket connect_to(const SourceUrl& url, base::Time until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = url.port.empty() ? "80" : url.port;
  if (getaddrinfo(url.host.c_str(), port.c_str(), &hints, &found) != 0) return Socket(-1);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Socket socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    if (!socket.is_open() || !set_patience(socket, until)) continue;
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
Answer post(const std::string& url_text, const std::string& body, base::Time until) {
  const auto url = parse_source_url(url_text);
  if (!url || !url_text.starts_with("http://")) return {};
  const Socket socket = connect_to(*url, until);
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
  while (text.size() < answer_bytes_max && set_patience(socket, until)) {
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

// What a device says of its streams. Each question until `until`, or so long as it may take.
class Lookup {
 public:
  Lookup(const SourceUrl& device, const Credentials& credentials, std::optional<base::Time> until)
      : device_(device), credentials_(credentials), until_(until) {}

  /// `service`: URL of the device service.
  std::optional<FailureEvent> find_profiles(const std::string& service) {
    Answer answer = ask(service, ask_services(credentials_, make_stamp()));
    const auto media = read_media_service(answer.body);
    if (!media) return explain(device_, answer, credentials_);
    media_ = at_device(*media);
    answer = ask(media_, ask_profiles(credentials_, make_stamp()));
    profiles_ = read_profiles(answer.body);
    if (profiles_.empty()) return explain(device_, answer, credentials_);
    return std::nullopt;
  }
  const std::vector<Profile>& profiles() const noexcept { return profiles_; }

  std::variant<std::string, FailureEvent> find_uri(const Profile& profile) {
    const Answer answer = ask(media_, ask_stream_uri(profile.token, credentials_, make_stamp()));
    const auto uri = read_stream_uri(answer.body);
    if (!uri || !uri->starts_with("rtsp")) return explain(device_, answer, credentials_);
    return *uri;
  }

 private:
  // A device may tell an address of another network that it is in, or of somebody else.
  std::string at_device(const std::string& text) const {
    const auto url = parse_source_url(text);
    if (!url || !text.starts_with("http://")) return {};
    const std::size_t path = url->location.find('/', std::string_view("http://").size());
    const bool is_v6 = device_.host.find(':') != std::string::npos;
    return "http://" + (is_v6 ? "[" + device_.host + "]" : device_.host) +
           (url->port.empty() ? "" : ":" + url->port) +
           (path == std::string::npos ? "/" : url->location.substr(path));
  }

  Answer ask(const std::string& url, const std::string& question) const {
    return post(url, question, until_.value_or(base::monotonic_now() + answer_max));
  }

  const SourceUrl& device_;
  const Credentials& credentials_;
  std::optional<base::Time> until_;
  std::string media_;  // URL of its media service
  std::vector<Profile> profiles_;
};

// Where multicast may be sent from.
std::vector<in_addr> find_interfaces() {
  constexpr std::size_t interfaces_max = 32;
  std::vector<in_addr> addresses;
  ifaddrs* found = nullptr;
  if (getifaddrs(&found) != 0) return addresses;
  for (const ifaddrs* one = found; one != nullptr; one = one->ifa_next) {
    const bool is_usable = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET &&
                           (one->ifa_flags & IFF_UP) != 0 &&
                           (one->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
    if (!is_usable || addresses.size() == interfaces_max) continue;
    addresses.push_back(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr);
  }
  freeifaddrs(found);
  return addresses;
}

// On each interface. Returns the error if it went out on none.
int send_probe(const Socket& socket, const std::string& probe) {
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(3702);
  inet_pton(AF_INET, "239.255.255.250", &group.sin_addr);
  int error = ENETUNREACH;
  bool is_sent = false;
  for (const in_addr& address : find_interfaces()) {
    setsockopt(socket.file(), IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address);
    const ssize_t sent = sendto(socket.file(), probe.data(), probe.size(), 0,
                                reinterpret_cast<const sockaddr*>(&group), sizeof group);
    is_sent = is_sent || sent >= 0;
    if (sent < 0) error = errno;
  }
  return is_sent ? 0 : error;
}

std::vector<Match> receive_matches(const Socket& socket, std::vector<char>& buffer) {
  sockaddr_in sender{};
  socklen_t size = sizeof sender;
  const ssize_t got = recvfrom(socket.file(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                               reinterpret_cast<sockaddr*>(&sender), &size);
  if (got <= 0) return {};
  std::array<char, INET_ADDRSTRLEN> address{};
  inet_ntop(AF_INET, &sender.sin_addr, address.data(), address.size());
  return read_matches({buffer.data(), static_cast<std::size_t>(got)}, address.data());
}

std::string list_device(const Match& match, const Credentials& credentials) {
  constexpr std::size_t uri_bytes_max = 500;
  const auto device = parse_source_url(match.service);
  if (!device) return {};
  const std::string host = match.service.substr(std::string_view("http://").size());
  std::string text =
      "onvif://" + host.substr(0, host.find('/')) + "  " + printable(match.name, name_bytes_max);
  const base::Time until = base::monotonic_now() + listing_time;
  Lookup lookup(*device, credentials, until);
  auto failure = lookup.find_profiles(match.service);
  for (const Profile& profile : lookup.profiles()) {
    auto uri = lookup.find_uri(profile);
    if (auto* const why = std::get_if<FailureEvent>(&uri)) {
      failure = std::move(*why);
      break;
    }
    text += "\n  " + printable(profile.token, name_bytes_max) + "  " +
            printable(base::hide_credentials(std::get<std::string>(uri)), uri_bytes_max);
  }
  if (failure) text += "\n  " + failure->failure.text;
  return text + "\n";
}

}  // namespace

// A probe may be lost: there are two.
base::Result<std::vector<Match>> discover() {
  constexpr std::chrono::seconds again_after{1};
  const Socket socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // All devices answer within half a second (WS-Discovery 1.0, 2.4: APP_MAX_DELAY).
  constexpr int room = 4 * 1024 * 1024;
  setsockopt(socket.file(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  const std::string probe = make_probe(make_uuid());
  const int error = socket.is_open() ? send_probe(socket, probe) : errno;
  if (error != 0) return base::Error(error, boost::system::system_category());
  std::vector<Match> found;
  std::vector<char> buffer(64 * 1024);
  const base::Time begin = base::monotonic_now();
  bool is_second = false;
  for (base::Time now = begin; now < begin + discovery_time; now = base::monotonic_now()) {
    if (now >= begin + again_after && !std::exchange(is_second, true)) send_probe(socket, probe);
    const base::Time until = begin + (is_second ? discovery_time : again_after);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    pollfd waiting{socket.file(), POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    add_matches(found, receive_matches(socket, buffer));
  }
  return found;
}

std::string list_devices(const std::vector<Match>& matches, const Credentials& credentials) {
  if (matches.empty()) {
    return "no ONVIF camera has answered within 3 s: discovery reaches the local network only\n";
  }
  std::vector<std::string> texts(matches.size());
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < matches.size(); ++index) {
    threads.emplace_back([&, index] { texts[index] = list_device(matches[index], credentials); });
  }
  std::string text;
  for (std::size_t index = 0; index < matches.size(); ++index) {
    threads[index].join();
    text += texts[index];
  }
  if (matches.size() == devices_max) text += "others that may be there are left out\n";
  return text;
}

std::variant<std::string, FailureEvent> find_stream(const SourceUrl& device,
                                                    const Credentials& credentials) {
  const std::string rest = device.location.substr(std::string_view("onvif://").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string wanted = slash + 1 < rest.size() ? rest.substr(slash + 1) : "";
  Lookup lookup(device, credentials, std::nullopt);
  if (auto failure =
          lookup.find_profiles("http://" + rest.substr(0, slash) + "/onvif/device_service")) {
    return std::move(*failure);
  }
  const auto& profiles = lookup.profiles();
  auto profile = profiles.begin();
  if (!wanted.empty()) {
    profile = std::ranges::find_if(profiles, [&wanted](const Profile& one) {
      return one.token == wanted || one.name == wanted;
    });
  }
  if (profile == profiles.end()) {
    std::string text = "the camera has no profile \"" + wanted + "\"; it has";
    for (const Profile& one : profiles) text += " " + printable(one.token, name_bytes_max);
    return FailureEvent{0, {ExitCode::source, text}, FailureEvent::Cure::none};
  }
  return lookup.find_uri(*profile);
}

}  // namespace client::camera::onvif
