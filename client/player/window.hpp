#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/player/grid.hpp"
#include "client/player/picture.hpp"
#include "relay/base/time.hpp"

namespace client {

enum class Key {
  pause,
  back,
  forward,
  live,
  statistics,
  full_screen,
  mute,
  quit,
  next_tile,
  previous_tile,
};

/// A window with pictures and text in it. The only class that knows SDL, besides SoundDevice.
/// Belongs to the main thread.
class Window {
 public:
  struct Input {
    std::optional<Key> key;
    bool is_click = false;
    int x = 0;  ///< of a click
    int y = 0;
    bool must_draw = false;  ///< what was drawn is lost, or has another size
  };

  static constexpr int width_first = 1280;
  static constexpr int height_first = 720;

  /// Opens it. Throws std::runtime_error with a sentence that says what to do.
  explicit Window(std::size_t pictures);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// What the user did; nothing: no more.
  std::optional<Input> poll();
  /// Until the user does something, at most so long.
  void wait(base::Duration most);
  void set_title(const std::string& title);
  void toggle_full_screen();
  int width() const;
  int height() const;

  /// The picture with that number is this one from now on.
  void set_picture(std::size_t number, const Picture& picture);

  // Drawn between begin() and end().
  void begin();
  void draw_picture(std::size_t number, const Area& area);
  void draw_frame(const Area& area);
  /// White on dark, in the bottom left corner of the area or in its middle; smaller where there is
  /// not so much room.
  void draw_text(const std::vector<std::string>& lines, const Area& area, bool is_centered);
  void end();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
