#include "tests/fuzz/answers_check.hpp"

#include <algorithm>
#include <charconv>

#include "relay/base/byte_reader.hpp"
#include "relay/protocol/websocket/frame.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/reader.hpp"

namespace fuzz {

void AnswersCheck::feed(std::string_view bytes) {
  if (state_ == State::unknown) return;
  unread_ += bytes;
  while (step()) {
  }
}

// False when more bytes are needed.
bool AnswersCheck::step() {
  switch (state_) {
    case State::head: {
      const std::size_t end = unread_.find("\r\n\r\n");
      if (end == std::string::npos) {
        RELAY_ASSERT(unread_.size() < 16 * 1024);
        return false;
      }
      const std::string head = unread_.substr(0, end + 2);
      unread_.erase(0, end + 4);
      read_head(head);
      return true;
    }
    case State::length:
    case State::chunk:
      if (left_ > 0 && unread_.empty()) return false;
      take(std::min(left_, unread_.size()));
      if (left_ > 0) return false;
      if (state_ == State::chunk && media_) media_->end_image();
      state_ = state_ == State::chunk ? State::chunk_end : State::head;
      return true;
    case State::chunk_size:
      return read_chunk_size();
    case State::chunk_end: {
      if (unread_.size() < 2) return false;
      RELAY_ASSERT(unread_.starts_with("\r\n"));
      unread_.erase(0, 2);
      state_ = length_ == 0 ? State::head : State::chunk_size;
      return true;
    }
    case State::until_close:
      if (unread_.empty()) return false;
      left_ = unread_.size();
      take(left_);
      return false;
    case State::websocket:
      return read_frame();
    case State::unknown:
      return false;
  }
  return false;
}

// RFC 6455, 5.2: whole, not masked, and nothing behind a close.
bool AnswersCheck::read_frame() {
  if (unread_.size() < 2) return false;
  base::ByteReader bytes(std::as_bytes(std::span(unread_.data(), unread_.size())));
  const std::uint8_t first = bytes.u8();
  std::uint64_t size = bytes.u8();
  if (size == websocket::length_in_16)
    size = bytes.u16();
  else if (size == websocket::length_in_64)
    size = bytes.u64();
  if (!bytes.ok()) return false;
  RELAY_ASSERT(size < wire::message_bytes_max);
  const std::size_t header = unread_.size() - bytes.rest().size();
  if (unread_.size() < header + size) return false;
  RELAY_ASSERT((first & websocket::fin_bit) != 0 && (first & websocket::reserved_bits) == 0);
  RELAY_ASSERT(!closed_);
  const auto opcode = static_cast<websocket::Opcode>(first & websocket::opcode_bits);
  RELAY_ASSERT(websocket::is_control(opcode) || opcode == websocket::Opcode::binary);
  closed_ = opcode == websocket::Opcode::close;
  if (opcode == websocket::Opcode::binary) {
    read_message(std::string_view(unread_).substr(header, static_cast<std::size_t>(size)));
  }
  unread_.erase(0, header + static_cast<std::size_t>(size));
  return true;
}

void AnswersCheck::read_message(std::string_view bytes) {
  memory::WindowList windows;
  windows.push_back(memory::Window::on_static(std::as_bytes(std::span(bytes))));
  const auto message = wire::read_message(std::move(windows));
  RELAY_ASSERT(message && !said_bye_);
  RELAY_ASSERT(!std::holds_alternative<wire::Unknown>(*message) &&
               !std::holds_alternative<wire::Hello>(*message) &&
               !std::holds_alternative<wire::Play>(*message));
  said_bye_ = std::holds_alternative<wire::Bye>(*message);
  if (const auto* chunk = std::get_if<wire::Chunk>(&*message)) {
    RELAY_ASSERT(wire::checksum_of(chunk->samples) == chunk->checksum);
  }
}

void AnswersCheck::read_head(std::string_view head) {
  RELAY_ASSERT(head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "));
  const std::size_t line = head.find("\r\n");
  const auto read = std::from_chars(head.data() + 9, head.data() + line, status_);
  RELAY_ASSERT(read.ec == std::errc() && status_ >= 100 && status_ < 600);
  chunked_ = false;
  length_.reset();
  media_.reset();
  read_fields(head.substr(line + 2));
  RELAY_ASSERT(!chunked_ || !length_);
  if (status_ == 101) {
    state_ = State::websocket;
    return;
  }
  if (status_ < 200 || status_ == 204) {
    RELAY_ASSERT(!chunked_ && length_.value_or(0) == 0);
    return;  // and the next head follows
  }
  left_ = length_.value_or(0);
  state_ = may_lack_body_ ? State::unknown
           : chunked_     ? State::chunk_size
           : length_      ? State::length
                          : State::until_close;
}

void AnswersCheck::read_fields(std::string_view fields) {
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n");
    const std::string_view field = fields.substr(0, end);
    fields.remove_prefix(end + 2);
    RELAY_ASSERT(field.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    const std::size_t colon = field.find(": ");
    RELAY_ASSERT(colon != std::string_view::npos && colon > 0);
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = field.substr(colon + 2);
    if (name == "Transfer-Encoding") {
      RELAY_ASSERT(value == "chunked" && !chunked_);
      chunked_ = true;
    } else if (name == "Content-Length") {
      RELAY_ASSERT(!length_);
      std::size_t length = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
      RELAY_ASSERT(read.ec == std::errc() && read.ptr == value.data() + value.size());
      length_ = length;
    } else if (name == "Content-Type" && value == "video/mp2t") {
      media_.emplace(media::Container::mpegts);
    } else if (name == "Content-Type" && value == "video/mp4") {
      media_.emplace(media::Container::fmp4);
    }
  }
}

bool AnswersCheck::read_chunk_size() {
  const std::size_t line = unread_.find("\r\n");
  if (line == std::string::npos) {
    RELAY_ASSERT(unread_.size() < 16);
    return false;
  }
  const auto read = std::from_chars(unread_.data(), unread_.data() + line, left_, 16);
  RELAY_ASSERT(line > 0 && read.ec == std::errc() && read.ptr == unread_.data() + line);
  unread_.erase(0, line + 2);
  length_ = left_;
  state_ = left_ > 0 ? State::chunk : State::chunk_end;
  return true;
}

void AnswersCheck::take(std::size_t size) {
  if (media_) {
    media_->feed(std::string_view(unread_).substr(0, size));
    media_bytes_ += size;
  }
  unread_.erase(0, size);
  left_ -= size;
}

void AnswersCheck::end(bool was_slow) const {
  // A viewer that does not keep up names no length, and is cut short at any time.
  RELAY_ASSERT(state_ != State::length || was_slow);
  RELAY_ASSERT(state_ != State::head || unread_.empty() || was_slow);
}

}  // namespace fuzz
