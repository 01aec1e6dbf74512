#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/media_check.hpp"

namespace fuzz {

/// All that the relay answers on one connection, at any cuts: responses one after the other, whose
/// heads are well-formed, whose bodies are as long as they say, and whose media is whole; or,
/// behind a 101, frames with messages of the wire that a relay may send.
class AnswersCheck {
 public:
  void feed(std::string_view bytes);
  /// The client has asked for a head alone: where the response ends cannot be told any more.
  void on_head_asked() { may_lack_body_ = true; }
  /// The relay has closed its side. `was_slow`: the client may have had a response's whole time and
  /// not have taken it.
  void end(bool was_slow) const;

  unsigned last_status() const { return status_; }
  std::size_t media_bytes() const { return media_bytes_; }

 private:
  enum class State {
    head,
    length,
    chunk_size,
    chunk,
    chunk_end,
    until_close,
    websocket,
    unknown,
  };

  bool step();
  void read_head(std::string_view head);
  void read_fields(std::string_view fields);
  bool read_chunk_size();
  bool read_frame();
  void read_message(std::string_view bytes);
  void take(std::size_t size);

  State state_ = State::head;
  std::string unread_;
  std::size_t left_ = 0;  // of a length, or of a chunk
  unsigned status_ = 0;
  bool chunked_ = false;
  std::optional<std::size_t> length_;
  std::optional<MediaCheck> media_;
  std::size_t media_bytes_ = 0;
  bool may_lack_body_ = false;
  bool said_bye_ = false;
  bool closed_ = false;  // by a close frame
};

}  // namespace fuzz
