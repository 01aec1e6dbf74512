#include "relay/state/usage_records.hpp"

#include <optional>
#include <string>
#include <utility>

#include "relay/state/store.hpp"
#include "schemas/session.pb.h"

namespace state {
namespace {

using spancast::session::UsageRecord;
using std::chrono::days;
using std::chrono::seconds;

std::string key_of(usage::Day day, const std::string& stream) {
  return stream.empty() ? usage::to_text(day) : usage::to_text(day) + " " + stream;
}

// Nothing where it is not what its key says: it would come back under another one.
std::optional<usage::Entry> to_entry(const std::string& key, const UsageRecord& record) {
  constexpr std::int64_t day_seconds = 86'400;
  constexpr std::int64_t year_10000 = 253'402'300'800;
  const std::int64_t told = record.day().seconds();
  if (!record.has_day() || told % day_seconds != 0) return std::nullopt;
  if (told < -year_10000 || told >= year_10000) return std::nullopt;
  usage::Entry entry{usage::Day(days(told / day_seconds)),
                     record.stream(),
                     {record.bytes_in(), record.bytes_out(), record.viewer_ms()}};
  if (key_of(entry.day, entry.stream) != key) return std::nullopt;
  return entry;
}

void write(Store& store, const usage::Change& change) {
  std::string key = key_of(change.day, change.stream);
  if (!change.sums) {
    store.erase(Kind::usage, key);
    return;
  }
  UsageRecord record;
  record.mutable_day()->set_seconds(seconds(change.day.time_since_epoch()).count());
  record.set_stream(change.stream);
  record.set_bytes_in(change.sums->bytes_in);
  record.set_bytes_out(change.sums->bytes_out);
  record.set_viewer_ms(change.sums->viewer_ms);
  store.set(Kind::usage, std::move(key), record);
}

}  // namespace

std::uint64_t restore_usage(const Store& store, usage::Ledger& ledger) {
  std::uint64_t ignored = 0;
  store.each(Kind::usage, [&](const std::string& key, google::protobuf::Message& record) {
    const auto entry = to_entry(key, dynamic_cast<const UsageRecord&>(record));
    if (entry) {
      ledger.restore(*entry);
    } else {
      ++ignored;
    }
  });
  return ignored;
}

void save_usage(Store& store, std::span<const usage::Change> changes) {
  for (const usage::Change& change : changes) write(store, change);
}

}  // namespace state
