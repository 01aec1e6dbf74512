#include "relay/session/wire_connection.hpp"

#include <utility>

#include "relay/protocol/wire/errc.hpp"

namespace session {
namespace {

websocket::Limits wire_limits() noexcept {
  websocket::Limits limits;
  limits.message_bytes_max = wire::message_bytes_max;
  limits.accepts_text = false;
  return limits;
}

}  // namespace

websocket::CloseCode close_code_of(wire::ByeReason reason) noexcept {
  using enum wire::ByeReason;
  switch (reason) {
    case drain:
      return websocket::CloseCode::going_away;
    case overload:
      return websocket::CloseCode::try_again_later;
    case too_large:
      return websocket::CloseCode::message_too_big;
    case not_allowed:
    case flood:
    case bad_message:
    case bad_sequence:
    case bad_checksum:
    case bad_token:
    case too_many_tracks:
      return websocket::CloseCode::policy_violation;
    default:
      return websocket::CloseCode::normal;
  }
}

WireConnection::WireConnection(std::uint64_t id, loop::Worker& worker,
                               std::unique_ptr<loop::Tcp> tcp, Events& events, Request request,
                               base::Time deadline)
    : id_(id),
      worker_(worker),
      events_(events),
      link_(std::make_unique<WireLink>(worker, std::move(tcp), wire_limits())),
      request_(std::move(request)),
      deadline_(deadline) {
  link_->set_events(this);
}

WireConnection::WireConnection(std::uint64_t id, loop::Worker& worker,
                               std::unique_ptr<WireLink> link, Events& events)
    : WireConnection(id, worker, std::move(link), events, {}) {}

WireConnection::WireConnection(std::uint64_t id, loop::Worker& worker,
                               std::unique_ptr<WireLink> link, Events& events, Request request)
    : id_(id),
      worker_(worker),
      events_(events),
      link_(std::move(link)),
      request_(std::move(request)),
      deadline_(base::Time::max()) {
  link_->set_events(this);
}

WireConnection::~WireConnection() {
  if (link_) link_->set_events(nullptr);
}

void WireConnection::start() noexcept {
  link_->start(std::exchange(request_.head, {}), std::exchange(request_.received, {}));
}

std::span<std::byte> WireConnection::read_space() noexcept { return worker_.read_buffer(); }

void WireConnection::on_part(const websocket::Part& part) noexcept {
  auto message = messages_.add(part);
  if (!message) return;
  if (!*message) {
    const base::Error error = message->error();
    return refuse({wire::reason_of(error), {}, error.message()});
  }
  if (std::holds_alternative<wire::Hello>(**message) ||
      std::holds_alternative<wire::Play>(**message)) {
    return events_.on_first_message(*this, std::move(**message));
  }
  if (std::holds_alternative<wire::Bye>(**message)) {
    return link_->close(websocket::CloseCode::normal);
  }
  if (!std::holds_alternative<wire::Unknown>(**message)) {
    return refuse({wire::ByeReason::bad_message, {}, describe(wire::Errc::bad_order)});
  }
  if (!allowance_.take(base::monotonic_now())) {
    refuse({wire::ByeReason::flood, {}, describe(wire::Errc::flood)});
  }
}

void WireConnection::on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept {
  refuse({reason, {}, detail});
}

void WireConnection::refuse(const wire::Bye& bye) noexcept {
  if (!link_->is_open()) return;
  events_.on_wire_refused(*this, bye);
  link_->send(wire::write_message(bye));
  link_->close(close_code_of(bye.reason));
}

void WireConnection::hold() noexcept {
  deadline_ = base::Time::max();
  link_->hold();
}

std::unique_ptr<WireLink> WireConnection::take_link() noexcept {
  link_->set_events(nullptr);
  auto link = std::move(link_);
  over();
  return link;
}

bool WireConnection::on_time(base::Time now) noexcept {
  if (!link_ || is_over_) return false;
  link_->on_time(now);
  if (now < deadline_ || !link_->is_open()) return is_over_;
  refuse({wire::ByeReason::bad_message, {}, "the first message took too long"});
  return true;
}

void WireConnection::drain(const wire::Bye& bye) noexcept {
  if (link_) refuse(bye);
}

void WireConnection::on_lost(const std::string&) noexcept {}
void WireConnection::on_closed() noexcept { over(); }

void WireConnection::over() noexcept {
  if (!std::exchange(is_over_, true)) events_.on_wire_closed(*this);
}

}  // namespace session
