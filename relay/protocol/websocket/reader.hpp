#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "relay/base/result.hpp"
#include "relay/protocol/websocket/close_code.hpp"
#include "relay/protocol/websocket/errc.hpp"
#include "relay/protocol/websocket/frame.hpp"
#include "relay/protocol/websocket/mask.hpp"
#include "relay/protocol/websocket/utf8.hpp"

namespace websocket {

struct Limits {
  /// Of one message, all fragments together: a chunk of 16 MiB and what describes it.
  std::uint64_t message_bytes_max = 16 * 1024 * 1024 + 64 * 1024;
  /// Frames of one message, empty ones too: 16 MiB in fragments of 1 KiB.
  std::uint32_t fragments_max = 16 * 1024;
  bool accepts_text = true;  ///< else a text message is an error (1003)
};

/// A run of a message's payload, in place and unmasked: of one frame, and of one feed. Not empty
/// unless the message begins or ends with it.
struct Part {
  std::span<std::byte> bytes;
  bool is_text;  ///< else binary
  bool begins;   ///< the first of its message
  bool ends;     ///< the last of its message; a text is valid UTF-8 up to here
};
/// To be answered by a pong with the same payload. What control frames show lies in the reader
/// until the next call of `next()`.
struct Ping {
  std::span<const std::byte> payload;
};
struct Pong {
  std::span<const std::byte> payload;
};
/// The client sends nothing more; answered by a close frame of the same code (RFC 6455, 5.5.1).
struct Close {
  CloseCode code;           ///< CloseCode::no_status when the frame had none
  std::string_view reason;  ///< valid UTF-8
};
using Event = std::variant<Part, Ping, Pong, Close>;

/// Reads the frames that a client sends (RFC 6455, 5) and cuts the payload out in place: bytes stay
/// where the kernel wrote them and are unmasked there, once, when they are handed out. Until then
/// nobody else may see them, so the caller cuts its windows from the parts. A small value; keeps no
/// bytes but an unfinished header and the payload of a control frame.
class Reader {
 public:
  explicit Reader(const Limits& limits = {}) noexcept : limits_(limits) {}

  /// Looks at `received` next; `next()` must have returned nothing or an error before. Behind a
  /// close frame everything is ignored.
  void feed(std::span<std::byte> received) noexcept;

  /// What comes next in the fed span. Nothing: all was looked at, or the client has closed. An
  /// error stays.
  base::Result<std::optional<Event>> next() noexcept;

  /// What was fed and not looked at yet, which the caller takes over: it is still masked.
  std::span<std::byte> take_rest() noexcept { return std::exchange(input_, {}); }

  /// A close frame was read.
  bool is_closed() const noexcept { return state_ == State::closed; }
  /// Inside a fragmented message, or between the parts of one.
  bool is_in_message() const noexcept { return in_message_; }
  /// Close, ping and pong frames up to now: how many a second are too many is the caller's to say.
  std::uint64_t control_frames() const noexcept { return control_frames_; }

  /// The connection ended: Errc::not_closed unless a close frame came before.
  base::Result<void> on_end() noexcept;

 private:
  enum class State : std::uint8_t {
    header,   // `header_size_` bytes of it are there
    data,     // payload of a message; `left_` bytes of it to come
    control,  // payload of a control frame; the same
    closed,
    failed,
  };
  static constexpr std::size_t header_bytes_max = 14;

  std::optional<Event> step() noexcept;
  void read_header() noexcept;
  void check_header() noexcept;
  void check_opcode() noexcept;
  void read_length() noexcept;
  void begin_payload() noexcept;
  std::span<std::byte> take_payload() noexcept;
  std::optional<Event> cut_part() noexcept;
  std::optional<Event> copy_control() noexcept;
  std::optional<Event> read_close() noexcept;

  std::uint8_t header_byte(std::size_t at) const noexcept {
    return std::to_integer<std::uint8_t>(header_[at]);
  }
  Opcode opcode() const noexcept { return static_cast<Opcode>(header_byte(0) & opcode_bits); }
  bool is_final() const noexcept { return (header_byte(0) & fin_bit) != 0; }
  std::size_t length_bytes() const noexcept;
  void fail(Errc errc) noexcept;
  std::optional<Event> refuse(Errc errc) noexcept {
    fail(errc);
    return std::nullopt;
  }

  Limits limits_;
  std::span<std::byte> input_;
  std::uint64_t left_ = 0;           // of the frame's payload
  std::uint64_t at_ = 0;             // in the frame's payload
  std::uint64_t message_bytes_ = 0;  // up to the end of this frame
  std::uint64_t control_frames_ = 0;
  std::uint32_t fragments_ = 0;
  std::array<std::byte, header_bytes_max> header_{};
  std::uint8_t header_size_ = 0;
  std::uint8_t control_size_ = 0;
  MaskKey key_{};
  Utf8Checker utf8_;  // between two characters again when a message has ended
  State state_ = State::header;
  bool in_message_ = false;
  bool is_text_ = false;
  bool begins_ = false;  // no part of the message was handed out yet
  std::array<std::byte, control_bytes_max> control_{};
  Errc errc_ = Errc::not_closed;
};

}  // namespace websocket
