#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "client/command/exit_code.hpp"
#include "client/player/options.hpp"
#include "client/player/sound_device.hpp"
#include "client/player/tile.hpp"
#include "client/player/window.hpp"

namespace client {

/// The window with its streams, one or a wall of them: what keys do, and what is drawn when. Of the
/// main thread.
class Show final : private SoundDevice::Source {
 public:
  /// Opens the window. Throws std::runtime_error with a sentence.
  Show(const Options& options, base::Time began);
  ~Show() override;

  /// Until the user or the streams end it.
  ExitCode run();
  /// Any thread: to be ended soon.
  void end() { is_ended_ = true; }

 private:
  void take_sound(std::span<float> out, base::Time at) noexcept override;
  void handle_input();
  void on_key(Key key);
  void on_click(int x, int y);
  void select(std::optional<std::size_t> tile);
  std::vector<Tile*> chosen();
  bool take_pictures();
  void update_title(base::Time now);
  void draw();
  void draw_tile(std::size_t number, const Area& area);
  void print_statistics(base::Time now);
  bool look_for_ends(base::Time now);
  base::Duration rest(base::Time now);

  const Options& options_;
  const base::Time began_;
  Window window_;
  std::vector<std::unique_ptr<Tile>> tiles_;
  std::atomic<std::size_t> selected_;  // `tiles_.size()`: none
  std::atomic<bool> is_ended_{false};
  std::atomic<bool> is_muted_{false};
  bool must_draw_ = true;
  std::string title_;
  base::Time next_update_{};  // of title and texts
  base::Time next_report_;
  std::optional<base::Time> ends_at_;  // all streams have ended; what was received is shown still
  std::optional<ExitCode> code_;
  std::unique_ptr<SoundDevice> device_;  // last: its thread ends first
};

}  // namespace client
