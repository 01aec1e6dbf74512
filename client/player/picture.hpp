#pragma once

#include <cstddef>
#include <memory>
#include <optional>

typedef struct _GstSample GstSample;

namespace client {

/// A decoded picture in memory: I420, eight bits. Keeps the decoder's buffer.
class Picture {
 public:
  struct Plane {
    const std::byte* bytes = nullptr;
    int stride = 0;
  };

  /// Null: it is none, or none that can be read. Takes a reference of its own.
  static std::unique_ptr<Picture> of(GstSample* sample);
  ~Picture();
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  int width() const noexcept;
  int height() const noexcept;
  /// How wide it is shown, for its height: pixels need not be square.
  int shown_width() const noexcept;
  Plane plane(unsigned number) const noexcept;  ///< Y, U, V

 private:
  class Impl;
  explicit Picture(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
