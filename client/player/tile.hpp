#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/player/console.hpp"
#include "client/player/options.hpp"
#include "client/player/presenter.hpp"
#include "client/player/watch.hpp"

namespace client {

/// One stream of the window: what watches it, and what people are told of it. Of the main thread.
class Tile {
 public:
  /// `name`: before what it says; empty: nothing.
  Tile(Options options, std::string name, base::Time began);

  /// Begins to connect. Not done: why it cannot begin.
  ExitCode start() { return watch_.start(); }
  /// Looks after the stream; what came of it, once it has ended.
  std::optional<ExitCode> turn(base::Time now);
  void toggle_pause();
  /// `by`: seconds. Says why not, where there is no way back.
  void seek(base::Duration by);
  void go_live() { watch_.go_live(); }
  void toggle_statistics() noexcept { has_statistics_ = !has_statistics_; }

  Presenter& presenter() noexcept { return presenter_; }
  Watch& watch() noexcept { return watch_; }
  std::string stream() const { return std::string(options_.url.path()); }
  std::string state(base::Time now);
  /// Makes the texts anew; whether they differ from those before.
  bool update_texts(base::Time now);
  /// What stands in the corner of the picture, if it was asked for.
  const std::vector<std::string>& statistics() const noexcept { return statistics_; }
  /// What stands in the middle, while there is something to say.
  const std::vector<std::string>& notice() const noexcept { return notice_; }

 private:
  std::vector<std::string> make_statistics();
  std::vector<std::string> make_notice(base::Time now);
  void measure(base::Time now, std::uint64_t bytes);

  const Options options_;
  Console console_;
  Presenter presenter_;
  Watch watch_;
  std::optional<ExitCode> code_;
  bool has_statistics_ = false;
  std::vector<std::string> statistics_;
  std::vector<std::string> notice_;
  std::string hint_;
  base::Time hint_until_{};
  base::Time measured_at_{};
  std::uint64_t measured_bytes_ = 0;
  std::uint64_t bits_per_second_ = 0;
};

}  // namespace client
