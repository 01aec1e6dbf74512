// Feeds a body at cuts of the input's choice and whole: both must give the same payload, rest and
// error. Input: kind (0-2), length, how many cut bytes follow (0-15), these, the body.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/protocol/http_body/reader.hpp"

namespace {

struct Outcome {
  std::string payload;  // `|` stands for the end of an HTTP chunk
  std::size_t rest = 0;
  bool done = false;
  base::Error error;
};

http_body::Reader make_reader(std::uint8_t kind, std::uint8_t length) {
  switch (kind % 3) {
    case 0:
      return http_body::Reader::chunked();
    case 1:
      return http_body::Reader::with_length(length);
    default:
      return http_body::Reader::until_close();
  }
}

Outcome read(http_body::Reader reader, std::vector<std::byte> body,
             std::span<const std::uint8_t> cuts) {
  Outcome outcome;
  std::span<std::byte> left = body;
  while (!left.empty() && !reader.done()) {
    std::size_t size = left.size();
    if (!cuts.empty()) {
      size = std::min<std::size_t>(size, cuts.front());
      cuts = cuts.subspan(1);
    }
    const auto piece = left.first(size);
    left = left.subspan(size);
    reader.feed(piece);
    for (;;) {
      const auto run = reader.next();
      if (!run) {
        outcome.error = run.error();
        RELAY_ASSERT(reader.on_end().error() == outcome.error);
        return outcome;
      }
      if (!*run) break;
      RELAY_ASSERT(!(*run)->empty() && (*run)->data() >= piece.data() &&
                   (*run)->data() + (*run)->size() <= piece.data() + piece.size());
      for (std::byte& byte : **run) {
        outcome.payload += static_cast<char>(byte);
        byte = std::byte{0};  // in place, as whoever unmasks does
      }
      if (reader.at_chunk_end()) outcome.payload += '|';
    }
  }
  outcome.done = reader.done();
  outcome.rest = reader.rest().size() + left.size();
  const bool ended = reader.on_end().has_value();
  RELAY_ASSERT(ended == reader.done());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t cuts = std::min<std::size_t>(data[2] & 15, size - 3);
  const auto input = std::as_bytes(std::span(data, size)).subspan(3 + cuts);
  const std::vector<std::byte> body(input.begin(), input.end());
  const auto reader = make_reader(data[0], data[1]);
  const Outcome cut = read(reader, body, {data + 3, cuts});
  const Outcome whole = read(reader, body, {});
  RELAY_ASSERT(cut.payload == whole.payload);
  RELAY_ASSERT(cut.error == whole.error);
  RELAY_ASSERT(cut.done == whole.done);
  RELAY_ASSERT(cut.rest == whole.rest);
  return 0;
}
