#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/protocol/http_body/errc.hpp"

namespace http_body {

constexpr std::size_t chunk_line_bytes_max = 256;  ///< extensions and CRLF included
constexpr std::size_t trailer_bytes_max = 4096;    ///< the empty line at the end included

/// Reads the body of a request (RFC 9112, 6 and 7.1) and cuts the payload out in place: the bytes
/// stay where the kernel wrote them. A small value; keeps no bytes, only where it is in the body.
class Reader {
 public:
  static Reader chunked() noexcept { return Reader(State::size_first, 0); }
  static Reader with_length(std::uint64_t bytes) noexcept {
    return Reader(bytes == 0 ? State::done : State::data, bytes);
  }
  static Reader until_close() noexcept { return Reader(State::until_close, 0); }

  /// Looks at `received` next; `next()` must have returned nothing or an error before.
  void feed(std::span<std::byte> received) noexcept;

  /// The next run of payload inside the fed span, never empty. Nothing: all was looked at, or the
  /// body is over. An error stays.
  base::Result<std::optional<std::span<std::byte>>> next() noexcept;

  bool done() const noexcept { return state_ == State::done; }
  /// The bytes behind the body's end: the next request of this connection.
  std::span<std::byte> rest() const noexcept { return done() ? input_ : std::span<std::byte>{}; }
  /// True when the last byte handed out was the last of an HTTP chunk.
  bool at_chunk_end() const noexcept { return at_chunk_end_; }

  /// The connection ended: Errc::truncated unless the body was complete or ends like this.
  base::Result<void> on_end() noexcept;

 private:
  enum class State : std::uint8_t {
    size_first,  // the first digit of a chunk's size
    size,        // the other digits
    size_space,  // blanks before an extension
    extension,   // skipped up to CR
    size_lf,     // the line feed behind the size line
    data,        // payload; `left_` bytes of it
    data_cr,     // CRLF behind a chunk's data
    data_lf,
    trailer_first,  // the first byte of a trailer line
    trailer_name,   // up to the colon
    trailer_value,  // up to CR
    trailer_lf,     // behind a trailer line
    last_lf,        // behind the empty line
    until_close,
    done,
    failed,
  };

  Reader(State state, std::uint64_t left) noexcept
      : left_(left), state_(state), chunked_(state == State::size_first) {}
  std::span<std::byte> cut_payload() noexcept;
  void read_framing(unsigned char byte) noexcept;
  void read_size_line(unsigned char byte) noexcept;
  void end_size_line() noexcept;
  void read_trailer(unsigned char byte) noexcept;
  void fail(Errc errc) noexcept {
    state_ = State::failed;
    errc_ = errc;
  }

  std::span<std::byte> input_;
  std::uint64_t left_;            // of the chunk or the body
  std::uint32_t line_bytes_ = 0;  // of the size line, or of all trailers
  std::uint8_t size_digits_ = 0;
  State state_;
  bool chunked_;
  bool at_chunk_end_ = false;
  Errc errc_ = Errc::truncated;
};

}  // namespace http_body
