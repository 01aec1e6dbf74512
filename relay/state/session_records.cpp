#include "relay/state/session_records.hpp"

#include <utility>

#include "relay/state/timestamp.hpp"
#include "schemas/session.pb.h"

namespace state {
namespace {

namespace session = spancast::session;

wire::Position to_place(const session::PositionRecord& record) {
  return {record.epoch(), record.sequence()};
}

void fill(session::PositionRecord& record, const wire::Position& place) {
  record.set_epoch(place.epoch);
  record.set_sequence(place.sequence);
}

// What both kinds of sessions have.
template <class Record>
void fill(Record& record, const std::string& token, const SessionEntry& entry) {
  record.set_token(token);
  record.set_stream(entry.stream);
  record.set_protocol("wire");
  *record.mutable_start() = to_timestamp(entry.start);
  *record.mutable_seen() = to_timestamp(entry.seen);
  record.set_bytes(entry.bytes);
}

template <class Record>
SessionEntry to_entry(const Record& record) {
  SessionEntry entry;
  entry.stream = record.stream();
  if (record.has_start()) entry.start = to_utc(record.start()).value_or(base::Utc{});
  entry.seen = entry.start;
  if (record.has_seen()) entry.seen = to_utc(record.seen()).value_or(entry.start);
  entry.bytes = record.bytes();
  return entry;
}

session::ViewerPolicyRecord::Slow to_record(wire::Slow slow) {
  switch (slow) {
    case wire::Slow::skip:
      return session::ViewerPolicyRecord::SKIP;
    case wire::Slow::catch_up:
      return session::ViewerPolicyRecord::CATCH_UP;
    case wire::Slow::disconnect:
      return session::ViewerPolicyRecord::DISCONNECT;
    case wire::Slow::unspecified:
      break;
  }
  return session::ViewerPolicyRecord::UNSPECIFIED;
}

wire::Slow to_slow(session::ViewerPolicyRecord::Slow slow) {
  switch (slow) {
    case session::ViewerPolicyRecord::SKIP:
      return wire::Slow::skip;
    case session::ViewerPolicyRecord::CATCH_UP:
      return wire::Slow::catch_up;
    case session::ViewerPolicyRecord::DISCONNECT:
      return wire::Slow::disconnect;
    default:
      return wire::Slow::unspecified;
  }
}

void fill(session::ViewerPolicyRecord& record, const Wishes& wishes) {
  record.set_slow(to_record(wishes.slow));
  record.set_max_lag_ms(static_cast<std::uint32_t>(wishes.max_lag.count()));
  if (wishes.flush) record.set_flush_ms(static_cast<std::uint32_t>(wishes.flush->count()));
}

Wishes to_wishes(const session::ViewerPolicyRecord& record) {
  Wishes wishes;
  wishes.slow = to_slow(record.slow());
  wishes.max_lag = wire::Milliseconds(record.max_lag_ms());
  if (record.has_flush_ms()) wishes.flush = wire::Milliseconds(record.flush_ms());
  return wishes;
}

Holder to_holder(session::LeaseRecord::Holder holder) {
  if (holder == session::LeaseRecord::PUBLISHER) return Holder::publisher;
  return holder == session::LeaseRecord::VIEWER ? Holder::viewer : Holder::unknown;
}

session::LeaseRecord::Holder to_record(Holder holder) {
  if (holder == Holder::publisher) return session::LeaseRecord::PUBLISHER;
  return holder == Holder::viewer ? session::LeaseRecord::VIEWER
                                  : session::LeaseRecord::UNSPECIFIED;
}

}  // namespace

void put_publisher(Store& store, const std::string& token, const SessionEntry& entry) {
  session::PublisherRecord record;
  fill(record, token, entry);
  if (entry.place.epoch != 0) fill(*record.mutable_received(), entry.place);
  store.set(Kind::publisher, token, record);
}

void put_viewer(Store& store, const std::string& token, const SessionEntry& entry) {
  session::ViewerRecord record;
  fill(record, token, entry);
  if (entry.place.epoch != 0) fill(*record.mutable_cursor(), entry.place);
  fill(*record.mutable_policy(), entry.wishes);
  store.set(Kind::viewer, token, record);
}

void put_lease(Store& store, const LeaseEntry& entry) {
  session::LeaseRecord record;
  record.set_token(entry.token);
  record.set_stream(entry.stream);
  record.set_holder(to_record(entry.holder));
  *record.mutable_expiry() = to_timestamp(entry.expiry);
  store.set(Kind::lease, entry.token, record);
}

void put_revocation(Store& store, const token::Revocation& revocation) {
  session::RevocationRecord record;
  const auto& id = revocation.id.bytes;
  record.set_id(std::string(reinterpret_cast<const char*>(id.data()), id.size()));
  *record.mutable_expiry() = to_timestamp(revocation.expires);
  store.set(Kind::revocation, token::to_text(revocation.id), record);
}

void erase_revocation(Store& store, const token::Id& id) {
  store.erase(Kind::revocation, token::to_text(id));
}

void each_publisher(const Store& store, const VisitSession& visit) {
  store.each(Kind::publisher, [&](const std::string& name, google::protobuf::Message& message) {
    const auto& record = static_cast<const session::PublisherRecord&>(message);
    SessionEntry entry = to_entry(record);
    if (record.has_received()) entry.place = to_place(record.received());
    visit(name, std::move(entry));
  });
}

void each_viewer(const Store& store, const VisitSession& visit) {
  store.each(Kind::viewer, [&](const std::string& name, google::protobuf::Message& message) {
    const auto& record = static_cast<const session::ViewerRecord&>(message);
    SessionEntry entry = to_entry(record);
    if (record.has_cursor()) entry.place = to_place(record.cursor());
    entry.wishes = to_wishes(record.policy());
    visit(name, std::move(entry));
  });
}

void each_lease(const Store& store, const std::function<void(LeaseEntry)>& visit) {
  store.each(Kind::lease, [&](const std::string& name, google::protobuf::Message& message) {
    const auto& record = static_cast<const session::LeaseRecord&>(message);
    LeaseEntry entry{name, record.stream(), to_holder(record.holder()), {}};
    if (record.has_expiry()) entry.expiry = to_utc(record.expiry()).value_or(base::Utc{});
    visit(std::move(entry));
  });
}

void each_revocation(const Store& store, const std::function<void(token::Revocation)>& visit) {
  constexpr base::Utc for_ever{std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)};
  store.each(Kind::revocation, [&](const std::string& name, google::protobuf::Message& message) {
    const auto& record = static_cast<const session::RevocationRecord&>(message);
    const auto id = token::parse_id(name);
    if (!id) return;
    base::Utc expires = for_ever;
    if (record.has_expiry()) expires = to_utc(record.expiry()).value_or(for_ever);
    visit({*id, expires});
  });
}

}  // namespace state
