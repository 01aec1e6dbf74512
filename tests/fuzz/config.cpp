// YAML text in: a configuration or a ConfigError comes out, and what was accepted prints to a text
// that is accepted again and prints the same.
#include "relay/control/config.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/base/units.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr control::Machine machine{.cpus = 2, .descriptors_max = 20'000};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto print = [&](std::string_view yaml) {
    return control::print_config_text("fuzz", yaml, {}, control::Secrets::shown, machine);
  };

  // The values that also come in queries of requests.
  if (const auto duration = base::parse_duration(text)) {
    RELAY_ASSERT(base::parse_duration(base::format_duration(*duration)).value() == *duration);
  }
  if (const auto bytes = base::parse_size(text)) {
    RELAY_ASSERT(base::parse_size(base::format_size(*bytes)).value() == *bytes);
  }

  std::string printed;
  try {
    printed = print(text);
    const auto loaded = control::load_config_text("fuzz", text, {}, machine);
    loaded.config.for_path("live/cam");
    loaded.config.defaults.publisher_allow.allows(text.substr(0, 64));
  } catch (const control::ConfigError& error) {
    // A message is one line of the log, whatever was in the file.
    RELAY_ASSERT(std::string_view(error.what()).find('\n') == std::string_view::npos);
    return 0;
  }
  RELAY_ASSERT(print(printed) == printed);  // a ConfigError here is a crash, as it should be
  return 0;
}
