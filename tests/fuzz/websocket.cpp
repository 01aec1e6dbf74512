// Feeds frames at cuts of the input's choice; a plain decoder over the whole text must come to the
// same messages, control frames and error. Input: limits (message bytes, fragments, whether text is
// taken), how many cut bytes follow (0-15), these, the frames.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/protocol/websocket/reader.hpp"
#include "relay/protocol/websocket/writer.hpp"

namespace {

using websocket::Errc;
using websocket::Opcode;

/// Whole messages and control frames, and what is there of a message whose end did not come.
struct Outcome {
  std::vector<std::string> events;
  std::string unfinished;
  base::Error error;
  bool closed = false;
};

std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_code_point(std::uint32_t point, std::size_t bytes) {
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return point >= least[bytes] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || at + bytes > text.size()) return false;
    std::uint32_t point = bytes == 1 ? first : first & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3fu);
    }
    if (!is_code_point(point, bytes)) return false;
    at += bytes;
  }
  return true;
}

/// Whether some text that begins like this is UTF-8: tries what could complete the last character.
bool can_become_utf8(const std::string& text) {
  if (is_utf8(text)) return true;
  for (const char next : {'\x80', '\x90', '\xa0'}) {
    std::string longer = text;
    longer += next;
    for (int more = 0; more < 3; ++more, longer += '\x80') {
      if (is_utf8(longer)) return true;
    }
  }
  return false;
}

/// The twin: RFC 6455, 5 and 7.4, over the whole text.
class Decoder {
 public:
  Decoder(std::string_view text, const websocket::Limits& limits) : text_(text), limits_(limits) {}

  Outcome decode() {
    while (!text_.empty() && !outcome_.error && !outcome_.closed && read_frame()) {
    }
    return outcome_;
  }

 private:
  bool fail(Errc errc) {
    outcome_.error = errc;
    return false;
  }
  std::uint64_t number(std::size_t at, std::size_t bytes) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = value << 8 | static_cast<unsigned char>(text_[at + i]);
    }
    return value;
  }

  // False where the text ends, or with an error.
  bool read_frame() {
    const auto first = static_cast<unsigned>(number(0, 1));
    const unsigned opcode = first & 15;
    const bool fin = first >= 128;
    if ((first & 0x70) != 0) return fail(Errc::reserved_bits);
    if ((opcode > 2 && opcode < 8) || opcode > 10) return fail(Errc::unknown_opcode);
    if (opcode >= 8 && !fin) return fail(Errc::fragmented_control);
    if (opcode == 0 && !open_) return fail(Errc::unexpected_continuation);
    if (opcode == 0 && ++frames_ > limits_.fragments_max) return fail(Errc::too_many_fragments);
    if ((opcode == 1 || opcode == 2) && open_) return fail(Errc::unfinished_message);
    if (opcode == 1 && !limits_.accepts_text) return fail(Errc::text_not_accepted);
    if (opcode == 1 || opcode == 2) {
      open_ = true;
      frames_ = 1;
      is_text_ = opcode == 1;
    }
    if (text_.size() < 2) return false;
    std::uint64_t size = number(1, 1) & 127;
    if (number(1, 1) < 128) return fail(Errc::not_masked);
    if (opcode >= 8 && size > 125) return fail(Errc::control_too_long);
    const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (text_.size() < 2 + more) return false;
    if (more > 0) size = number(2, more);
    if (size >> 63 != 0) return fail(Errc::length_too_large);
    if ((more == 2 && size < 126) || (more == 8 && size < 65536)) {
      return fail(Errc::length_not_minimal);
    }
    if (opcode < 8 && size + outcome_.unfinished.size() > limits_.message_bytes_max) {
      return fail(Errc::message_too_large);
    }
    if (text_.size() < 6 + more) return false;
    const std::string_view key = text_.substr(2 + more, 4);
    text_.remove_prefix(6 + more);
    const std::string_view masked = text_.substr(0, size);
    text_.remove_prefix(masked.size());
    std::string payload;
    for (std::size_t i = 0; i < masked.size(); ++i) {
      payload += static_cast<char>(masked[i] ^ key[i % 4]);
    }
    const bool whole = payload.size() == size;
    return opcode < 8 ? read_data(payload, whole, fin) : whole && read_control(opcode, payload);
  }

  bool read_data(const std::string& payload, bool whole, bool fin) {
    const std::string message = outcome_.unfinished + payload;
    if (is_text_ && !(whole && fin ? is_utf8(message) : can_become_utf8(message))) {
      return fail(Errc::bad_text);
    }
    outcome_.unfinished = message;
    if (whole && fin) {
      outcome_.events.push_back((is_text_ ? "text " : "binary ") + message);
      outcome_.unfinished.clear();
      open_ = false;
    }
    return whole;
  }

  bool read_control(unsigned opcode, const std::string& payload) {
    if (opcode != 8) {
      outcome_.events.push_back((opcode == 9 ? "ping " : "pong ") + payload);
      return true;
    }
    unsigned code = 1005;
    if (payload.size() == 1) return fail(Errc::bad_close_length);
    if (!payload.empty()) {
      code = static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
      const bool known = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
      if (!known && (code < 3000 || code > 4999)) return fail(Errc::bad_close_code);
      if (!is_utf8(payload.substr(2))) return fail(Errc::bad_close_reason);
    }
    outcome_.closed = true;
    outcome_.events.push_back("close " + std::to_string(code) + " " +
                              (payload.empty() ? "" : payload.substr(2)));
    return true;
  }

  std::string_view text_;
  websocket::Limits limits_;
  Outcome outcome_;
  bool open_ = false;
  bool is_text_ = false;
  std::uint32_t frames_ = 0;
};

