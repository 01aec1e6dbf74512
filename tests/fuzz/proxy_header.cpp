// Feeds a PROXY header at cuts of the input's choice and whole: both must give the same, with the
// same bytes left over, and what says so itself is within the limits. Input: one byte says how many
// cut bytes follow (0-15), the rest is what a proxy sends.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/http/proxy/errc.hpp"
#include "relay/http/proxy/header_reader.hpp"

namespace {

using http::proxy::HeaderReader;
using Bytes = std::span<const std::byte>;

struct Outcome {
  base::Result<std::optional<http::proxy::Header>> read;
  std::size_t consumed;
};

Outcome read(Bytes sent, Bytes cuts) {
  HeaderReader reader;
  std::size_t before = 0;
  while (!sent.empty()) {
    std::size_t size = sent.size();
    if (!cuts.empty()) {
      size = std::min(size, std::to_integer<std::size_t>(cuts.front()));
      cuts = cuts.subspan(1);
    }
    auto header = reader.feed(sent.first(size));
    if (!header || *header) return {std::move(header), before + reader.consumed()};
    RELAY_ASSERT(reader.consumed() == size);
    before += size;
    sent = sent.subspan(size);
  }
  return {std::optional<http::proxy::Header>(), before};
}

void check(const http::proxy::Header& header, std::string_view text) {
  const bool is_line = text.starts_with("PROXY ");
  RELAY_ASSERT(text.size() <=
               (is_line ? http::proxy::line_bytes_max : http::proxy::header_bytes_max));
  RELAY_ASSERT(!is_line || text.ends_with("\r\n"));
  RELAY_ASSERT(is_line || text.size() >= 16);
  const std::string source = to_text(header.source);
  RELAY_ASSERT(header.source.is_known == (source != "?"));
  // A line has the address as people write it, but for zeros that may be left out.
  if (is_line && header.source.is_ipv4() && text.starts_with("PROXY TCP4 ")) {
    RELAY_ASSERT(text.substr(11).starts_with(address_text(header.source) + ' '));
  }
  if (header.source.port != 0) RELAY_ASSERT(base::parse_endpoint(source) == header.source);
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
    RELAY_ASSERT(cut.read.error().message() != "unknown error");
    return 0;
  }
  RELAY_ASSERT(cut.consumed == whole.consumed);
  RELAY_ASSERT(cut.read->has_value() == whole.read->has_value());
  // What is not complete has not reached its limit.
  if (!*cut.read) {
    RELAY_ASSERT(sent.size() < http::proxy::header_bytes_max);
    return 0;
  }
  RELAY_ASSERT((*cut.read)->source == (*whole.read)->source);
  check(**cut.read, {reinterpret_cast<const char*>(sent.data()), cut.consumed});
  return 0;
}
