#pragma once

#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/token/key.hpp"
#include "relay/token/revocations.hpp"

namespace token {

/// What somebody wants who shows a token.
struct Wish {
  Kind kind = Kind::viewer;
  std::string_view stream;
};

/// The text of a token for `wish` until `expires`, signed with the current key. `id`: random_id(),
/// and a new one each time.
std::string issue(const Keys& keys, const Wish& wish, base::Utc expires, const Id& id);

/// What a text says that was signed here, whether or not it still counts: for who revokes it.
/// `Errc::malformed` or `Errc::bad_signature`.
base::Result<Claims> read(const Keys& keys, std::string_view text);

/// Whether who shows `text` gets the wish now. What it says is then to be kept with the session:
/// its id may be revoked, and its time passes. Errors in this order: those of read(), expired,
/// other_stream, other_kind, revoked.
base::Result<Claims> verify(const Keys& keys, std::string_view text, const Wish& wish,
                            base::Utc now, const Revocations& revocations);

/// Whether a session may go on whose token said this: nothing, or expired or revoked.
base::Result<void> check(const Claims& claims, base::Utc now, const Revocations& revocations);

}  // namespace token
