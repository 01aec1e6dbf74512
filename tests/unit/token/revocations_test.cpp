#include "relay/token/revocations.hpp"

#include <doctest/doctest.h>

namespace token {
namespace {

using namespace std::chrono_literals;

const base::Utc now(1'795'474'560s);

Id id_of(std::uint32_t number) {
  Id id;
  for (int at = 0; at < 4; ++at)
    id.bytes[static_cast<std::size_t>(at)] = std::byte(number >> 8 * at);
  return id;
}

}  // namespace

TEST_CASE("what was revoked is remembered until it expires") {
  Revocations revocations;
  CHECK(revocations.add({id_of(1), now + 1s}, now));
  CHECK(revocations.add({id_of(2), now + 2s}, now));
  CHECK(revocations.contains(id_of(1)));
  CHECK_FALSE(revocations.contains(id_of(3)));
  CHECK_FALSE(revocations.forget_expired(now + 1s - 1us));
  CHECK(revocations.size() == 2);
  CHECK_FALSE(revocations.forget_expired(now + 1s));
  CHECK_FALSE(revocations.contains(id_of(1)));
  CHECK(revocations.contains(id_of(2)));
}

TEST_CASE("what is forgotten is told") {
  Revocations revocations;
  CHECK(revocations.add({id_of(1), now + 2s}, now));
  CHECK(revocations.add({id_of(2), now + 1s}, now));
  CHECK(revocations.take_expired(now).empty());
  CHECK(revocations.take_expired(now + 2s) == std::vector<Id>{id_of(2), id_of(1)});
  CHECK(revocations.size() == 0);
}

TEST_CASE("what was revoked is listed in order of ids and in parts") {
  Revocations revocations;
  for (const std::uint32_t number : {3U, 1U, 2U}) {
    REQUIRE(revocations.add({id_of(number), now + std::chrono::seconds(10 - number)}, now));
  }
  CHECK(revocations.list(std::nullopt, 2) ==
        std::vector<Revocation>{{id_of(1), now + 9s}, {id_of(2), now + 8s}});
  CHECK(revocations.list(id_of(2), 2) == std::vector<Revocation>{{id_of(3), now + 7s}});
  CHECK(revocations.list(id_of(3), 2).empty());
}

TEST_CASE("what has expired needs no revocation") {
  Revocations revocations(0);
  CHECK(revocations.add({id_of(1), now}, now));
  CHECK(revocations.size() == 0);
}

TEST_CASE("who is revoked twice is until the later time") {
  Revocations revocations(1);
  CHECK(revocations.add({id_of(1), now + 2s}, now));
  CHECK(revocations.add({id_of(1), now + 1s}, now));
  CHECK(revocations.list() == std::vector<Revocation>{{id_of(1), now + 2s}});
  CHECK(revocations.add({id_of(1), now + 3s}, now));
  CHECK(revocations.list() == std::vector<Revocation>{{id_of(1), now + 3s}});
  revocations.forget_expired(now + 2s);
  CHECK(revocations.contains(id_of(1)));
  revocations.forget_expired(now + 3s);
  CHECK(revocations.size() == 0);
}

TEST_CASE("a full list refuses one more and keeps those it has") {
  Revocations revocations(3);
  for (std::uint32_t number = 0; number < 3; ++number) {
    CHECK(revocations.add({id_of(number), now + 1min + 1s * number}, now));
  }
  const auto more = revocations.add({id_of(9), now + 1h}, now);
  REQUIRE(!more);
  CHECK(more.error() == Errc::too_many_revocations);
  CHECK(revocations.size() == 3);
  CHECK_FALSE(revocations.contains(id_of(9)));
  // As soon as one has expired there is room.
  CHECK(revocations.add({id_of(9), now + 1h}, now + 1min));
  CHECK(revocations.size() == 3);
  CHECK_FALSE(revocations.contains(id_of(0)));
}

TEST_CASE("many that expire at once are forgotten a few at a time") {
  Revocations revocations;
  const std::size_t count = 3 * Revocations::forgotten_per_call;
  for (std::uint32_t number = 0; number < count; ++number) {
    REQUIRE(revocations.add({id_of(number), now + 1s}, now));
  }
  CHECK(revocations.forget_expired(now + 1s));
  CHECK(revocations.size() == count - Revocations::forgotten_per_call);
  CHECK(revocations.forget_expired(now + 1s));
  CHECK_FALSE(revocations.forget_expired(now + 1s));
  CHECK(revocations.size() == 0);
}

TEST_CASE("a list that is saved and given back is the same") {
  Revocations before;
  for (std::uint32_t number = 0; number < 1'000; ++number) {
    REQUIRE(before.add({id_of(number * 7919), now + 1s * (number % 10 + 1)}, now));
  }
  Revocations after;
  for (const Revocation& revocation : before.list()) REQUIRE(after.add(revocation, now));
  CHECK(after.list() == before.list());
  CHECK(after.size() == 1'000);
  Revocations later;
  for (const Revocation& revocation : before.list())
    REQUIRE(later.add(revocation, now + 10s - 1us));
  CHECK(later.size() == 100);
}

}  // namespace token
