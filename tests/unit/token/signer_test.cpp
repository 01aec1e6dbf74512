#include "relay/token/signer.hpp"

#include <doctest/doctest.h>

#include "relay/protocol/wire/message.hpp"

namespace token {
namespace {

using namespace std::chrono_literals;

const base::Utc now(1'795'474'560s);
const Wish publish{Kind::publisher, "live/cam"};
const Wish watch{Kind::viewer, "live/cam"};

Id id_of(int number) {
  Id id;
  id.bytes[15] = std::byte(number);
  return id;
}

const Keys& keys() {
  static const Keys made = derive_keys("a secret of some length");
  return made;
}

base::Error refusal(const Keys& with, std::string_view text, const Wish& wish, base::Utc at,
                    const Revocations& revocations = Revocations()) {
  const auto claims = verify(with, text, wish, at, revocations);
  return claims ? base::Error() : claims.error();
}

}  // namespace

TEST_CASE("who shows a token gets what it says until it expires") {
  const std::string text = issue(keys(), publish, now + 1min, id_of(7));
  const auto claims = verify(keys(), text, publish, now, Revocations());
  REQUIRE(claims.has_value());
  CHECK(*claims == Claims{Kind::publisher, now + 1min, id_of(7), digest_of("live/cam")});
  CHECK(!refusal(keys(), text, publish, now + 1min - 1us));
  CHECK(refusal(keys(), text, publish, now + 1min) == Errc::expired);
  CHECK(refusal(keys(), text, publish, base::Utc::max()) == Errc::expired);
  CHECK(!refusal(keys(), text, publish, base::Utc::min()));
}

TEST_CASE("the text of a token never changes") {
  const Keys known = derive_keys("correct horse battery staple");
  Id id;
  for (std::size_t at = 0; at < id.bytes.size(); ++at) id.bytes[at] = std::byte(at);
  // By Python's hmac and base64.
  const std::string text =
      "AQEABmD5f13wkAABAgMEBQYHCAkKCwwNDg_JVvM-rtaYNGX3N2jtVnHckPG4F2-"
      "XItVxmZid3QfHyEatdJgSdwOh3G0S4KTcYXw63wMsP8odFlL3JjtEIa2x";
  CHECK(issue(known, publish, now + 250ms, id) == text);
  CHECK(!refusal(known, text, publish, now));
}

TEST_CASE("a token fits the field of the wire however long the path is") {
  std::string path(64, 'a');
  for (int segment = 1; segment < 8; ++segment) path += '/' + std::string(64, 'b');
  const Wish longest{Kind::viewer, path};
  const std::string text = issue(keys(), longest, now + 1h, random_id());
  CHECK(text.size() <= wire::token_bytes_max);
  CHECK(!refusal(keys(), text, longest, now));
  path.back() = 'c';
  CHECK(refusal(keys(), text, longest, now) == Errc::other_stream);
}

TEST_CASE("a token is for one stream and one kind") {
  const std::string text = issue(keys(), publish, now + 1min, id_of(1));
  CHECK(refusal(keys(), text, {Kind::publisher, "live/cam2"}, now) == Errc::other_stream);
  CHECK(refusal(keys(), text, {Kind::publisher, ""}, now) == Errc::other_stream);
  CHECK(refusal(keys(), text, watch, now) == Errc::other_kind);
  CHECK(refusal(keys(), issue(keys(), watch, now + 1min, id_of(2)), publish, now) ==
        Errc::other_kind);
}

TEST_CASE("no character of a token can be another one") {
  const std::string text = issue(keys(), publish, now + 1min, id_of(1));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    CAPTURE(at);
    const auto error = refusal(keys(), other, publish, now);
    // The first two bytes are version and kind.
    CHECK((error == Errc::bad_signature || (at < 3 && error == Errc::malformed)));
  }
  CHECK(refusal(keys(), "", publish, now) == Errc::malformed);
  CHECK(refusal(keys(), "00112233445566778899aabbccddeeff", publish, now) == Errc::malformed);
}

TEST_CASE("during a rotation two keys count and afterwards one") {
  const Keys before = derive_keys("the first secret of three");
  const Keys during = derive_keys("the second secret of three", "the first secret of three");
  const Keys after = derive_keys("the third secret of three", "the second secret of three");
  const std::string old = issue(before, publish, now + 1h, id_of(1));
  const std::string fresh = issue(during, publish, now + 1h, id_of(2));
  CHECK(!refusal(during, old, publish, now));
  CHECK(!refusal(during, fresh, publish, now));
  CHECK(refusal(before, fresh, publish, now) == Errc::bad_signature);
  CHECK(refusal(after, old, publish, now) == Errc::bad_signature);
  CHECK(!refusal(after, fresh, publish, now));
}

TEST_CASE("a revoked token counts no more although it has not expired") {
  const std::string text = issue(keys(), publish, now + 1min, id_of(1));
  const auto claims = read(keys(), text);
  REQUIRE(claims.has_value());
  Revocations revocations;
  REQUIRE(revocations.add({claims->id, claims->expires}, now));
  CHECK(refusal(keys(), text, publish, now, revocations) == Errc::revoked);
  CHECK(refusal(keys(), text, publish, now + 1min, revocations) == Errc::expired);
  CHECK(refusal(keys(), text, watch, now, revocations) == Errc::other_kind);
  CHECK(!refusal(keys(), issue(keys(), publish, now + 1min, id_of(2)), publish, now, revocations));
}

TEST_CASE("a running session is checked by what its token said") {
  const Claims claims{Kind::viewer, now + 1min, id_of(1), digest_of("a")};
  Revocations revocations;
  CHECK(check(claims, now, revocations));
  CHECK(check(claims, now + 1min, revocations).error() == Errc::expired);
  REQUIRE(revocations.add({claims.id, claims.expires}, now));
  CHECK(check(claims, now, revocations).error() == Errc::revoked);
}

TEST_CASE("what was not signed here is not read") {
  const std::string text = issue(derive_keys("somebody else's secret"), publish, now, id_of(1));
  CHECK(read(keys(), text).error() == Errc::bad_signature);
  CHECK(read(keys(), "x").error() == Errc::malformed);
}

TEST_CASE("every refusal has its own sentence") {
  for (const Errc errc : {Errc::malformed, Errc::bad_signature, Errc::expired, Errc::other_stream,
                          Errc::other_kind, Errc::revoked, Errc::too_many_revocations}) {
    CHECK(std::string_view(describe(errc)) != describe(static_cast<Errc>(0)));
    CHECK(make_error_code(errc).message() == describe(errc));
  }
}

}  // namespace token
