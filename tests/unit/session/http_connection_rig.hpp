#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/session/http_connection.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace test {

using session::HttpConnection;
using session::Port;

constexpr base::Duration header_timeout = std::chrono::seconds(10);

/// A connection, its peer, and what it says of itself.
struct ConnectionRig final : HttpConnection::Events {
  explicit ConnectionRig(std::string received = {}) {
    auto [fd, other] = tcp_pair();
    peer = std::move(other);
    open(fd, std::move(received));
  }
  void open(int fd, std::string received = {}) {
    connection =
        std::make_unique<HttpConnection>(7, Port::http, worker, loop::Tcp::from_socket(worker, fd),
                                         *this, header_timeout, std::move(received));
  }
  void on_request(HttpConnection& asked, http::RequestHead head) noexcept override {
    targets.push_back(head.target);
    if (on_head) return on_head(asked);
    asked.respond({200, {}}, "[" + head.target + "]");
  }
  void on_refused(HttpConnection&, unsigned status, std::string_view reason) noexcept override {
    CHECK_FALSE(reason.empty());
    refused.push_back(status);
  }
  void on_answered(HttpConnection&, unsigned status, std::uint64_t bytes) noexcept override {
    answered.emplace_back(status, bytes);
  }
  void on_bad_proxy_header(HttpConnection&, std::string_view reason) noexcept override {
    bad_proxy_headers.emplace_back(reason);
  }
  void on_closed(HttpConnection&) noexcept override { ++closed; }

  void await_text(std::string_view end) {
    run_until(worker, [&] { return peer.read().ends_with(end); });
  }
  void await_closed() {
    run_until(worker, [&] { return closed > 0; });
  }
  std::size_t count(std::string_view part) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = peer.text().find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  }

  loop::Worker worker{0};
  Peer peer;
  std::vector<std::string> targets;
  std::vector<unsigned> refused;
  std::vector<std::pair<unsigned, std::uint64_t>> answered;  // status and bytes
  std::vector<std::string> bad_proxy_headers;
  std::function<void(HttpConnection&)> on_head;
  int closed = 0;
  std::unique_ptr<HttpConnection> connection;
};

inline std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

}  // namespace test
