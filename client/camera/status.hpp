#pragma once

#include <cstdint>
#include <string>

#include "client/camera/options.hpp"
#include "client/wire/publisher.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

/// How the camera does.
struct Report {
  base::Utc utc{};
  base::Duration running{};  ///< since the first frame
  std::uint64_t frames = 0;  ///< of video
  double fps = 0;            ///< of the last second
  double bits_per_second = 0;
  std::uint64_t reopened = 0;  ///< how often the source was opened anew
  bool has_source = true;      ///< it delivers
  Publisher::Stats stats;
};

/// One line of JSON without its end; client/camera/README.md lists the fields.
std::string to_json(const Report& report);
/// One line for people, without its end.
std::string to_line(const Report& report);

/// Prints reports and notices as the options and the terminal want them: JSON to stdout, the status
/// line, which overwrites itself, and notices to stderr.
class Status {
 public:
  explicit Status(Options::Stats stats);

  bool wants_reports() const noexcept { return is_json_ || is_line_; }
  void report(const Report& report);
  void notice(const std::string& text);
  /// Leaves the status line.
  void finish();

 private:
  bool is_json_ = false;
  bool is_line_ = false;
  bool has_line_ = false;
};

}  // namespace client::camera
