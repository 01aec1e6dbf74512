#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/wire/url.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"

namespace client {

/// What spancast-player was told to do.
struct Options {
  struct Source {
    Url url;
    std::string text;  ///< as it was given
  };
  static constexpr std::size_t wall_max = 16;

  Url url;
  std::string text;          ///< the URL as it was given
  bool is_headless = false;  ///< nothing is shown
  std::vector<Source> wall;  ///< all that is shown in one window; without --wall the one
  base::Duration latency = std::chrono::milliseconds(200);
  bool stats_json = false;
  std::optional<std::uint64_t> frames;   ///< ends after so many decoded frames
  std::optional<base::Duration> length;  ///< ends after so much time
  std::string save;                      ///< the file; empty: none
  wire::Start start;
  wire::Slow slow = wire::Slow::catch_up;
  std::optional<unsigned> retries;  ///< nothing: for ever
};

/// Nothing is to be done but to print this and exit.
struct Printed {
  std::string text;
  int exit_code = 0;  ///< not 0: the text goes to stderr
};

/// `now`: what `--at -30s` counts from.
std::variant<Options, Printed> parse_options(int argc, const char* const* argv, base::Utc now);

}  // namespace client
