#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace spdlog {
class logger;
}

namespace base {

enum class LogLevel { trace, debug, info, warning, error };
enum class LogFormat { text, json };
enum class LogOutput { standard_error, standard_output };

/// One `key=value` of a log line. The views must live as long as the call.
struct LogField {
  template <class T>
  requires std::is_integral_v<T> LogField(std::string_view field_key, T number)
      : key(field_key), value(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view field_key, double number) : key(field_key), value(number) {}
  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const std::string& text)
      : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, const char* text)
      : key(field_key), value(std::string_view(text)) {}

  std::string_view key;
  std::variant<std::int64_t, double, std::string_view> value;
};

/// The log of the process: one line per event, on stderr or stdout. `main` owns it and passes
/// references; any thread may write. What a peer sent is escaped, so one event is always one line.
class Log {
 public:
  Log(LogLevel level, LogFormat format, LogOutput output = LogOutput::standard_error);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, fields);
  }

 private:
  std::unique_ptr<spdlog::logger> logger_;
  LogFormat format_;
};

/// The line that `Log` writes for an event, without time and level. `text`: `event key=value …`,
/// values quoted where they hold spaces, quotes or control characters; `json`: the members
/// `"event":…,"key":…` without the braces.
std::string format_event(LogFormat format, std::string_view event,
                         std::initializer_list<LogField> fields);

/// `text` with quotes, backslashes and control characters escaped as in a JSON string.
std::string escape_json(std::string_view text);

}  // namespace base
