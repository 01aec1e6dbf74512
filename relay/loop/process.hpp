#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/line_splitter.hpp"
#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/loop/handle.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"

namespace loop {

/// How a child process ended.
struct ProcessExit {
  int code = 0;
  int signal = 0;  ///< 0: it ended by itself, with `code`

  bool is_good() const noexcept { return code == 0 && signal == 0; }
};
/// "exit code 1", "signal SIGKILL".
std::string describe(const ProcessExit& exit);

/// A child process of one worker, leader of a session and a process group of its own. Its standard
/// streams are pipes; it inherits no other descriptor, no ignored signal and no signal mask. When
/// it ends, what is left of its group is killed; when the relay dies, the kernel kills it (what it
/// started itself notices by its pipes only). Destroying a running one kills its group.
///
/// Starting blocks the loop until the program is executed: about a millisecond, whatever the size
/// of the arena, which is not copied.
class Process {
 public:
  /// What was written before the end is read for as long as more comes within this: whoever left
  /// the group may keep the pipes open.
  static constexpr base::Duration pipes_patience = std::chrono::seconds(1);
  /// Of standard error, in one go: a child that floods it must not hold up the loop.
  static constexpr std::size_t error_read_bytes = 4096;

  class Events {
   public:
    virtual ~Events() = default;
    /// Where the next bytes of its output go; empty when there is no room, which stops reading.
    virtual std::span<std::byte> read_space() noexcept = 0;
    /// `bytes` lie at the start of the last `read_space()`.
    virtual void on_read(std::span<std::byte> bytes) noexcept = 0;
    /// No room was offered: reading has stopped.
    virtual void on_no_space() noexcept {}
    /// It has closed its output, and may live on.
    virtual void on_output_end() noexcept = 0;
    /// A line of its standard error, at most LineSplitter::line_bytes_max.
    virtual void on_error_line(std::string_view line) noexcept = 0;
    /// It is gone, and everything it wrote was read; nothing is reported after this.
    virtual void on_exit(const ProcessExit& exit) noexcept = 0;
  };

  struct Command {
    std::vector<std::string> arguments;    ///< the program first; looked for in PATH
    std::vector<std::string> environment;  ///< NAME=VALUE, all of it
    std::optional<std::string> input;      ///< of its standard input; nothing: /dev/null
  };
  /// Nothing of its output is read before `start_reading()`. The error of a program that is not
  /// there or cannot be executed is the one that execve() has.
  static base::Result<std::unique_ptr<Process>> start(Worker& worker, const Command& command,
                                                      Events& events);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const noexcept { return pid_; }
  void start_reading() noexcept;
  void stop_reading() noexcept;
  /// Its output is of no use any more: writing it breaks.
  void close_output() noexcept;

  /// SIGTERM to its group, and SIGKILL `kill_after` later; the second time nothing.
  void terminate(base::Duration kill_after) noexcept;

 private:
  Process(Worker& worker, Events& events);
  struct InputRequest;
  static void on_output_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
  static void on_error_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept;
  static void on_input_written(uv_write_t* request, int status) noexcept;
  static void on_exit_status(uv_process_t* handle, std::int64_t status, int signal) noexcept;

  void read_errors() noexcept;
  void write_input(const std::string& text) noexcept;
  void signal_group(int number) const noexcept;
  void on_timer() noexcept;
  void report_when_over() noexcept;

  Worker& worker_;
  Events* events_;
  Handle<uv_process_t> handle_;
  Handle<uv_pipe_t> input_;
  Handle<uv_pipe_t> output_;  // until its end
  Handle<uv_pipe_t> errors_;
  base::LineSplitter lines_;
  Timer timer_;  // until it is killed; once it is gone, until its pipes are given up
  int pid_ = 0;
  bool is_running_ = false;
  bool is_terminating_ = false;
  bool is_reading_ = false;
  bool has_read_ = false;  // since the timer was set
  std::optional<ProcessExit> exit_;
};

}  // namespace loop
