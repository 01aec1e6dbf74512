#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/control/config.hpp"

namespace control {

/// What hooks are for; the names of their keys.
enum class Hook : std::uint8_t {
  on_publish,
  on_unpublish,
  on_first_viewer,
  on_last_viewer,
  on_slow_viewer,
};
constexpr std::size_t hook_count = 5;
const char* name_of(Hook hook) noexcept;
/// Empty: there is none.
const std::vector<std::string>& command_of(const HooksConfig& hooks, Hook hook) noexcept;

/// What became of a hook; a metric's label and a word of its log line.
enum class HookEnd : std::uint8_t {
  good,         ///< exit code 0
  failed,       ///< another one, or a signal
  timeout,      ///< it was ended
  not_started,  ///< there is no such program
  dropped,      ///< too many wait
};
constexpr std::size_t hook_end_count = 5;
const char* name_of(HookEnd end) noexcept;
using HookEnds = std::array<std::array<std::uint64_t, hook_end_count>, hook_count>;

/// schemas/hook.proto as a plain value.
struct HookEvent {
  Hook hook{};
  std::string stream;
  base::Utc time{};
  std::string protocol{};
  std::string peer{};
  std::string user_agent{};
  std::string reason{};
  std::uint64_t bytes = 0;
  double seconds = 0;
};

/// With `?` for every byte that is not ASCII: JSON and the wire want UTF-8, and peers and programs
/// send what they like.
std::string to_ascii(std::string_view text);

/// One JSON object and a line end.
std::string hook_json(const HookEvent& event);
/// NAME=VALUE of everything that is set.
std::vector<std::string> hook_variables(const HookEvent& event);

}  // namespace control
