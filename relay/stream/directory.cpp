#include "relay/stream/directory.hpp"

#include <algorithm>
#include <utility>

namespace stream {

std::optional<Directory::Claim> Directory::claim(const std::string& path, unsigned worker) {
  const std::lock_guard lock(streams_lock_);
  if (const auto found = homes_.find(path); found != homes_.end()) {
    return Claim{found->second, false, {}};
  }
  if (homes_.size() >= streams_max_) return std::nullopt;
  homes_.emplace(path, worker);
  Claim claim{worker, true, {}};
  if (const auto found = watchers_.find(path); found != watchers_.end()) {
    claim.watchers = std::move(found->second);
    watchers_.erase(found);
  }
  return claim;
}

std::optional<unsigned> Directory::home(const std::string& path) const {
  const std::lock_guard lock(streams_lock_);
  const auto found = homes_.find(path);
  return found == homes_.end() ? std::nullopt : std::optional(found->second);
}

void Directory::release(const std::string& path) {
  const std::lock_guard lock(streams_lock_);
  homes_.erase(path);
}

std::optional<unsigned> Directory::home_or_watch(const std::string& path, unsigned worker) {
  const std::lock_guard lock(streams_lock_);
  if (const auto found = homes_.find(path); found != homes_.end()) return found->second;
  auto& watchers = watchers_[path];
  if (std::find(watchers.begin(), watchers.end(), worker) == watchers.end()) {
    watchers.push_back(worker);
  }
  return std::nullopt;
}

void Directory::unwatch(const std::string& path, unsigned worker) {
  const std::lock_guard lock(streams_lock_);
  const auto found = watchers_.find(path);
  if (found == watchers_.end()) return;
  std::erase(found->second, worker);
  if (found->second.empty()) watchers_.erase(found);
}

std::size_t Directory::size() const {
  const std::lock_guard lock(streams_lock_);
  return homes_.size();
}

}  // namespace stream
