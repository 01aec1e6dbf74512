// The text of a token in: what is read is written in no other way, and is not taken for one of ours
// unless it was. Behind its first line the input says what a token of ours shall say, and which of
// its characters is replaced: then it counts no more.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/token/signer.hpp"

namespace {

using namespace token;

const Keys& keys() {
  static const Keys made = derive_keys("a secret of the fuzzer", "the secret before it");
  return made;
}

std::uint64_t take(std::string_view& input, std::size_t bytes) {
  std::uint64_t value = 0;
  for (; bytes > 0 && !input.empty(); --bytes, input.remove_prefix(1)) {
    value = value << 8 | static_cast<unsigned char>(input.front());
  }
  return value;
}

void check_text(std::string_view text) {
  const auto sealed = parse(text);
  if (sealed) RELAY_ASSERT(to_text(*sealed) == text && text.size() == text_bytes);
  const auto claims = read(keys(), text);
  if (claims) {
    RELAY_ASSERT(sealed && *claims == sealed->claims);
    RELAY_ASSERT(keys().current.has_signed(encode(*claims), sealed->signature) ||
                 keys().previous->has_signed(encode(*claims), sealed->signature));
  } else {
    RELAY_ASSERT((claims.error() == Errc::malformed) != sealed.has_value());
  }
}

void check_issued(std::string_view input) {
  const Kind kind = take(input, 1) % 2 == 0 ? Kind::publisher : Kind::viewer;
  const base::Utc expires{base::Utc::duration(static_cast<base::Utc::rep>(take(input, 8)))};
  Id id;
  for (std::byte& byte : id.bytes) byte = static_cast<std::byte>(take(input, 1));
  const std::size_t at = take(input, 1) % text_bytes;
  const char replaced = static_cast<char>(take(input, 1));
  const Wish wish{kind, input};
  std::string text = issue(keys(), wish, expires, id);
  check_text(text);
  Revocations revocations;
  if (expires > base::Utc::min()) {
    const base::Utc before = expires - base::Utc::duration(1);
    const auto claims = verify(keys(), text, wish, before, revocations);
    RELAY_ASSERT(claims && *claims == (Claims{kind, expires, id, digest_of(input)}));
    RELAY_ASSERT(revocations.add({id, expires}, before));
    RELAY_ASSERT(verify(keys(), text, wish, before, revocations).error() == Errc::revoked);
  }
  RELAY_ASSERT(verify(keys(), text, wish, expires, revocations).error() == Errc::expired);
  if (text[at] == replaced) return;
  text[at] = replaced;
  check_text(text);
  RELAY_ASSERT(!read(keys(), text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), size);
  const std::string_view text = input.substr(0, line);
  check_text(text);
  const auto id = parse_id(text);
  if (id) RELAY_ASSERT(parse_id(to_text(*id)) == *id);
  check_issued(input.substr(std::min(line + 1, size)));
  return 0;
}
