#include "relay/session/wire_link.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/websocket/writer.hpp"

namespace session {
namespace {

std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

wire::ByeReason reason_of(const base::Error& error) noexcept {
  const bool is_large =
      error == websocket::Errc::message_too_large || error == websocket::Errc::too_many_fragments;
  return is_large ? wire::ByeReason::too_large : wire::ByeReason::bad_message;
}

}  // namespace

WireLink::WireLink(loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp,
                   const websocket::Limits& limits)
    : worker_(worker),
      tcp_(std::move(tcp)),
      reader_(limits),
      last_received_(base::monotonic_now()) {
  tcp_->set_events(this);
}

WireLink::WireLink(loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp, Moved moved)
    : worker_(worker),
      tcp_(std::move(tcp)),
      reader_(moved.reader),
      moved_(std::move(moved.rest)),
      last_received_(base::monotonic_now()),
      control_frames_(moved.control_frames) {
  tcp_->set_events(this);
  reader_.feed(std::as_writable_bytes(std::span(moved_)));
}

void WireLink::set_patience(Patience patience) noexcept {
  patience_ = patience;
  last_received_ = base::monotonic_now();
  pinged_ = false;
}

void WireLink::start(std::string head, std::string received) noexcept {
  if (!head.empty()) write(std::move(head));
  if (state_ != State::open) return;
  start_reading();
  feed(std::as_writable_bytes(std::span(received)));
}

void WireLink::start_reading() noexcept {
  if (state_ == State::closed) return;
  reading_ = true;
  last_received_ = base::monotonic_now();
  tcp_->start_reading();
}

void WireLink::stop_reading() noexcept {
  reading_ = false;
  tcp_->stop_reading();
}

std::span<std::byte> WireLink::read_space() noexcept {
  if (state_ != State::open || events_ == nullptr) return worker_.read_buffer();
  return events_->read_space();
}

void WireLink::on_no_space() noexcept {
  reading_ = false;
  if (events_ != nullptr) events_->on_no_space();
}

void WireLink::on_read(std::span<std::byte> bytes) noexcept {
  last_received_ = base::monotonic_now();
  pinged_ = false;
  if (state_ == State::closing) {
    close_deadline_ = std::min(last_received_ + close_wait, close_deadline_max_);
  } else if (events_ != nullptr) {
    events_->on_received(bytes.size());
  }
  feed(bytes);
}

void WireLink::feed(std::span<std::byte> bytes) noexcept {
  if (state_ == State::last_bytes || state_ == State::closed || bad_frame_) return;
  reader_.feed(bytes);
  parse();
}

void WireLink::resume_parsing() noexcept {
  parsing_paused_ = false;
  parse();
}

void WireLink::hold() noexcept {
  pause_parsing();
  stop_reading();
  moved_ = to_text(reader_.take_rest());
  reader_.feed(std::as_writable_bytes(std::span(moved_)));
}

// A part may change who reads, feed other bytes, or end it all.
void WireLink::parse() noexcept {
  if (std::exchange(parsing_, true)) return;
  while (!parsing_paused_ || state_ != State::open) {
    if (state_ == State::last_bytes || state_ == State::closed || bad_frame_) break;
    const auto event = reader_.next();
    if (!event) {
      fail(event.error());
      break;
    }
    if (!*event) break;
    on_event(**event);
  }
  parsing_ = false;
  const bool is_done = state_ == State::open && !parsing_paused_ && !bad_frame_;
  if (is_done && events_ != nullptr) events_->on_parsed();
}

void WireLink::on_event(const websocket::Event& event) noexcept {
  if (const auto* part = std::get_if<websocket::Part>(&event)) {
    if (state_ == State::open && events_ != nullptr) events_->on_part(*part);
  } else if (const auto* ping = std::get_if<websocket::Ping>(&event)) {
    // Where pongs do not get through, it is enough to answer the last ping (RFC 6455, 5.5.3).
    if (!take_control_frame() || state_ != State::open || !unsent_.empty()) return;
    write(to_text(websocket::pong_frame(ping->payload).bytes()));
  } else if (std::holds_alternative<websocket::Pong>(event)) {
    static_cast<void>(take_control_frame());
  } else {
    on_peer_close(std::get<websocket::Close>(event));
  }
}

bool WireLink::take_control_frame() noexcept {
  if (state_ != State::open || control_frames_.take(last_received_)) return true;
  refuse(wire::ByeReason::flood, websocket::CloseCode::policy_violation, "too many control frames");
  return false;
}

// RFC 6455, 5.5.1: answered with the same code, and nothing follows.
void WireLink::on_peer_close(const websocket::Close& close) noexcept {
  const bool is_first = state_ == State::open;
  if (is_first) {
    write(to_text(websocket::close_frame(close.code).bytes()));
    if (state_ != State::open) return;
    close_deadline_ = base::monotonic_now() + close_wait;
    close_deadline_max_ = close_deadline_ + close_wait_max;
  }
  state_ = State::last_bytes;
  if (is_first && events_ != nullptr) events_->on_lost("it closed the WebSocket");
  if (state_ == State::last_bytes && !is_writing()) shut();
}

void WireLink::fail(const base::Error& error) noexcept {
  // While we close already, what it does is all the same to us.
  if (state_ != State::open) return shut();
  std::string detail = error.message();
  const websocket::CloseCode code =
      websocket::close_code(static_cast<websocket::Errc>(error.value()));
  refuse(reason_of(error), code, detail);
}

void WireLink::refuse(wire::ByeReason reason, websocket::CloseCode code,
                      const std::string& detail) noexcept {
  bad_frame_ = code;
  static_cast<void>(reader_.take_rest());
  if (events_ != nullptr) events_->on_bad_frame(reason, detail);
}

void WireLink::send(const wire::Encoded& message) noexcept {
  RELAY_ASSERT(message.payload.empty());
  if (state_ != State::open) return;
  std::string bytes =
      to_text(websocket::frame_header(websocket::Opcode::binary, message.header.size()).bytes());
  write(bytes + message.header);
}

void WireLink::write(std::string bytes) noexcept {
  if (is_writing()) {
    unsent_ += bytes;
    if (unsent_.size() > unsent_bytes_max) lose("it takes nothing of what it asks for");
    return;
  }
  const iovec buffer{bytes.data(), bytes.size()};
  const auto written = tcp_->try_write({&buffer, 1});
  if (written.is_broken()) return lose(written.error().message());
  if (written.bytes == bytes.size()) return;
  tcp_->write(bytes.substr(written.bytes));
  if (events_ != nullptr) events_->on_blocked();
}

void WireLink::on_written(base::Error error) noexcept {
  if (state_ == State::closed) return;
  if (error) return lose(error.message());
  if (!unsent_.empty()) {
    write(std::exchange(unsent_, {}));
    if (is_writing()) return;
  }
  if (state_ == State::last_bytes) return shut();
  if (state_ == State::closing && bad_frame_) return tcp_->shut_down();
  if (state_ == State::open && events_ != nullptr) events_->on_all_written();
}

void WireLink::close(websocket::CloseCode code) noexcept {
  if (state_ != State::open) return;
  write(to_text(websocket::close_frame(bad_frame_.value_or(code)).bytes()));
  if (state_ != State::open) return;  // it broke
  state_ = State::closing;
  const base::Time now = base::monotonic_now();
  close_deadline_ = now + close_wait;
  close_deadline_max_ = now + close_wait_max;
  // Closing with unread bytes would reset the connection, before the peer has read why.
  start_reading();
  // What is here already lies where its owner may not be any more.
  parse();
  if (state_ == State::closing && bad_frame_ && !is_writing()) tcp_->shut_down();
}

void WireLink::cut_off() noexcept {
  if (state_ == State::closed) return;
  tcp_->reset_on_close();
  shut();
}

void WireLink::on_read_end(base::Error error) noexcept {
  reading_ = false;
  if (state_ != State::open) return shut();
  lose(error ? error.message() : "the connection ended without a close frame");
}

void WireLink::lose(const std::string& detail) noexcept {
  if (state_ == State::closed) return;
  const bool was_open = state_ == State::open;
  tcp_->reset_on_close();
  shut();
  if (was_open && events_ != nullptr) events_->on_lost(detail);
}

void WireLink::shut() noexcept {
  if (std::exchange(state_, State::closed) == State::closed) return;
  static_cast<void>(reader_.take_rest());
  stop_reading();
  tcp_->set_events(nullptr);
  if (events_ != nullptr) events_->on_closed();
}

WireLink::Moved WireLink::move_on() noexcept {
  RELAY_ASSERT(!is_writing());
  std::string rest = to_text(reader_.take_rest());
  return {reader_, control_frames_, std::move(rest)};
}

void WireLink::on_time(base::Time now) noexcept {
  if (state_ == State::closed) return;
  if (state_ != State::open) {
    const std::size_t unwritten = is_writing() ? tcp_->unwritten_bytes() : 0;
    if (std::exchange(unwritten_bytes_, unwritten) != unwritten) {
      close_deadline_ = std::min(now + close_wait, close_deadline_max_);
    }
    if (now >= close_deadline_) unwritten > 0 ? cut_off() : shut();
    return;
  }
  if (!reading_) {
    last_received_ = now;  // it is us who do not listen
    return;
  }
  const base::Duration silent = now - last_received_;
  // Who has much to take gets the ping behind that.
  if (silent / (is_writing() ? 2 : 1) >= patience_.lost_after) return lose("it answers no ping");
  if (silent < patience_.ping_after || std::exchange(pinged_, true)) return;
  write(to_text(websocket::ping_frame({}).bytes()));
}

}  // namespace session
