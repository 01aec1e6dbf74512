#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace stream {

/// Which streams there are and which worker is the home of each: shared by all workers, behind one
/// lock, asked when a publisher or a viewer arrives and never per chunk.
class Directory {
 public:
  explicit Directory(std::size_t streams_max) : streams_max_(streams_max) {}

  struct Claim {
    unsigned home;
    bool created;
    std::vector<unsigned> watchers;  ///< workers that wait for this stream; only when created
  };
  /// The home of the stream, which becomes `worker` when there is none. Nothing: too many streams.
  std::optional<Claim> claim(const std::string& path, unsigned worker);
  std::optional<unsigned> home(const std::string& path) const;
  void release(const std::string& path);

  /// The home of the stream; if there is none, `worker` is told when there is one.
  std::optional<unsigned> home_or_watch(const std::string& path, unsigned worker);
  void unwatch(const std::string& path, unsigned worker);
  std::size_t size() const;

 private:
  const std::size_t streams_max_;
  mutable std::mutex streams_lock_;
  std::unordered_map<std::string, unsigned> homes_;
  std::unordered_map<std::string, std::vector<unsigned>> watchers_;
};

}  // namespace stream
