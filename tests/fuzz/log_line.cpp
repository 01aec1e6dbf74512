// What a peer sent, in a line of the log: one event stays one line, in which the text can be told
// from what we say ourselves, and as JSON it reads back as it was.
#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/base/logging.hpp"

namespace {

bool has_controls(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) return true;
  }
  return false;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      RELAY_ASSERT(text[at] != '"');
      plain += text[at];
    } else if (text.substr(at + 1).starts_with("u00")) {
      plain += static_cast<char>(std::stoul(std::string(text.substr(at + 4, 2)), nullptr, 16));
      at += 5;
    } else {
      RELAY_ASSERT(at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\'));
      plain += text[++at];
    }
  }
  return plain;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sent(reinterpret_cast<const char*>(data), size);
  const std::string escaped = base::escape_json(sent);
  RELAY_ASSERT(!has_controls(escaped));
  RELAY_ASSERT(unescape(escaped) == sent);
  for (const auto format : {base::LogFormat::text, base::LogFormat::json}) {
    const std::string line =
        base::format_event(format, "publisher started", {{"user_agent", sent}, {"worker", 1}});
    RELAY_ASSERT(!has_controls(line));
    RELAY_ASSERT(line.find("worker") > line.find("user_agent"));
    // Quoted, or one word.
    const bool quoted = line.find('"' + escaped + '"') != std::string::npos;
    RELAY_ASSERT(quoted || (format == base::LogFormat::text && !sent.empty() &&
                            sent.find_first_of(" \"=") == std::string_view::npos));
  }
  return 0;
}
