#include "client/player/report.hpp"

#include <array>
#include <cstdio>

namespace client {
namespace {

std::string to_ms(base::Duration duration) {
  std::array<char, 32> text{};
  const double ms = base::to_seconds(duration) * 1000;
  const int length = std::snprintf(text.data(), text.size(), "%.1f", ms);
  return {text.data(), static_cast<std::size_t>(length)};
}

template <class T>
std::string or_null(const std::optional<T>& number) {
  return number ? std::to_string(*number) : "null";
}

std::string to_json(const std::optional<Report::Latency>& latency) {
  if (!latency) return R"({"p50":null,"p99":null,"max":null})";
  return "{\"p50\":" + to_ms(latency->p50) + ",\"p99\":" + to_ms(latency->p99) +
         ",\"max\":" + to_ms(latency->max) + "}";
}

std::string to_json(const FrameNumbers::Counts& numbers) {
  return "{\"first\":" + std::to_string(numbers.first) +
         ",\"last\":" + std::to_string(numbers.last) +
         ",\"missing\":" + std::to_string(numbers.missing) +
         ",\"repeated\":" + std::to_string(numbers.repeated) +
         ",\"out_of_order\":" + std::to_string(numbers.out_of_order) + "}";
}

std::string to_json(const Report::Shown& shown) {
  return "{\"pictures\":" + std::to_string(shown.pictures) +
         ",\"too_late\":" + std::to_string(shown.too_late) +
         ",\"drops\":" + std::to_string(shown.drops) +
         ",\"latency_ms\":" + (shown.latency ? to_ms(*shown.latency) : "null") +
         ",\"sync_ms\":" + (shown.sync ? to_ms(*shown.sync) : "null") + "}";
}

}  // namespace

std::string to_json(const Report& report) {
  std::string text = "{\"frames_decoded\":" + std::to_string(report.frames_decoded);
  text += ",\"chunks\":" + std::to_string(report.chunks);
  text += ",\"first_sequence\":" + or_null(report.first_sequence);
  text += ",\"last_sequence\":" + or_null(report.last_sequence);
  text += ",\"gaps\":" + std::to_string(report.gaps);
  text += ",\"repeats\":" + std::to_string(report.repeats);
  text += ",\"checksum_errors\":" + std::to_string(report.checksum_errors);
  text += ",\"reconnects\":" + std::to_string(report.reconnects);
  text += ",\"latency_ms\":" + to_json(report.latency);
  text += ",\"startup_ms\":" + (report.startup ? to_ms(*report.startup) : "null");
  if (report.frame_numbers) text += ",\"frame_numbers\":" + to_json(*report.frame_numbers);
  if (report.shown) text += ",\"shown\":" + to_json(*report.shown);
  return text + "}";
}

std::string to_text(const Report& report) {
  std::string text = std::to_string(report.frames_decoded) + " frames";
  if (report.latency) {
    text += ", latency " + to_ms(report.latency->p50) + " ms (p99 " + to_ms(report.latency->p99) +
            ", max " + to_ms(report.latency->max) + ")";
  }
  if (report.startup) text += ", began after " + to_ms(*report.startup) + " ms";
  text += ", gaps " + std::to_string(report.gaps);
  text += ", reconnects " + std::to_string(report.reconnects);
  if (report.checksum_errors > 0) {
    text += ", checksum errors " + std::to_string(report.checksum_errors);
  }
  if (report.frame_numbers) {
    const FrameNumbers::Counts& numbers = *report.frame_numbers;
    text += ", frame numbers " + std::to_string(numbers.first) + " to " +
            std::to_string(numbers.last) + " (missing " + std::to_string(numbers.missing) +
            ", repeated " + std::to_string(numbers.repeated) + ")";
  }
  return text;
}

}  // namespace client
