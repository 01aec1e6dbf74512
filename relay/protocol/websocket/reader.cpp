#include "relay/protocol/websocket/reader.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"

namespace websocket {
namespace {

constexpr std::size_t start_bytes = 2;  // of a header: flags, opcode, mask bit, 7 bits of length

bool is_known(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::continuation:
    case Opcode::text:
    case Opcode::binary:
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      return true;
  }
  return false;
}

}  // namespace

void Reader::feed(std::span<std::byte> received) noexcept {
  RELAY_ASSERT(input_.empty());
  if (state_ != State::closed && state_ != State::failed) input_ = received;
}

base::Result<std::optional<Event>> Reader::next() noexcept {
  while (!input_.empty()) {
    if (auto event = step()) return event;
  }
  if (state_ == State::failed) return errc_;
  return std::nullopt;
}

// Takes at least one byte of the input. A frame without payload ends with its header.
std::optional<Event> Reader::step() noexcept {
  if (state_ == State::header) {
    read_header();
    const bool is_empty_frame = state_ != State::header && state_ != State::failed && left_ == 0;
    if (!is_empty_frame) return std::nullopt;
  }
  return state_ == State::control ? copy_control() : cut_part();
}

void Reader::read_header() noexcept {
  while (!input_.empty() && state_ == State::header) {
    header_[header_size_++] = input_.front();
    input_ = input_.subspan(1);
    check_header();
  }
}

// Looks at what the last byte completed, so that a bad frame is refused as early as can be and
// wherever it is cut.
void Reader::check_header() noexcept {
  if (header_size_ == 1) return check_opcode();
  if (header_size_ == start_bytes) {
    if ((header_byte(1) & mask_bit) == 0) return fail(Errc::not_masked);
    if (is_control(opcode()) && (header_byte(1) & length_bits) > control_bytes_max) {
      return fail(Errc::control_too_long);
    }
  }
  const std::size_t key_at = start_bytes + length_bytes();
  if (header_size_ == key_at) return read_length();
  if (header_size_ == key_at + key_.size()) begin_payload();
}

// RFC 6455, 5.2, 5.4 and 5.5
void Reader::check_opcode() noexcept {
  if ((header_byte(0) & reserved_bits) != 0) return fail(Errc::reserved_bits);
  if (!is_known(opcode())) return fail(Errc::unknown_opcode);
  if (is_control(opcode())) {
    if (!is_final()) fail(Errc::fragmented_control);
    return;
  }
  if (opcode() == Opcode::continuation) {
    if (!in_message_) return fail(Errc::unexpected_continuation);
    if (++fragments_ > limits_.fragments_max) fail(Errc::too_many_fragments);
    return;
  }
  if (in_message_) return fail(Errc::unfinished_message);
  if (opcode() == Opcode::text && !limits_.accepts_text) return fail(Errc::text_not_accepted);
  in_message_ = true;
  is_text_ = opcode() == Opcode::text;
  begins_ = true;
  message_bytes_ = 0;
  fragments_ = 1;
}

std::size_t Reader::length_bytes() const noexcept {
  const int length = header_byte(1) & length_bits;
  return length == length_in_16 ? 2 : length == length_in_64 ? 8 : 0;
}

void Reader::read_length() noexcept {
  base::ByteReader bytes(header_);
  bytes.skip(start_bytes);
  left_ = header_byte(1) & length_bits;
  if (left_ == length_in_16) {
    left_ = bytes.u16();
    if (left_ < length_in_16) return fail(Errc::length_not_minimal);
  } else if (left_ == length_in_64) {
    left_ = bytes.u64();
    if (left_ >> 63 != 0) return fail(Errc::length_too_large);
    if (left_ <= 0xffff) return fail(Errc::length_not_minimal);
  }
  if (is_control(opcode())) return;
  if (left_ > limits_.message_bytes_max - message_bytes_) return fail(Errc::message_too_large);
  message_bytes_ += left_;
}

void Reader::begin_payload() noexcept {
  std::copy_n(header_.begin() + header_size_ - key_.size(), key_.size(), key_.begin());
  header_size_ = 0;
  at_ = 0;
  control_size_ = 0;
  state_ = is_control(opcode()) ? State::control : State::data;
}

// As much of the frame as is there, unmasked. Ends the frame if that was its last byte.
std::span<std::byte> Reader::take_payload() noexcept {
  const auto bytes =
      input_.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.size())));
  unmask(bytes, key_, at_);
  input_ = input_.subspan(bytes.size());
  at_ += bytes.size();
  left_ -= bytes.size();
  if (left_ == 0) state_ = State::header;
  return bytes;
}

std::optional<Event> Reader::cut_part() noexcept {
  const auto bytes = take_payload();
  const bool ends = is_final() && left_ == 0;
  if (is_text_ && (!utf8_.feed(bytes) || (ends && !utf8_.is_complete()))) {
    return refuse(Errc::bad_text);
  }
  if (ends) in_message_ = false;
  if (bytes.empty() && !ends) return std::nullopt;  // an empty fragment in front of others
  return Part{bytes, is_text_, std::exchange(begins_, false), ends};
}

// The payload of a control frame is copied, at most 125 bytes: it is looked at whole.
std::optional<Event> Reader::copy_control() noexcept {
  const auto bytes = take_payload();
  std::copy(bytes.begin(), bytes.end(), control_.begin() + control_size_);
  control_size_ = static_cast<std::uint8_t>(control_size_ + bytes.size());
  if (left_ > 0) return std::nullopt;
  ++control_frames_;
  const std::span<const std::byte> payload(control_.data(), control_size_);
  if (opcode() == Opcode::ping) return Ping{payload};
  if (opcode() == Opcode::pong) return Pong{payload};
  return read_close();
}

// RFC 6455, 5.5.1: nothing, or a code and a reason.
std::optional<Event> Reader::read_close() noexcept {
  base::ByteReader payload(std::span<const std::byte>(control_.data(), control_size_));
  Close close{CloseCode::no_status, {}};
  if (control_size_ > 0) {
    close.code = static_cast<CloseCode>(payload.u16());
    if (!payload.ok()) return refuse(Errc::bad_close_length);
    if (!may_be_sent(close.code)) return refuse(Errc::bad_close_code);
    const auto reason = payload.rest();
    if (!is_utf8(reason)) return refuse(Errc::bad_close_reason);
    close.reason = {reinterpret_cast<const char*>(reason.data()), reason.size()};
  }
  state_ = State::closed;
  input_ = {};
  return close;
}

base::Result<void> Reader::on_end() noexcept {
  if (state_ == State::closed) return {};
  return errc_;
}

void Reader::fail(Errc errc) noexcept {
  state_ = State::failed;
  input_ = {};
  errc_ = errc;
}

}  // namespace websocket
