#include "relay/base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace base {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](unsigned char c) {
           return c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f;
         });
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  line += escape_json(text);
  line += '"';
}

void append_value(std::string& line, LogFormat format, const LogField& field) {
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    line += std::to_string(*integer);
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    char digits[320];  // the largest double has 309 digits before the point
    const double shown = std::isfinite(*number) ? *number : 0;
    const auto end =
        std::to_chars(digits, digits + sizeof digits, shown, std::chars_format::fixed, 3).ptr;
    line.append(digits, end);
  } else {
    const auto text = std::get<std::string_view>(field.value);
    if (format == LogFormat::json || needs_quotes(text)) {
      append_quoted(line, text);
    } else {
      line += text;
    }
  }
}

spdlog::sink_ptr make_sink(LogOutput output) {
  if (output == LogOutput::standard_output) {
    return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  }
  return std::make_shared<spdlog::sinks::stderr_sink_mt>();
}

}  // namespace

std::string escape_json(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      escaped += '\\';
      escaped += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      // Bytes above ASCII are shown as code points of Latin-1: a peer's bytes need not be UTF-8.
      escaped += "\\u00";
      escaped += hex[byte >> 4];
      escaped += hex[byte & 15];
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string format_event(LogFormat format, std::string_view event,
                         std::initializer_list<LogField> fields) {
  std::string line;
  if (format == LogFormat::json) {
    line = "\"event\":";
    append_quoted(line, event);
  } else {
    line = event;
  }
  for (const LogField& field : fields) {
    if (format == LogFormat::json) {
      line += ',';
      append_quoted(line, field.key);
      line += ':';
    } else {
      line += ' ';
      line += field.key;
      line += '=';
    }
    append_value(line, format, field);
  }
  return line;
}

Log::Log(LogLevel level, LogFormat format, LogOutput output)
    : logger_(std::make_unique<spdlog::logger>("spancast", make_sink(output))), format_(format) {
  logger_->set_level(to_spdlog(level));
  logger_->flush_on(spdlog::level::trace);
  const char* pattern = format == LogFormat::json
                            ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
  logger_->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto spdlog_level = to_spdlog(level);
  if (!logger_->should_log(spdlog_level)) return;
  logger_->log(spdlog_level, spdlog::string_view_t(format_event(format_, event, fields)));
}

}  // namespace base
