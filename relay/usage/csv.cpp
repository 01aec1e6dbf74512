#include "relay/usage/csv.hpp"

namespace usage {

std::string to_csv(std::span<const Entry> entries) {
  std::string text = "day,stream,bytes_in,bytes_out,viewer_ms\r\n";
  for (const Entry& entry : entries) {
    text += to_text(entry.day) + ',' + csv_field(entry.stream) + ',' +
            std::to_string(entry.sums.bytes_in) + ',' + std::to_string(entry.sums.bytes_out) + ',' +
            std::to_string(entry.sums.viewer_ms) + "\r\n";
  }
  return text;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace usage
