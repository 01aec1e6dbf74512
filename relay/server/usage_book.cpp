#include "relay/server/usage_book.hpp"

#include "relay/state/usage_records.hpp"

namespace server {

UsageBook::UsageBook(state::Store* store, base::Log& log) : store_(store), log_(log) {
  if (store_ != nullptr) static_cast<void>(restore());
}

UsageBook::~UsageBook() {
  if (store_ != nullptr && !store_->is_loaded()) store_->commit();  // the last chance to read it
  while (save()) {
  }
}

// A database that cannot be read at the start has sums of today that are to be gone on with.
bool UsageBook::restore() {
  if (was_restored_ || !store_->is_loaded()) return was_restored_;
  std::uint64_t ignored = 0;
  {
    const std::lock_guard lock(lock_);
    ignored = state::restore_usage(*store_, ledger_);
  }
  if (ignored > 0) {
    log_.warning("records of usage are ignored",
                 {{"records", ignored}, {"detail", "they contradict their keys"}});
  }
  return was_restored_ = true;
}

void UsageBook::add(std::span<const StreamUse> uses, base::Utc now) {
  const std::lock_guard lock(lock_);
  for (const StreamUse& use : uses) {
    ledger_.add_bytes_in(use.stream, now, use.bytes_in);
    ledger_.add_bytes_out(use.stream, now, use.bytes_out);
    for (const auto& [from, to, viewers] : use.viewings) {
      ledger_.add_viewing(use.stream, from, to, viewers);
    }
  }
}

// Whoever adds meanwhile makes another change, which is saved later: the lock is not needed to
// write, and the store has the last word of one saver only.
bool UsageBook::save() {
  if (store_ == nullptr || !restore()) return false;
  std::vector<usage::Change> changes;
  {
    const std::lock_guard lock(lock_);
    changes = ledger_.take_changes(rows_per_save);
  }
  state::save_usage(*store_, changes);
  return changes.size() == rows_per_save;
}

usage::Page UsageBook::select(const usage::Days& days, std::optional<std::string_view> stream,
                              std::size_t entries_max) const {
  const std::lock_guard lock(lock_);
  return ledger_.select(days, stream, entries_max);
}

}  // namespace server
