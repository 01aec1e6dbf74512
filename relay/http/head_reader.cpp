#include "relay/http/head_reader.hpp"

#include <utility>

#include "relay/http/errc.hpp"
#include "relay/http/head_codec.hpp"

namespace http {
namespace {

// Every line ends with CRLF (RFC 9112, 2.2 lets a recipient take a bare LF; two recipients that
// disagree on it can be played against each other). No other control character but the tab.
bool may_follow(char last, char next) noexcept {
  if ((last == '\r') != (next == '\n')) return false;
  const auto byte = static_cast<unsigned char>(next);
  return (byte >= 0x20 && byte != 0x7f) || next == '\t' || next == '\r' || next == '\n';
}

}  // namespace

base::Result<std::optional<RequestHead>> HeadReader::feed(std::span<const std::byte> bytes) {
  const std::string_view fed(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::size_t begin = 0;  // of the head's part in `fed`
  std::size_t size = pending_.size();
  std::size_t line_size = size - (pending_.rfind('\n') + 1);  // npos + 1 is 0
  char last = pending_.empty() ? '\0' : pending_.back();
  consumed_ = fed.size();
  for (std::size_t index = 0; index < fed.size(); ++index) {
    if (++size > head_bytes_max) return Errc::head_too_large;
    if (!may_follow(last, fed[index])) return Errc::bad_request;
    last = fed[index];
    ++line_size;
    if (last != '\n') continue;
    if (size == 2) {
      // RFC 9112, 2.2: an empty line before the request line is skipped; a few of them.
      if (++blank_lines_ > leading_blank_lines_max) return Errc::bad_request;
      pending_.clear();
      begin = index + 1;
      size = 0;
      last = '\0';
    } else if (line_size == 2) {
      return finish(fed.substr(begin, index + 1 - begin), index + 1);
    }
    line_size = 0;
  }
  pending_.append(fed.substr(begin));
  return std::nullopt;
}

base::Result<std::optional<RequestHead>> HeadReader::finish(std::string_view end,
                                                            std::size_t consumed) {
  consumed_ = consumed;
  blank_lines_ = 0;
  // Gone when this returns: between heads no memory is kept.
  std::string whole = std::exchange(pending_, std::string());
  if (!whole.empty()) end = whole.append(end);
  auto head = parse_head(end);
  if (!head) return head.error();
  return std::optional<RequestHead>(std::move(*head));
}

}  // namespace http
