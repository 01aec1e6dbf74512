#include "relay/state/session_records.hpp"

#include <vector>

#include "relay/state/timestamp.hpp"
#include "tests/unit/state/rig.hpp"

namespace state {
namespace {

using namespace std::chrono_literals;
using test::StoreRig;

const base::Utc begin_utc{std::chrono::seconds(1'800'000'000)};
const SessionEntry watched{"live/cam",       begin_utc,  begin_utc + 1500us,
                           0xffff'ffff'ffff, {7, 1'234}, {wire::Slow::catch_up, 1'234ms, 0ms}};

SessionEntry only(const StoreRig& rig, void (*each)(const Store&, const VisitSession&)) {
  std::vector<std::pair<std::string, SessionEntry>> found;
  each(*rig.store, [&](const std::string& token, SessionEntry entry) {
    found.emplace_back(token, std::move(entry));
  });
  REQUIRE(found.size() == 1);
  CHECK(found[0].first == "a token");
  return found[0].second;
}

void check_same(const SessionEntry& one, const SessionEntry& other) {
  CHECK(one.stream == other.stream);
  CHECK(one.start == other.start);
  CHECK(one.seen == other.seen);
  CHECK(one.bytes == other.bytes);
  CHECK(one.place == other.place);
  CHECK(one.wishes == other.wishes);
}

base::Utc only_expiry(const StoreRig& rig) {
  std::vector<token::Revocation> found;
  each_revocation(*rig.store, [&](const token::Revocation& one) { found.push_back(one); });
  REQUIRE(found.size() == 1);
  return found[0].expires;
}

}  // namespace

TEST_CASE("a session is after a start what it was") {
  StoreRig rig;
  put_viewer(*rig.store, "a token", watched);
  SessionEntry published = watched;
  published.wishes = {};
  put_publisher(*rig.store, "a token", published);
  rig.start();
  check_same(only(rig, each_viewer), watched);
  check_same(only(rig, each_publisher), published);
}

TEST_CASE("what is not known of a session stays so") {
  StoreRig rig;
  const SessionEntry entry{"live/cam", begin_utc, begin_utc, 0, {}, {}};
  put_viewer(*rig.store, "a token", entry);
  put_publisher(*rig.store, "a token", entry);
  rig.start();
  check_same(only(rig, each_viewer), entry);
  check_same(only(rig, each_publisher), entry);
}

TEST_CASE("a viewer's record of another version or of nonsense is read as far as it goes") {
  StoreRig rig;
  test::session::ViewerRecord record = test::make_viewer("a token", 5);
  record.mutable_policy()->set_slow(static_cast<test::session::ViewerPolicyRecord::Slow>(77));
  record.mutable_start()->set_seconds(begin_utc.time_since_epoch() / 1s);
  record.mutable_seen()->set_nanos(-1);
  rig.store->set(Kind::viewer, "a token", record);
  const SessionEntry entry = only(rig, each_viewer);
  CHECK(entry.wishes == Wishes{});
  CHECK(entry.bytes == 5);
  CHECK(entry.seen == begin_utc);
  CHECK(entry.place == wire::Position{});
}

TEST_CASE("a lease is after a start what it was") {
  StoreRig rig;
  for (const Holder holder : {Holder::publisher, Holder::viewer, Holder::unknown}) {
    put_lease(*rig.store, {"a token", "live/cam", holder, begin_utc + 1us});
    rig.start();
    std::size_t count = 0;
    each_lease(*rig.store, [&](const LeaseEntry& lease) {
      ++count;
      CHECK(lease.token == "a token");
      CHECK(lease.stream == "live/cam");
      CHECK(lease.holder == holder);
      CHECK(lease.expiry == begin_utc + 1us);
    });
    CHECK(count == 1);
  }
}

TEST_CASE("a lease without an end is over") {
  StoreRig rig;
  test::session::LeaseRecord record;
  rig.store->set(Kind::lease, "a token", record);
  each_lease(*rig.store, [](const LeaseEntry& lease) {
    CHECK(lease.expiry == base::Utc{});
    CHECK(lease.holder == Holder::unknown);
  });
}

TEST_CASE("a revocation is kept until its end, or for ever") {
  StoreRig rig;
  const token::Id id = token::random_id();
  put_revocation(*rig.store, {id, begin_utc});
  rig.start();
  CHECK(only_expiry(rig) == begin_utc);
  test::session::RevocationRecord without_end;
  rig.store->set(Kind::revocation, token::to_text(id), without_end);
  rig.store->set(Kind::revocation, "no id", without_end);
  CHECK(only_expiry(rig) > begin_utc + std::chrono::years(7'000));
  erase_revocation(*rig.store, id);
  each_revocation(*rig.store, [](const token::Revocation&) { FAIL("it is there"); });
}

}  // namespace state
