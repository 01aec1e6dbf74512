#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "relay/base/result.hpp"

namespace client::camera {

/// A command that /bin/sh runs in a process group of its own, with nothing on stdin and no
/// descriptor of ours. Ends with its object, and so do the processes of its group: stdout breaks,
/// then SIGTERM, then SIGKILL. The owner's thread, but for what `Lines` says.
class Child {
 public:
  /// How long SIGTERM is given.
  static constexpr std::chrono::seconds kill_after{2};

  /// What it writes to stderr, line by line (of base::LineSplitter), on a thread of its own.
  class Lines {
   public:
    virtual ~Lines() = default;
    virtual void on_line(std::string line) = 0;
  };

  /// How it ended.
  struct Exit {
    int code = 0;
    int signal = 0;  ///< that ended it, or 0
    bool is_good() const noexcept { return code == 0 && signal == 0; }
    bool operator==(const Exit&) const = default;
  };

  /// An error of the system if it cannot be started.
  static base::Result<std::unique_ptr<Child>> start(const std::string& command, Lines& lines);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Reads its stdout; stays the child's.
  int output() const noexcept { return output_; }
  /// Waits so long for its own end; nothing: it goes on.
  std::optional<Exit> wait(std::chrono::milliseconds patience);

 private:
  Child(pid_t pid, int output, int errors, int stop, int stopped, Lines& lines);
  void read_errors();

  pid_t pid_;
  int output_;
  int errors_;
  int stop_;     // closed to end the thread
  int stopped_;  // its other end
  Lines& lines_;
  std::optional<Exit> exit_;
  std::thread thread_;
};

/// `ended with code 1`, `was ended by signal 9`.
std::string to_text(const Child::Exit& exit);

}  // namespace client::camera
