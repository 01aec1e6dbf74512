// Feeds a request at cuts of the input's choice and whole: both must give the same. Each head is
// routed. Input: one byte says how many cut bytes follow (0-15), the rest is what a peer sends.

#include <cstdint>
#include <span>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/http/errc.hpp"
#include "relay/http/head_reader.hpp"
#include "relay/http/response.hpp"
#include "relay/http/router.hpp"

namespace {

using Read = base::Result<std::optional<http::RequestHead>>;
using Bytes = std::span<const std::byte>;

struct Outcome {
  Read read;
  std::size_t consumed;
};

Outcome read(Bytes sent, Bytes cuts) {
  http::HeadReader reader;
  std::size_t before = 0;
  while (!sent.empty()) {
    std::size_t size = sent.size();
    if (!cuts.empty()) {
      size = std::min(size, std::to_integer<std::size_t>(cuts.front()));
      cuts = cuts.subspan(1);
    }
    Read head = reader.feed(sent.first(size));
    if (!head || *head) return {std::move(head), before + reader.consumed()};
    RELAY_ASSERT(reader.consumed() == size);
    before += size;
    sent = sent.subspan(size);
  }
  return {std::optional<http::RequestHead>(), before};
}

bool has_controls(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

void check(const http::RequestHead& head) {
  RELAY_ASSERT(int{head.content_length.has_value()} + int{head.chunked} + int{head.until_close} <=
               1);
  RELAY_ASSERT(!head.until_close || !head.keep_alive);
  RELAY_ASSERT(!head.http_1_1 || !head.host.empty());
  RELAY_ASSERT(!has_controls(head.target));
  for (const auto& [name, value] : head.fields) {
    RELAY_ASSERT(!name.empty() && !has_controls(name) && !has_controls(value));
    RELAY_ASSERT(head.find(name) != nullptr);
  }
  const http::Route route = http::route(head);
  if (route.kind == http::RouteKind::media) {
    RELAY_ASSERT(!route.stream.empty() && route.stream.front() != '.');
    RELAY_ASSERT(route.stream.find("/.") == std::string::npos);
  } else if (route.kind == http::RouteKind::error) {
    RELAY_ASSERT(route.status >= 400 && !route.reason.empty() && !has_controls(route.reason));
  }
  const auto head_bytes = http::write_head({200, head.fields, head.http_1_1});
  RELAY_ASSERT(head_bytes.find("\r\n\r\n") == head_bytes.size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const std::size_t cuts = std::min<std::size_t>(data[0] & 15, size - 1);
  const Bytes sent = input.subspan(1 + cuts);
  const Outcome cut = read(sent, input.subspan(1, cuts));
  const Outcome whole = read(sent, {});
  RELAY_ASSERT(cut.read.has_value() == whole.read.has_value());
  if (!cut.read) {
    RELAY_ASSERT(cut.read.error() == whole.read.error());
    RELAY_ASSERT(http::status_of(cut.read.error()) >= 400);
    return 0;
  }
  RELAY_ASSERT(cut.consumed == whole.consumed);
  RELAY_ASSERT(cut.read->has_value() == whole.read->has_value());
  if (!*cut.read) return 0;
  RELAY_ASSERT((*cut.read)->fields == (*whole.read)->fields);
  RELAY_ASSERT((*cut.read)->target == (*whole.read)->target);
  check(**cut.read);
  return 0;
}
