#include "relay/session/http_connection.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/http/errc.hpp"

namespace session {
namespace {

std::span<const std::byte> to_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

HttpConnection::HttpConnection(std::uint64_t id, Port port, loop::Worker& worker,
                               std::unique_ptr<loop::Tcp> tcp, Events& events,
                               base::Duration header_timeout, std::string received)
    : id_(id),
      worker_(worker),
      events_(events),
      tcp_(std::move(tcp)),
      header_timeout_(header_timeout),
      deadline_(base::monotonic_now() + header_timeout),
      received_(std::move(received)),
      port_(port) {
  tcp_->set_events(this);
}

void HttpConnection::make_last(base::Duration timeout) noexcept {
  end_after_response();
  deadline_ = std::min(deadline_, base::monotonic_now() + timeout);
}

void HttpConnection::set_client(const base::Endpoint& client) noexcept {
  tcp_->set_origin({origin().peer, client});
}

void HttpConnection::expect_proxy_header() {
  proxy_header_ = std::make_unique<http::proxy::HeaderReader>();
}

void HttpConnection::start() noexcept {
  state_ = State::reading;
  set_client(origin().peer);  // not that of a request before
  tcp_->start_reading();
  read_heads();
}

void HttpConnection::start_with(http::RequestHead head) noexcept {
  tcp_->start_reading();
  on_head(std::move(head));
}

void HttpConnection::start_response(bool keep_alive, bool peer_ended) noexcept {
  state_ = State::waiting;
  close_after_ = !keep_alive;
  peer_ended_ = peer_ended;
  if (!peer_ended) tcp_->start_reading();
}

std::span<std::byte> HttpConnection::read_space() noexcept { return worker_.read_buffer(); }

void HttpConnection::on_read(std::span<std::byte> bytes) noexcept {
  if (state_ == State::lingering) {
    // Not closed: that would reset a client that is still sending and has yet to look for its
    // answer. One that cannot send any more looks.
    lingered_bytes_ += bytes.size();
    if (lingered_bytes_ > linger_bytes_max) tcp_->stop_reading();
    return;
  }
  received_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (state_ == State::reading) {
    read_heads();
  } else if (received_.size() >= received_bytes_max) {
    tcp_->stop_reading();
  }
}

void HttpConnection::refuse_proxy_header(std::string_view reason) noexcept {
  events_.on_bad_proxy_header(*this, reason);
  close();
}

// False: it is not complete, or bad. Whatever follows it is left in `received_`.
bool HttpConnection::read_proxy_header() noexcept {
  const std::string bytes = std::exchange(received_, {});
  const auto header = proxy_header_->feed(to_bytes(bytes));
  if (!header) {
    refuse_proxy_header(header.error().message());
    return false;
  }
  if (!*header) return false;
  if ((*header)->source.is_known) tcp_->set_origin({(*header)->source, (*header)->source});
  received_ = bytes.substr(proxy_header_->consumed());
  proxy_header_.reset();
  return true;
}

// Reads on until a head is complete and its response is under way, or the bytes are used up.
void HttpConnection::read_heads() noexcept {
  if (proxy_header_ && (received_.empty() || !read_proxy_header())) return;
  if (std::exchange(in_read_heads_, true)) return;
  while (state_ == State::reading && !received_.empty()) {
    const std::string bytes = std::exchange(received_, {});
    auto head = heads_.feed(to_bytes(bytes));
    if (!head) {
      refuse(http::status_of(head.error()), head.error().message());
      break;
    }
    if (!*head) break;
    received_ = bytes.substr(heads_.consumed());
    on_head(std::move(**head));
  }
  in_read_heads_ = false;
  if (state_ == State::reading && peer_ended_) close();
}

void HttpConnection::on_head(http::RequestHead head) noexcept {
  state_ = State::waiting;
  http_1_1_ = head.http_1_1;
  head_only_ = head.method == http::Method::head;
  // Whoever announces a body and is answered at once cannot be followed by another request.
  close_after_ = !head.keep_alive || head.has_body();
  events_.on_request(*this, std::move(head));
}

void HttpConnection::refuse(unsigned status, const std::string& reason) noexcept {
  state_ = State::waiting;
  head_only_ = false;  // as the request before may have been
  events_.on_refused(*this, status, reason);
  respond({status, {{"Content-Type", "text/plain"}}}, reason + "\n", true);
}

void HttpConnection::respond(http::ResponseHead head, std::string_view body, bool close) noexcept {
  RELAY_ASSERT(state_ == State::waiting);
  close_after_ = close_after_ || close || is_last_;
  head.http_1_1 = http_1_1_;
  add_request_id(head);
  const bool has_body = !head_only_ && head.status != 204 && head.status != 304;
  events_.on_answered(*this, head.status, has_body ? body.size() : 0);
  begin_writing();
  send(http::write_response(std::move(head), body, !close_after_, head_only_));
}

void HttpConnection::respond_head(http::ResponseHead head) noexcept {
  RELAY_ASSERT(state_ == State::waiting);
  head.http_1_1 = http_1_1_;
  close_after_ = close_after_ || is_last_;
  const bool says_it = std::any_of(head.fields.begin(), head.fields.end(),
                                   [](const auto& field) { return field.first == "Connection"; });
  if (close_after_ && http_1_1_ && !says_it) head.fields.emplace_back("Connection", "close");
  add_request_id(head);
  events_.on_answered(*this, head.status, 0);
  begin_writing();
  send(http::write_head(head));
}

void HttpConnection::add_request_id(http::ResponseHead& head) const {
  if (!request_id_.empty()) head.fields.emplace_back("X-Request-Id", request_id_);
}

// The client has as long to take the response as it had to send its head.
void HttpConnection::begin_writing() noexcept {
  state_ = State::writing;
  deadline_ = base::monotonic_now() + header_timeout_;
}

void HttpConnection::send(std::string text) noexcept {
  // Behind an interim response that the client does not read.
  if (tcp_->is_writing()) {
    unsent_ += text;
    return;
  }
  const iovec buffer{text.data(), text.size()};
  const auto written = tcp_->try_write({&buffer, 1});
  if (written.is_broken()) return close();
  if (written.bytes < text.size()) return tcp_->write(text.substr(written.bytes));
  if (state_ == State::writing) after_response();
}

void HttpConnection::on_written(base::Error error) noexcept {
  if (error) return close();
  if (!unsent_.empty()) return send(std::exchange(unsent_, {}));
  if (state_ == State::writing) after_response();
}

void HttpConnection::after_response() noexcept {
  if (close_after_) return linger();
  set_client(origin().peer);
  request_id_.clear();
  state_ = State::reading;
  deadline_ = base::monotonic_now() + header_timeout_;
  if (received_.size() < received_bytes_max && !peer_ended_) tcp_->start_reading();
  read_heads();
}

// RFC 9112, 9.6: closing with unread bytes resets the connection, and the client may lose the
// response it has not read yet.
void HttpConnection::linger() noexcept {
  if (peer_ended_) return close();
  state_ = State::lingering;
  received_ = {};
  deadline_ = base::monotonic_now() + linger_time;
  tcp_->shut_down();
  tcp_->start_reading();
}

void HttpConnection::on_read_end(base::Error error) noexcept {
  peer_ended_ = true;
  // A client that closed its side only may still want its answer.
  if (error || state_ == State::reading || state_ == State::lingering) close();
}

std::unique_ptr<loop::Tcp> HttpConnection::take_tcp() noexcept {
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  state_ = State::closed;
  events_.on_closed(*this);
  return std::move(tcp_);
}

bool HttpConnection::on_time(base::Time now) noexcept {
  if (now < deadline_ || state_ == State::waiting || state_ == State::closed) return false;
  if (state_ == State::reading && proxy_header_) {
    refuse_proxy_header("the PROXY header took too long");
  } else if (state_ == State::reading && heads_.started()) {
    refuse(408, "the request head took too long");
  } else {
    close();  // it does not take its response, is idle, or never said a word
  }
  return true;
}

void HttpConnection::drain() noexcept {
  if (state_ == State::reading) return make_last(drain_wait);
  end_after_response();
}

void HttpConnection::close() noexcept {
  if (std::exchange(state_, State::closed) == State::closed) return;
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  events_.on_closed(*this);
}

}  // namespace session
