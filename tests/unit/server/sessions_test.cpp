#include "relay/server/sessions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "relay/base/logging.hpp"
#include "relay/state/store.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

constexpr const char* secret = "sixteen-letters!";
constexpr const char* other_secret = "another-secret-of-16";
const std::string stream = "live/cam";

/// Sessions of one process after the other, with a clock that is moved by hand.
struct Rig {
  explicit Rig(std::size_t leases_max = 100) : options{60s, 1h, leases_max} { start(secret); }

  void start(const std::string& with, const std::string& previous = {}) {
    sessions.reset();
    store.reset();
    store = std::make_unique<state::Store>(state::Store::Options{folder.path(), {}}, log);
    sessions =
        std::make_unique<Sessions>(token::derive_keys(with, previous), options, store.get(), now);
  }
  void pass(base::Duration time) {
    now.time += time;
    now.utc += std::chrono::floor<std::chrono::microseconds>(time);
  }
  Sessions::Begun publish(std::string_view token = {}, const std::string& path = stream) {
    const auto begun = sessions->begin_publisher(path, token, now);
    REQUIRE(begun.has_value());
    return *begun;
  }
  Sessions::Begun watch(const std::string& token = {}) {
    play.token = token;
    const auto begun = sessions->begin_viewer(stream, play, now);
    REQUIRE(begun.has_value());
    return *begun;
  }
  void end(const Sessions::Begun& one, bool may_return = true, std::uint64_t bytes = 0) {
    sessions->end(one.claims.id, {bytes, {}}, may_return, now);
  }
  std::optional<control::SessionReport> find(const Sessions::Begun& one) {
    for (auto& report : sessions->list(std::nullopt).sessions) {
      if (report.id == token::to_text(one.claims.id)) return report;
    }
    return std::nullopt;
  }
  std::uint64_t records() const { return store->counters().kept; }

  ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  Sessions::Options options;
  Moment now{base::Time(1h), base::Utc(1'795'474'560s)};
  std::unique_ptr<state::Store> store;
  std::unique_ptr<Sessions> sessions;
  wire::Play play;
};

}  // namespace

TEST_CASE("a session that comes back with its token is the same") {
  Rig rig;
  const auto first = rig.publish();
  CHECK(first.is_new);
  CHECK(first.token.size() == token::text_bytes);
  CHECK(first.claims.expires == rig.now.utc + 1h);
  rig.sessions->update(first.claims.id, {100, {7, 3}}, rig.now);
  const base::Utc start = rig.now.utc;
  rig.pass(1s);
  rig.end(first, true, 11);
  const auto away = rig.find(first);
  REQUIRE(away.has_value());
  CHECK(away->lease == rig.now.utc + 60s);
  CHECK(away->bytes == 111);
  rig.pass(59s);
  const auto again = rig.publish(first.token);
  CHECK_FALSE(again.is_new);
  CHECK(again.token == first.token);
  CHECK(again.claims == first.claims);
  const auto back = rig.find(again);
  REQUIRE(back.has_value());
  CHECK_FALSE(back->lease.has_value());
  CHECK(back->start == start);
  CHECK(back->bytes == 111);
  rig.pass(61s);
  CHECK_FALSE(rig.sessions->forget_ended(rig.now));
  CHECK(rig.find(again).has_value());
}

TEST_CASE("a token that is for something else or none of ours begins a session") {
  Rig rig;
  const auto publisher = rig.publish();
  const auto viewer = rig.watch();
  std::string forged = publisher.token;
  forged[60] = forged[60] == 'A' ? 'B' : 'A';
  const token::Keys foreign = token::derive_keys(other_secret);
  const std::string others =
      token::issue(foreign, {token::Kind::publisher, stream}, rig.now.utc + 1h, token::random_id());
  const std::string other_stream = rig.publish({}, "live/other").token;
  for (const std::string& shown : {std::string("1234567890abcdef1234567890abcdef"), forged, others,
                                   other_stream, viewer.token}) {
    const auto begun = rig.publish(shown);
    CHECK(begun.is_new);
    CHECK(begun.token != shown);
  }
  CHECK(rig.watch(publisher.token).is_new);
  CHECK_FALSE(rig.watch(viewer.token).is_new);
  rig.pass(1h);
  CHECK(rig.publish(publisher.token).is_new);
}

TEST_CASE("a process after the other knows the tokens of its secret and of the one before") {
  Rig rig;
  const auto first = rig.publish();
  rig.end(first, true, 5);
  rig.start(other_secret, secret);
  const auto again = rig.publish(first.token);
  CHECK_FALSE(again.is_new);
  CHECK(rig.find(again)->bytes == 5);
  rig.end(again);
  rig.start(other_secret);
  CHECK(rig.publish(first.token).is_new);
}

TEST_CASE("the relay's own secret is the same at each start and nobody else's") {
  ::test::TemporaryFolder folder;
  control::Config config =
      control::load_config_text("", "", {}, {.cpus = 1, .descriptors_max = 20000}).config;
  config.state.path = folder.path();
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  const auto keys = make_keys(config, log);
  const auto again = make_keys(config, log);
  CHECK(std::ranges::equal(keys.current.bytes(), again.current.bytes()));
  const auto permissions = std::filesystem::status(folder.path() / "secret").permissions();
  CHECK(permissions == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  // Where none can be kept it goes with the process, as it does without a folder.
  config.state.path = folder.path() / "missing";
  CHECK_FALSE(std::ranges::equal(make_keys(config, log).current.bytes(), keys.current.bytes()));
  config.state.path.clear();
  CHECK_FALSE(std::ranges::equal(make_keys(config, log).current.bytes(),
                                 make_keys(config, log).current.bytes()));
}

TEST_CASE("a viewer that does not say how it wants to be served gets what it had") {
  Rig rig;
  rig.play.slow = wire::Slow::catch_up;
  rig.play.max_lag = 5s;
  rig.play.flush = 40ms;
  const auto viewer = rig.watch();
  rig.end(viewer);
  rig.start(secret);
  rig.play = {};
  rig.play.max_lag = 7s;
  CHECK_FALSE(rig.watch(viewer.token).is_new);
  CHECK(rig.play.slow == wire::Slow::catch_up);
  CHECK(rig.play.max_lag == 7s);
  CHECK(rig.play.flush == 40ms);
  rig.play = {};
  rig.watch();
  CHECK(rig.play.slow == wire::Slow::unspecified);
  CHECK_FALSE(rig.play.flush.has_value());
}

TEST_CASE("when its lease ends a session is forgotten with its records") {
  Rig rig;
  const auto publisher = rig.publish();
  const auto viewer = rig.watch();
  CHECK(rig.records() == 2);
  rig.end(publisher);
  rig.end(viewer);
  CHECK(rig.records() == 4);
  SUBCASE("while the process runs") {
    rig.pass(60s - 1us);
    CHECK_FALSE(rig.sessions->forget_ended(rig.now));
    CHECK(rig.records() == 4);
    rig.pass(1us);
    CHECK_FALSE(rig.sessions->forget_ended(rig.now));
    REQUIRE(rig.store->commit());
  }
  SUBCASE("before the next one starts") {
    rig.pass(60s);
    rig.start(secret);
    REQUIRE(rig.store->commit());
  }
  CHECK(rig.records() == 0);
  CHECK_FALSE(rig.find(publisher).has_value());
  CHECK_FALSE(rig.find(viewer).has_value());
  // The token still counts: it is a session of its own.
  rig.pass(1s);
  const auto again = rig.publish(publisher.token);
  CHECK_FALSE(again.is_new);
  CHECK(rig.find(again)->start == rig.now.utc);
}

TEST_CASE("who was connected when the process ended has a lease from the next start on") {
  Rig rig;
  const auto publisher = rig.publish();
  rig.sessions->update(publisher.claims.id, {9, {7, 1}}, rig.now);
  rig.pass(10min);
  rig.start(secret);
  const auto away = rig.find(publisher);
  REQUIRE(away.has_value());
  CHECK(away->lease == rig.now.utc + 60s);
  CHECK(away->bytes == 9);
  // It ends at the same time when the process ends again.
  rig.pass(30s);
  rig.start(secret);
  CHECK(rig.find(publisher)->lease == rig.now.utc + 30s);
}

TEST_CASE("who may not come back is forgotten at once") {
  Rig rig;
  rig.end(rig.publish(), false);
  rig.end(rig.watch(), false);
  CHECK(rig.records() == 0);
  CHECK(rig.sessions->list(std::nullopt).sessions.empty());
}

TEST_CASE("a session lives as long as one of its connections") {
  Rig rig;
  const auto first = rig.publish();
  rig.publish(first.token);
  rig.end(first, false, 1);
  CHECK_FALSE(rig.find(first)->lease.has_value());
  rig.end(first, true, 2);
  CHECK(rig.find(first)->lease.has_value());
  CHECK(rig.find(first)->bytes == 3);
}

TEST_CASE("beyond the limit of leases a session is forgotten when it ends") {
  Rig rig(10);
  for (int count = 0; count < 20; ++count) rig.end(rig.watch());
  CHECK(rig.sessions->list(std::nullopt).sessions.size() == 9);
  for (int count = 0; count < 20; ++count) rig.end(rig.publish());
  CHECK(rig.sessions->list(std::nullopt).sessions.size() == 10);
  CHECK(rig.records() == 20);
}

TEST_CASE("leases that end together are forgotten in steps") {
  Rig rig(1000);
  for (int count = 0; count < 300; ++count) rig.end(rig.watch());
  rig.pass(60s);
  CHECK(rig.sessions->forget_ended(rig.now));
  CHECK(rig.sessions->list(std::nullopt).sessions.size() == 300 - Sessions::leases_per_call);
  while (rig.sessions->forget_ended(rig.now)) {
  }
  CHECK(rig.sessions->list(std::nullopt).sessions.empty());
}

TEST_CASE("a revoked token begins nothing any more") {
  Rig rig;
  const auto publisher = rig.publish();
  const auto viewer = rig.watch();
  CHECK_FALSE(rig.sessions->is_revoked(stream, publisher.token, rig.now));
  CHECK(rig.sessions->revoke(publisher.claims.id, rig.now) == Sessions::Revoking::done);
  CHECK(rig.sessions->revoke(publisher.claims.id, rig.now) == Sessions::Revoking::done);
  CHECK(rig.sessions->revoke(token::random_id(), rig.now) == Sessions::Revoking::unknown);
  CHECK(rig.sessions->is_revoked(stream, publisher.token, rig.now));
  CHECK_FALSE(rig.sessions->is_revoked(stream, {}, rig.now));
  CHECK(rig.sessions->begin_publisher(stream, publisher.token, rig.now).error() ==
        make_error_code(token::Errc::revoked));
  // Its connection is to be ended; it has no lease then.
  rig.end(publisher);
  CHECK_FALSE(rig.find(publisher).has_value());
  // One that is away is forgotten at once.
  rig.end(viewer);
  CHECK(rig.sessions->revoke(viewer.claims.id, rig.now) == Sessions::Revoking::done);
  CHECK_FALSE(rig.find(viewer).has_value());
  rig.play.token = viewer.token;
  CHECK(rig.sessions->begin_viewer(stream, rig.play, rig.now).error() ==
        make_error_code(token::Errc::revoked));
  CHECK(rig.sessions->revocations(std::nullopt).revocations.size() == 2);
  rig.pass(1h);
  rig.sessions->forget_ended(rig.now);
  CHECK(rig.sessions->revocations(std::nullopt).revocations.empty());
  CHECK(rig.publish(publisher.token).is_new);
}

TEST_CASE("what was revoked is so in the next process until it expires") {
  Rig rig;
  const auto publisher = rig.publish();
  const auto viewer = rig.watch();
  REQUIRE(rig.sessions->revoke(publisher.claims.id, rig.now) == Sessions::Revoking::done);
  rig.pass(10s);
  rig.start(secret);  // its connection was not ended before
  CHECK(rig.sessions->is_revoked(stream, publisher.token, rig.now));
  CHECK_FALSE(rig.sessions->is_revoked(stream, viewer.token, rig.now));
  CHECK_FALSE(rig.find(publisher).has_value());
  CHECK_FALSE(rig.sessions->incumbent(stream).has_value());
  REQUIRE(rig.store->commit());
  CHECK(rig.records() == 3);
  const auto listed = rig.sessions->revocations(std::nullopt);
  REQUIRE(listed.revocations.size() == 1);
  CHECK(listed.revocations[0].id == token::to_text(publisher.claims.id));
  CHECK(listed.revocations[0].expires == publisher.claims.expires);
  rig.pass(1h);
  SUBCASE("while the process runs") { rig.sessions->forget_ended(rig.now); }
  SUBCASE("before the next one starts") { rig.start(secret); }
  CHECK(rig.sessions->revocations(std::nullopt).revocations.empty());
  REQUIRE(rig.store->commit());
  CHECK(rig.records() == 0);
}

TEST_CASE("lists come in pages") {
  Rig rig;
  for (std::size_t count = 0; count < Sessions::page + 1; ++count) rig.watch();
  const auto first = rig.sessions->list(std::nullopt);
  CHECK(first.sessions.size() == Sessions::page);
  CHECK(first.has_more);
  const auto rest = rig.sessions->list(token::parse_id(first.sessions.back().id));
  REQUIRE(rest.sessions.size() == 1);
  CHECK_FALSE(rest.has_more);
  CHECK(rest.sessions[0].id > first.sessions.back().id);
}

TEST_CASE("the publisher that a stream had is its incumbent after the start") {
  Rig rig;
  const auto first = rig.publish();
  rig.end(first);
  rig.pass(1s);
  const auto second = rig.publish();
  CHECK_FALSE(rig.sessions->incumbent(stream).has_value());
  rig.pass(10s);
  rig.start(secret);
  const auto incumbent = rig.sessions->incumbent(stream);
  REQUIRE(incumbent.has_value());
  CHECK(incumbent->token == second.token);
  CHECK(incumbent->last_message == rig.now.time);
  CHECK_FALSE(incumbent->connected);
  CHECK_FALSE(rig.sessions->incumbent("live/other").has_value());
  SUBCASE("until another begins") { rig.publish(); }
  SUBCASE("until it is revoked") { rig.sessions->revoke(second.claims.id, rig.now); }
  SUBCASE("until somebody else is there") { rig.sessions->forget_incumbent(stream); }
  CHECK_FALSE(rig.sessions->incumbent(stream).has_value());
}

TEST_CASE("without a store all is known while the process lives") {
  Sessions sessions(token::derive_keys(secret), {60s, 1h, 10}, nullptr,
                    {base::Time(1h), base::Utc(1'795'474'560s)});
  const Moment now{base::Time(1h), base::Utc(1'795'474'560s)};
  const auto begun = sessions.begin_publisher(stream, {}, now);
  REQUIRE(begun.has_value());
  sessions.end(begun->claims.id, {3, {}}, true, now);
  const auto again = sessions.begin_publisher(stream, begun->token, now);
  REQUIRE(again.has_value());
  CHECK_FALSE(again->is_new);
  CHECK(sessions.list(std::nullopt).sessions.at(0).bytes == 3);
  CHECK_FALSE(sessions.incumbent(stream).has_value());
}

}  // namespace server
