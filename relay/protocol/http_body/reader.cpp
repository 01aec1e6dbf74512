#include "relay/protocol/http_body/reader.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"

namespace http_body {
namespace {

constexpr std::uint8_t size_digits_max = 16;

int hex_digit(unsigned char byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const int letter = byte | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// What may stand in an extension or a trailer's value: no control character but the tab. A bare
// line feed is one, so nobody else's idea of where a line ends can differ from ours.
bool is_text(unsigned char byte) noexcept { return byte == '\t' || (byte >= 0x20 && byte != 0x7f); }

// RFC 9110, 5.6.2
bool is_token(unsigned char byte) noexcept {
  static constexpr char others[] = "!#$%&'*+-.^_`|~";
  const int letter = byte | 0x20;
  return (byte >= '0' && byte <= '9') || (letter >= 'a' && letter <= 'z') ||
         std::find(others, others + sizeof others - 1, static_cast<char>(byte)) !=
             others + sizeof others - 1;
}

}  // namespace

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::bad_chunk_size:
      return "the size line of a chunk is malformed";
    case Errc::chunk_line_too_long:
      return "the size line of a chunk is too long";
    case Errc::bad_chunk_end:
      return "a chunk is longer than its size";
    case Errc::trailer_too_large:
      return "the trailer is too large";
    case Errc::truncated:
      return "the connection ended before the body did";
    case Errc::bad_trailer:
      return "the trailer is malformed";
  }
  return "unknown error";
}

void Reader::feed(std::span<std::byte> received) noexcept {
  RELAY_ASSERT(input_.empty() || state_ == State::failed);
  input_ = received;
}

base::Result<std::optional<std::span<std::byte>>> Reader::next() noexcept {
  while (!input_.empty() && state_ != State::done && state_ != State::failed) {
    if (state_ == State::data || state_ == State::until_close) return cut_payload();
    const auto byte = std::to_integer<unsigned char>(input_.front());
    input_ = input_.subspan(1);
    read_framing(byte);
  }
  if (state_ == State::failed) return errc_;
  return std::nullopt;
}

std::span<std::byte> Reader::cut_payload() noexcept {
  std::size_t size = input_.size();
  if (state_ == State::data) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
    left_ -= size;
    at_chunk_end_ = chunked_ && left_ == 0;
    if (left_ == 0) state_ = chunked_ ? State::data_cr : State::done;
  }
  const auto payload = input_.first(size);
  input_ = input_.subspan(size);
  return payload;
}

void Reader::read_framing(unsigned char byte) noexcept {
  switch (state_) {
    case State::data_cr:
      if (byte != '\r') return fail(Errc::bad_chunk_end);
      state_ = State::data_lf;
      return;
    case State::data_lf:
      if (byte != '\n') return fail(Errc::bad_chunk_end);
      state_ = State::size_first;
      line_bytes_ = 0;
      size_digits_ = 0;
      return;
    case State::trailer_first:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf:
      return read_trailer(byte);
    default:
      return read_size_line(byte);
  }
}

// RFC 9112, 7.1: chunk-size [ chunk-ext ] CRLF, where chunk-ext begins with [blanks] ";".
void Reader::read_size_line(unsigned char byte) noexcept {
  if (++line_bytes_ > chunk_line_bytes_max) return fail(Errc::chunk_line_too_long);
  if (state_ == State::size_lf) {
    if (byte != '\n') return fail(Errc::bad_chunk_size);
    return end_size_line();
  }
  if (state_ == State::size_first || state_ == State::size) {
    if (const int digit = hex_digit(byte); digit >= 0) {
      // Sixteen digits fill 64 bits, so the size cannot overflow.
      if (++size_digits_ > size_digits_max) return fail(Errc::bad_chunk_size);
      left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
      state_ = State::size;
      return;
    }
    if (state_ == State::size_first) return fail(Errc::bad_chunk_size);
  }
  const bool in_extension = state_ == State::extension;
  if (byte == '\r' && state_ != State::size_space) {
    state_ = State::size_lf;
  } else if (in_extension ? !is_text(byte) : byte != ';' && byte != ' ' && byte != '\t') {
    fail(Errc::bad_chunk_size);
  } else if (!in_extension) {
    state_ = byte == ';' ? State::extension : State::size_space;
  }
}

void Reader::end_size_line() noexcept {
  line_bytes_ = 0;
  state_ = left_ == 0 ? State::trailer_first : State::data;
}

// RFC 9112, 7.1.2: fields that nobody here needs, and the empty line that ends the body. The names
// are checked all the same: a request must not pass for a trailer.
void Reader::read_trailer(unsigned char byte) noexcept {
  if (++line_bytes_ > trailer_bytes_max) return fail(Errc::trailer_too_large);
  switch (state_) {
    case State::trailer_first:
      if (byte == '\r') {
        state_ = State::last_lf;
      } else if (is_token(byte)) {
        state_ = State::trailer_name;
      } else {
        fail(Errc::bad_trailer);
      }
      return;
    case State::trailer_name:
      if (byte == ':') {
        state_ = State::trailer_value;
      } else if (!is_token(byte)) {
        fail(Errc::bad_trailer);
      }
      return;
    case State::trailer_value:
      if (byte == '\r') {
        state_ = State::trailer_lf;
      } else if (!is_text(byte)) {
        fail(Errc::bad_trailer);
      }
      return;
    default:
      if (byte != '\n') return fail(Errc::bad_trailer);
      state_ = state_ == State::last_lf ? State::done : State::trailer_first;
  }
}

base::Result<void> Reader::on_end() noexcept {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ == State::done) return {};
  return state_ == State::failed ? errc_ : Errc::truncated;
}

}  // namespace http_body
