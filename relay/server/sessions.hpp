#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/control/config.hpp"
#include "relay/control/session_report.hpp"
#include "relay/lease/lease_queue.hpp"
#include "relay/protocol/wire/admission.hpp"
#include "relay/state/session_records.hpp"
#include "relay/token/signer.hpp"

namespace server {

/// One moment on both clocks.
struct Moment {
  base::Time time{};
  base::Utc utc{};
  static Moment now() noexcept { return {base::monotonic_now(), base::utc_now()}; }
};

/// Those that tokens are signed with: of `cluster.secret`; else of the file `secret` in
/// `state.path`, which is made when missing; else, and where the disk gives none, random ones that
/// go with the process. Blocks: for the start. Throws std::runtime_error when the file is damaged
/// or not for the relay alone.
token::Keys make_keys(const control::Config& config, base::Log& log);

/// The publishers and viewers over the wire, by their tokens, of all workers: who is connected, and
/// who is gone and may come back until its lease ends. What it knows it also keeps in the store of
/// state, if there is one. Owned by `Server`. Any thread; asked when a session begins and ends, on
/// ticks and for requests of an operator.
class Sessions {
 public:
  /// Sessions that may come back, at once; of viewers a tenth less. One more is forgotten when its
  /// connection ends.
  static constexpr std::size_t leases_max = 100'000;
  /// Leases that one call of forget_ended() looks at: less than 1 ms.
  static constexpr std::size_t leases_per_call = 128;
  /// Of sessions or revocations, in one answer.
  static constexpr std::size_t page = 500;

  struct Options {
    base::Duration ttl{};             ///< of a lease
    base::Duration token_lifetime{};  ///< of a new token
    std::size_t leases_max = Sessions::leases_max;
  };

  /// `store`: null for none; outlives it. Reads what there is: who was connected when the former
  /// process ended has a lease from now on. Blocks: for the start.
  Sessions(token::Keys keys, Options options, state::Store* store, Moment now);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// A connection of a session, as it has begun.
  struct Begun {
    std::string token;     ///< to be told
    token::Claims claims;  ///< what that says
    bool is_new = true;    ///< the token: its peer has none yet, or none that counts
  };
  /// A token that is for this, and counts, is the session's; with any other, or none, a session
  /// begins and has a new one. `token::Errc::revoked` is the only error. `end()` follows.
  base::Result<Begun> begin_publisher(const std::string& stream, std::string_view token,
                                      Moment now);
  /// The same; what `play` does not say of how it is to be served is taken from the session.
  base::Result<Begun> begin_viewer(const std::string& stream, wire::Play& play, Moment now);
  /// This publisher would be refused for its token.
  bool is_revoked(const std::string& stream, std::string_view token, Moment now) const;

  /// What a connection has carried since it was told last.
  struct Progress {
    std::uint64_t bytes = 0;
    wire::Position place;  ///< the next chunk from or for it; epoch 0: not known
  };
  void update(const token::Id& id, const Progress& progress, Moment now);
  /// `may_return`: its lease begins, unless it has other connections; else it is forgotten.
  void end(const token::Id& id, const Progress& progress, bool may_return, Moment now);

  /// The publisher that had this stream when the former process ended, until another one begins.
  std::optional<wire::Incumbent> incumbent(const std::string& stream) const;
  /// Another publisher is there, or the stream is over.
  void forget_incumbent(const std::string& stream);

  /// Forgets whose lease has ended, and revocations of tokens that have expired. True: there is
  /// more to be done at once.
  bool forget_ended(Moment now);

  enum class Revoking : std::uint8_t { done, unknown, full };
  /// From now on the token does not count. Who is connected with it is to be ended by the caller.
  /// One that was revoked before is `done`. It is remembered, if there is a store in the next
  /// process too, until the token would have expired.
  Revoking revoke(const token::Id& id, Moment now);

  /// In order of their ids, behind `after`.
  control::SessionPage list(const std::optional<token::Id>& after) const;
  control::RevocationPage revocations(const std::optional<token::Id>& after) const;

 private:
  // There may be as many as connections: without the text of the token, which is longer.
  struct Session {
    token::Sealed sealed;
    state::SessionEntry entry;
    unsigned connections = 0;
    base::Utc lease{};  ///< when it ends; without connections
  };
  struct Shown {
    std::string text;
    token::Sealed sealed;
    bool is_new = true;
  };

  base::Result<token::Claims> verify(const token::Wish& wish, std::string_view token,
                                     base::Utc now) const;
  Shown take_token(const token::Wish& wish, std::string_view token, base::Utc now) const;
  // With `lock_`, or at the start:
  Session* begin(const token::Wish& wish, const Shown& shown, Moment now);
  void add(Session& session, const Progress& progress, Moment now) const;
  bool grant_lease(const Session& session, base::Time until);
  void put(const Session& session) const;
  void erase_records(const std::string& token) const;
  void erase(const token::Id& id);
  void load(Moment now);
  void load_revocations(Moment now);
  void take_in(token::Kind kind, const std::string& token, state::SessionEntry entry,
               const std::optional<base::Utc>& lease, Moment now);

  const token::Keys keys_;
  const Options options_;
  const base::Time started_;
  state::Store* const store_;
  mutable std::mutex lock_;  // of what follows
  std::map<token::Id, Session> sessions_;
  lease::LeaseQueue leases_;  // by token
  token::Revocations revocations_;
  struct Former {
    std::string token;
    base::Utc seen;
  };
  std::unordered_map<std::string, Former> incumbents_;  // by stream
};

}  // namespace server
