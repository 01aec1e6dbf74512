#pragma once

#include <cstdint>
#include <string>

#include "relay/base/time.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/end_reason.hpp"

namespace session {

using stream::ViewerEnd;

/// Who reads a stream, over HTTP or the wire, as the server of its worker sees it.
class Viewer {
 public:
  virtual ~Viewer() = default;

  virtual std::uint64_t id() const noexcept = 0;
  virtual const char* protocol() const noexcept = 0;
  virtual std::string peer() const = 0;
  virtual const std::string& path() const noexcept = 0;
  virtual base::Time started() const noexcept = 0;
  virtual std::uint64_t bytes() const noexcept = 0;
  virtual const stream::Cursor& cursor() const noexcept = 0;
  /// Media time it was behind when it left.
  virtual base::Duration lag() const noexcept = 0;
  /// Bytes of windows that its unfinished write keeps alive.
  virtual std::size_t pinned_bytes() const noexcept = 0;
  /// Those windows, and since when nothing of them was taken.
  virtual const memory::WindowList& pinned() const noexcept = 0;
  virtual base::Time blocked_since() const noexcept = 0;

  /// Ends at a chunk boundary, and tells it why where there is a way to say it.
  virtual void end(ViewerEnd reason) noexcept = 0;
  /// Ends as `end(drain)` does, behind whatever was published by now and fits into the socket.
  virtual void drain() noexcept = 0;
  /// Ends in the middle of whatever it is: there is no time left, or no memory.
  virtual void cut_off(ViewerEnd reason) noexcept = 0;
  /// From time to time: closes it when it takes nothing for too long.
  virtual void on_time(base::Time now) noexcept = 0;
};

}  // namespace session
