#include "relay/token/signer.hpp"

namespace token {

std::string issue(const Keys& keys, const Wish& wish, base::Utc expires, const Id& id) {
  Sealed sealed{{wish.kind, expires, id, digest_of(wish.stream)}, {}};
  sealed.signature = keys.current.sign(encode(sealed.claims));
  return to_text(sealed);
}

base::Result<Claims> read(const Keys& keys, std::string_view text) {
  const auto sealed = parse(text);
  if (!sealed) return sealed.error();
  const auto bytes = encode(sealed->claims);
  if (!keys.current.has_signed(bytes, sealed->signature) &&
      !(keys.previous && keys.previous->has_signed(bytes, sealed->signature))) {
    return Errc::bad_signature;
  }
  return sealed->claims;
}

base::Result<Claims> verify(const Keys& keys, std::string_view text, const Wish& wish,
                            base::Utc now, const Revocations& revocations) {
  const auto claims = read(keys, text);
  if (!claims) return claims.error();
  if (claims->expires <= now) return Errc::expired;
  if (claims->stream != digest_of(wish.stream)) return Errc::other_stream;
  if (claims->kind != wish.kind) return Errc::other_kind;
  if (const auto valid = check(*claims, now, revocations); !valid) return valid.error();
  return claims;
}

base::Result<void> check(const Claims& claims, base::Utc now, const Revocations& revocations) {
  if (claims.expires <= now) return Errc::expired;
  if (revocations.contains(claims.id)) return Errc::revoked;
  return {};
}

}  // namespace token
