// Connections and requests as they arrive, and whose they are.

#include <algorithm>
#include <utility>

#include "relay/control/client_address.hpp"
#include "relay/http/request_id.hpp"
#include "relay/server/worker_server.hpp"
#include "relay/token/claims.hpp"

namespace server {
namespace {

// Connections over `http.connections` that are being refused, of all workers together, and those of
// the admin address, which the first worker has alone. They live on the descriptors that the
// configuration leaves free (256).
constexpr std::size_t beyond_limit_max = 128;
constexpr base::Duration beyond_limit_time = std::chrono::seconds(2);
constexpr std::size_t admin_connections_max = 64;

}  // namespace

void WorkerServer::on_accept(loop::Listener& listener, std::unique_ptr<loop::Tcp> tcp) noexcept {
  if (&listener == admin_listener_.get()) {
    // Not counted: who looks for the reason must get in when http.connections is reached.
    if (admin_connections_ >= admin_connections_max) {
      ++counts_.refused;
      return;
    }
    ++admin_connections_;
    return add_connection(session::Port::admin, std::move(tcp), {}).start();
  }
  if (is_proxied() && !shared_.config.http.trusted_proxies.allows(tcp->origin().peer)) {
    return log_proxy_refusal(tcp->peer(), "only http.trusted_proxies may connect");
  }
  if (shared_.connections.load(std::memory_order_relaxed) >= shared_.config.http.connections) {
    return accept_beyond_limit(std::move(tcp));
  }
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  add_accepted(std::move(tcp)).start();
}

// To close with a request unread would reset the connection, perhaps before the client has read the
// answer. So a few at a time are read and refused like any other; those beyond are told at once.
void WorkerServer::accept_beyond_limit(std::unique_ptr<loop::Tcp> tcp) noexcept {
  ++counts_.refused;
  const std::size_t share = std::max<std::size_t>(beyond_limit_max / shared_.servers.size(), 1);
  if (beyond_limit_.size() >= share) {
    static constexpr std::string_view full =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    const iovec buffer{const_cast<char*>(full.data()), full.size()};
    static_cast<void>(tcp->try_write({&buffer, 1}));
    return;
  }
  auto& connection = add_accepted(std::move(tcp));
  beyond_limit_.insert(connection.id());
  connection.make_last(beyond_limit_time);
  connection.start();
}

void WorkerServer::on_accept_failed(loop::Listener&, base::Error error) noexcept {
  ++counts_.accept_failures;
  shared_.log.warning("cannot accept", {{"worker", worker_.index()},
                                        {"error", error.message()},
                                        {"detail", "clients wait in the queue of the port"}});
}

bool WorkerServer::is_proxied() const noexcept {
  return shared_.config.http.proxy_protocol == control::ProxyProtocol::required;
}

session::HttpConnection& WorkerServer::add_accepted(std::unique_ptr<loop::Tcp> tcp) {
  auto& connection = add_connection(session::Port::http, std::move(tcp), {});
  if (is_proxied()) connection.expect_proxy_header();
  return connection;
}

session::HttpConnection& WorkerServer::add_connection(session::Port port,
                                                      std::unique_ptr<loop::Tcp> tcp,
                                                      std::string received) {
  const std::uint64_t id = next_id();
  auto& connection = connections_[id];
  connection = std::make_unique<session::HttpConnection>(id, port, worker_, std::move(tcp), *this,
                                                         shared_.config.http.header_timeout,
                                                         std::move(received));
  if (drain_ != Drain::none) {
    connection->drain();
  } else if (shared_.draining.load(std::memory_order_relaxed)) {
    connection->end_after_response();
  }
  return *connection;
}

void WorkerServer::on_bad_proxy_header(session::HttpConnection& connection,
                                       std::string_view reason) noexcept {
  log_proxy_refusal(connection.peer(), reason);
}

void WorkerServer::log_proxy_refusal(const std::string& peer, std::string_view reason) noexcept {
  ++counts_.proxy_refusals;
  if (!refusal_lines_.take(base::monotonic_now())) return;
  shared_.log.info(
      "connection refused",
      {{"peer", peer}, {"reason", reason}, {"detail", "http.proxy_protocol is required"}});
}

// The client's address and the request's id, which hold until its response is over.
bool WorkerServer::identify(session::HttpConnection& connection,
                            const http::RequestHead& head) noexcept {
  // The worker that has read the head has done it.
  if (access_.find(connection.id()) != nullptr) return true;
  const control::AddressRanges& trusted = shared_.config.http.trusted_proxies;
  const base::Endpoint peer = connection.origin().peer;
  const auto client = control::client_of(head, peer, trusted);
  if (client) connection.set_client(*client);
  const bool is_trusted = trusted.allows(peer);
  std::string id(is_trusted ? http::find_request_id(head) : std::string_view());
  if (id.empty()) id = token::to_text(token::random_id());
  connection.set_request_id(id);
  access_.begin(connection.id(), head, std::move(id), connection.peer(), base::monotonic_now());
  if (client) return true;
  refuse(connection, 400, client.error().message());
  return false;
}

void WorkerServer::on_answered(session::HttpConnection& connection, unsigned status,
                               std::uint64_t bytes) noexcept {
  access_.end(connection.id(), status, bytes, base::monotonic_now());
}

void WorkerServer::adopt(Arrival arrival, http::RequestHead head, std::string received) noexcept {
  auto tcp = loop::Tcp::from_socket(worker_, arrival.socket.release());
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  if (!tcp) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  tcp->set_origin(arrival.origin);
  auto& connection = add_connection(session::Port::http, std::move(tcp), std::move(received));
  connection.set_request_id(arrival.access.request_id);
  access_.go_on(connection.id(), std::move(arrival.access));
  if (arrival.is_approved) approved_.insert(connection.id());
  connection.start_with(std::move(head));
}

}  // namespace server
