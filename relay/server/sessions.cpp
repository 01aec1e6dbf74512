#include "relay/server/sessions.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/token/secret_file.hpp"

namespace server {
namespace {

base::Utc later(base::Utc utc, base::Duration duration) {
  return utc + std::chrono::floor<std::chrono::microseconds>(duration);
}

// As with the rest of the state, a disk that fails costs only what it would have kept.
std::optional<std::string> load_secret(const std::filesystem::path& file, base::Log& log) {
  try {
    return token::load_or_make_secret(file);
  } catch (const std::system_error& error) {
    log.warning("tokens are not known to the next process",
                {{"path", file.string()}, {"error", error.what()}});
    return std::nullopt;
  }
}

std::string secret_of(const control::Config& config, base::Log& log) {
  if (!config.cluster.secret.empty()) return config.cluster.secret;
  if (!config.state.path.empty()) {
    if (auto secret = load_secret(config.state.path / "secret", log)) return *std::move(secret);
  }
  return token::to_text(token::random_id()) + token::to_text(token::random_id());
}

// What a player does not say itself.
void complete(wire::Play& play, const state::Wishes& wishes) {
  if (play.slow == wire::Slow::unspecified) play.slow = wishes.slow;
  if (play.max_lag == wire::Milliseconds::zero()) play.max_lag = wishes.max_lag;
  if (!play.flush) play.flush = wishes.flush;
}

state::Holder holder_of(token::Kind kind) {
  return kind == token::Kind::publisher ? state::Holder::publisher : state::Holder::viewer;
}

}  // namespace

token::Keys make_keys(const control::Config& config, base::Log& log) {
  return token::derive_keys(secret_of(config, log), config.cluster.secret_previous);
}

Sessions::Sessions(token::Keys keys, Options options, state::Store* store, Moment now)
    : keys_(std::move(keys)),
      options_(options),
      started_(now.time),
      store_(store),
      leases_(options.leases_max) {
  if (store_ == nullptr) return;
  load_revocations(now);
  load(now);
}

// Signatures take some microseconds: without the lock, and so without the revocations.
base::Result<token::Claims> Sessions::verify(const token::Wish& wish, std::string_view token,
                                             base::Utc now) const {
  static const token::Revocations none(0);
  return token::verify(keys_, token, wish, now, none);
}

Sessions::Shown Sessions::take_token(const token::Wish& wish, std::string_view token,
                                     base::Utc now) const {
  if (verify(wish, token, now)) return {std::string(token), *token::parse(token), false};
  std::string text =
      token::issue(keys_, wish, later(now, options_.token_lifetime), token::random_id());
  const token::Sealed sealed = *token::parse(text);
  return {std::move(text), sealed, true};
}

Sessions::Session* Sessions::begin(const token::Wish& wish, const Shown& shown, Moment now) {
  if (revocations_.contains(shown.sealed.claims.id)) return nullptr;
  const auto [found, is_new] = sessions_.try_emplace(shown.sealed.claims.id);
  Session& session = found->second;
  if (is_new) {
    session.sealed = shown.sealed;
    session.entry.stream = wish.stream;
    session.entry.start = now.utc;
  } else if (session.connections == 0) {
    leases_.drop(shown.text);
    if (store_ != nullptr) store_->erase(state::Kind::lease, shown.text);
  }
  ++session.connections;
  session.entry.seen = now.utc;
  return &session;
}

base::Result<Sessions::Begun> Sessions::begin_publisher(const std::string& stream,
                                                        std::string_view token, Moment now) {
  const token::Wish wish{token::Kind::publisher, stream};
  Shown shown = take_token(wish, token, now.utc);
  const std::lock_guard lock(lock_);
  Session* const session = begin(wish, shown, now);
  if (session == nullptr) return token::Errc::revoked;
  put(*session);
  incumbents_.erase(stream);
  return Begun{std::move(shown.text), shown.sealed.claims, shown.is_new};
}

base::Result<Sessions::Begun> Sessions::begin_viewer(const std::string& stream, wire::Play& play,
                                                     Moment now) {
  const token::Wish wish{token::Kind::viewer, stream};
  Shown shown = take_token(wish, play.token, now.utc);
  const std::lock_guard lock(lock_);
  Session* const session = begin(wish, shown, now);
  if (session == nullptr) return token::Errc::revoked;
  complete(play, session->entry.wishes);
  session->entry.wishes = {play.slow, play.max_lag, play.flush};
  put(*session);
  return Begun{std::move(shown.text), shown.sealed.claims, shown.is_new};
}

bool Sessions::is_revoked(const std::string& stream, std::string_view token, Moment now) const {
  const auto claims = verify({token::Kind::publisher, stream}, token, now.utc);
  if (!claims) return false;
  const std::lock_guard lock(lock_);
  return revocations_.contains(claims->id);
}

void Sessions::add(Session& session, const Progress& progress, Moment now) const {
  session.entry.bytes += progress.bytes;
  if (progress.bytes > 0) session.entry.seen = now.utc;
  if (progress.place.epoch != 0) session.entry.place = progress.place;
}

void Sessions::update(const token::Id& id, const Progress& progress, Moment now) {
  const std::lock_guard lock(lock_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  add(found->second, progress, now);
  put(found->second);
}

void Sessions::end(const token::Id& id, const Progress& progress, bool may_return, Moment now) {
  const std::lock_guard lock(lock_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  RELAY_ASSERT(session.connections > 0);
  add(session, progress, now);
  if (--session.connections > 0) return put(session);
  session.lease = later(now.utc, options_.ttl);
  const bool is_kept =
      may_return && !revocations_.contains(id) && grant_lease(session, now.time + options_.ttl);
  if (!is_kept) return erase(id);
  put(session);
  if (store_ == nullptr) return;
  state::put_lease(*store_, {token::to_text(session.sealed), session.entry.stream,
                             holder_of(session.sealed.claims.kind), session.lease});
}

// Viewers, of whom there may be any number, leave room for publishers.
bool Sessions::grant_lease(const Session& session, base::Time until) {
  const std::size_t for_viewers = options_.leases_max - options_.leases_max / 10;
  if (session.sealed.claims.kind == token::Kind::viewer && leases_.size() >= for_viewers)
    return false;
  return leases_.renew(token::to_text(session.sealed), until);
}

void Sessions::put(const Session& session) const {
  if (store_ == nullptr) return;
  if (session.sealed.claims.kind == token::Kind::publisher) {
    state::put_publisher(*store_, token::to_text(session.sealed), session.entry);
  } else {
    state::put_viewer(*store_, token::to_text(session.sealed), session.entry);
  }
}

void Sessions::erase_records(const std::string& token) const {
  if (store_ == nullptr) return;
  for (const auto kind : {state::Kind::publisher, state::Kind::viewer, state::Kind::lease}) {
    store_->erase(kind, token);
  }
}

void Sessions::erase(const token::Id& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  erase_records(token::to_text(found->second.sealed));
  sessions_.erase(found);
}

std::optional<wire::Incumbent> Sessions::incumbent(const std::string& stream) const {
  const std::lock_guard lock(lock_);
  const auto found = incumbents_.find(stream);
  if (found == incumbents_.end()) return std::nullopt;
  return wire::Incumbent{found->second.token, started_, false};
}

void Sessions::forget_incumbent(const std::string& stream) {
  const std::lock_guard lock(lock_);
  incumbents_.erase(stream);
}

bool Sessions::forget_ended(Moment now) {
  const std::lock_guard lock(lock_);
  for (const std::string& token : leases_.expire(now.time, leases_per_call)) {
    erase_records(token);
    if (const auto sealed = token::parse(token)) sessions_.erase(sealed->claims.id);
  }
  const auto forgotten = revocations_.take_expired(now.utc);
  if (store_ != nullptr) {
    for (const token::Id& id : forgotten) state::erase_revocation(*store_, id);
  }
  const auto next = leases_.next();
  return forgotten.size() == token::Revocations::forgotten_per_call || (next && *next <= now.time);
}

Sessions::Revoking Sessions::revoke(const token::Id& id, Moment now) {
  const std::lock_guard lock(lock_);
  if (revocations_.contains(id)) return Revoking::done;
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return Revoking::unknown;
  const Session& session = found->second;
  const token::Revocation revocation{id, session.sealed.claims.expires};
  if (!revocations_.add(revocation, now.utc)) return Revoking::full;
  if (store_ != nullptr) state::put_revocation(*store_, revocation);
  const auto former = incumbents_.find(session.entry.stream);
  if (former != incumbents_.end() && former->second.token == token::to_text(session.sealed)) {
    incumbents_.erase(former);
  }
  if (session.connections > 0) return Revoking::done;
  leases_.drop(token::to_text(session.sealed));
  erase(id);
  return Revoking::done;
}

control::SessionPage Sessions::list(const std::optional<token::Id>& after) const {
  control::SessionPage listed;
  const std::lock_guard lock(lock_);
  auto one = after ? sessions_.upper_bound(*after) : sessions_.begin();
  for (; one != sessions_.end() && listed.sessions.size() < page; ++one) {
    const auto& [id, session] = *one;
    control::SessionReport& told = listed.sessions.emplace_back();
    told.id = token::to_text(id);
    told.is_publisher = session.sealed.claims.kind == token::Kind::publisher;
    told.stream = session.entry.stream;
    told.protocol = "wire";
    told.start = session.entry.start;
    told.bytes = session.entry.bytes;
    told.expires = session.sealed.claims.expires;
    if (session.connections == 0) told.lease = session.lease;
  }
  listed.has_more = one != sessions_.end();
  return listed;
}

control::RevocationPage Sessions::revocations(const std::optional<token::Id>& after) const {
  control::RevocationPage listed;
  const std::lock_guard lock(lock_);
  for (const token::Revocation& one : revocations_.list(after, page + 1)) {
    listed.revocations.push_back({token::to_text(one.id), one.expires});
  }
  listed.has_more = listed.revocations.size() > page;
  if (listed.has_more) listed.revocations.pop_back();
  return listed;
}

// The store is not asked while it tells: its lock is held then.
void Sessions::load(Moment now) {
  std::unordered_map<std::string, base::Utc> leases;
  state::each_lease(
      *store_, [&](const state::LeaseEntry& entry) { leases.emplace(entry.token, entry.expiry); });
  std::vector<std::tuple<token::Kind, std::string, state::SessionEntry>> entries;
  state::each_publisher(*store_, [&](const std::string& token, state::SessionEntry entry) {
    entries.emplace_back(token::Kind::publisher, token, std::move(entry));
  });
  state::each_viewer(*store_, [&](const std::string& token, state::SessionEntry entry) {
    entries.emplace_back(token::Kind::viewer, token, std::move(entry));
  });
  for (auto& [kind, token, entry] : entries) {
    const auto lease = leases.extract(token);
    std::optional<base::Utc> until;
    if (lease) until = lease.mapped();
    take_in(kind, token, std::move(entry), until, now);
  }
  for (const auto& [token, expiry] : leases) store_->erase(state::Kind::lease, token);
}

void Sessions::load_revocations(Moment now) {
  std::vector<token::Revocation> expired;
  state::each_revocation(*store_, [&](const token::Revocation& revocation) {
    static_cast<void>(revocations_.add(revocation, now.utc));
    if (revocation.expires <= now.utc) expired.push_back(revocation);
  });
  for (const token::Revocation& one : expired) state::erase_revocation(*store_, one.id);
}

// One whose token is not of a kind that is known here still has its lease.
void Sessions::take_in(token::Kind kind, const std::string& token, state::SessionEntry entry,
                       const std::optional<base::Utc>& lease, Moment now) {
  // A clock that was put back makes no lease longer.
  const base::Utc longest = later(now.utc, options_.ttl);
  const base::Utc until = std::min(lease.value_or(longest), longest);
  const auto sealed = token::parse(token);
  const bool is_revoked = sealed && revocations_.contains(sealed->claims.id);
  if (is_revoked || until <= now.utc || !leases_.renew(token, now.time + (until - now.utc))) {
    return erase_records(token);
  }
  if (!lease) state::put_lease(*store_, {token, entry.stream, holder_of(kind), until});
  if (kind == token::Kind::publisher) {
    Former& former = incumbents_[entry.stream];
    if (former.token.empty() || former.seen < entry.seen) former = {token, entry.seen};
  }
  if (!sealed || sealed->claims.kind != kind) return;
  sessions_.try_emplace(sealed->claims.id, Session{*sealed, std::move(entry), 0, until});
}

}  // namespace server