/// What our reader makes of it. Each piece lies in memory of its own, so that a step over its end
/// is seen.
class Reading {
 public:
  explicit Reading(const websocket::Limits& limits) : reader_(limits) {}

  void feed(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    piece_.assign(bytes.begin(), bytes.end());
    reader_.feed(piece_);
    for (;;) {
      const auto event = reader_.next();
      if (!event) {
        outcome.error = event.error();
        RELAY_ASSERT(reader_.next().error() == outcome.error);
        RELAY_ASSERT(reader_.on_end().error() == outcome.error);
        return;
      }
      if (!*event) break;
      std::visit([this](const auto& each) { take(each); }, **event);
    }
    outcome.closed = reader_.is_closed();
    RELAY_ASSERT(reader_.on_end().has_value() == outcome.closed);
    RELAY_ASSERT(reader_.control_frames() == controls_);
  }

  Outcome outcome;

 private:
  void take(const websocket::Part& part) {
    const std::span<const std::byte> piece(piece_);
    RELAY_ASSERT(part.bytes.empty() ||
                 (part.bytes.data() >= piece.data() &&
                  part.bytes.data() + part.bytes.size() <= piece.data() + piece.size()));
    RELAY_ASSERT(!part.bytes.empty() || part.ends);
    RELAY_ASSERT(part.begins == is_at_start_);
    outcome.unfinished += to_text(part.bytes);
    is_at_start_ = part.ends;
    if (!part.ends) return;
    outcome.events.push_back((part.is_text ? "text " : "binary ") + outcome.unfinished);
    outcome.unfinished.clear();
  }
  void take(const websocket::Ping& ping) {
    ++controls_;
    outcome.events.push_back("ping " + to_text(ping.payload));
    RELAY_ASSERT(to_text(websocket::pong_frame(ping.payload).bytes().subspan(2)) ==
                 to_text(ping.payload));
  }
  void take(const websocket::Pong& pong) {
    ++controls_;
    outcome.events.push_back("pong " + to_text(pong.payload));
  }
  void take(const websocket::Close& close) {
    ++controls_;
    outcome.events.push_back("close " + std::to_string(static_cast<unsigned>(close.code)) + " " +
                             std::string(close.reason));
    RELAY_ASSERT(websocket::close_frame(close.code, close.reason).size() >=
                 2 + close.reason.size());  // whatever came may be sent back
  }

  websocket::Reader reader_;
  std::vector<std::byte> piece_;
  std::uint64_t controls_ = 0;
  bool is_at_start_ = true;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const websocket::Limits limits = {data[0] * 8u, data[1] % 16u + 1, data[2] % 2 == 0};
  std::span<const std::uint8_t> cuts(data + 4, std::min<std::size_t>(data[3] & 15, size - 4));
  const std::string_view text(reinterpret_cast<const char*>(data) + 4 + cuts.size(),
                              size - 4 - cuts.size());
  const Outcome plain = Decoder(text, limits).decode();

  Reading reading(limits);
  for (std::string_view left = text; !left.empty() && !reading.outcome.error;) {
    std::size_t piece = left.size();
    if (!cuts.empty()) {
      piece = std::min<std::size_t>(piece, cuts.front());
      cuts = cuts.subspan(1);
    }
    reading.feed(left.substr(0, piece));
    left.remove_prefix(piece);
  }
  RELAY_ASSERT(reading.outcome.error == plain.error);
  RELAY_ASSERT(reading.outcome.closed == plain.closed);
  RELAY_ASSERT(reading.outcome.events == plain.events);
  if (plain.error == make_error_code(Errc::bad_text)) {
    // How much came before the wrong byte depends on the cuts; the twin leaves the whole frame out.
    RELAY_ASSERT(reading.outcome.unfinished.starts_with(plain.unfinished));
    RELAY_ASSERT(can_become_utf8(reading.outcome.unfinished));
  } else {
    RELAY_ASSERT(reading.outcome.unfinished == plain.unfinished);
  }
  return 0;
}
