#include "relay/loop/process.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/loop/tcp.hpp"

namespace loop {
namespace {

// libuv's own pipes to children are sockets, which a program cannot open as /dev/stdout and whose
// breaking is another error. Each end is an open file of its own: ours does not block, the child's
// does.
struct Pipe {
  OwnedSocket read;
  OwnedSocket write;
};
base::Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return to_error(-errno);
  return Pipe{OwnedSocket(ends[0]), OwnedSocket(ends[1])};
}

Handle<uv_pipe_t> open_pipe(Worker& worker, OwnedSocket end, void* data) {
  auto pipe = std::make_unique<uv_pipe_t>();
  RELAY_ASSERT(uv_pipe_init(worker.uv(), pipe.get(), 0) == 0);
  pipe->data = data;
  Handle<uv_pipe_t> handle(pipe.release());
  RELAY_ASSERT(uv_pipe_open(handle.get(), end.fd()) == 0);
  static_cast<void>(end.release());
  return handle;
}

uv_stream_t* stream_of(const Handle<uv_pipe_t>& pipe) {
  return reinterpret_cast<uv_stream_t*>(pipe.get());
}

// Runs in every child between fork() and execve(), which keeps it. The signal comes when the thread
// ends that has forked: a worker's, which lives as long as the relay. Who is killed in the
// microseconds before this leaves a child that only its pipes end.
void die_with_the_relay() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

std::vector<char*> to_pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  // libuv's type is not const; it only reads.
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

uv_stdio_container_t inherit(const OwnedSocket& end) {
  uv_stdio_container_t stdio{};
  stdio.flags = UV_INHERIT_FD;
  stdio.data.fd = end.fd();
  return stdio;
}

}  // namespace

// Owns itself and what it writes until its callback, which comes even when the handle is closed.
struct Process::InputRequest {
  uv_write_t request;
  std::string text;
};

std::string describe(const ProcessExit& exit) {
  if (exit.signal == 0) return "exit code " + std::to_string(exit.code);
  const char* name = sigabbrev_np(exit.signal);
  return "signal " + (name != nullptr ? "SIG" + std::string(name) : std::to_string(exit.signal));
}

Process::Process(Worker& worker, Events& events)
    : worker_(worker), events_(&events), timer_(worker, bind<&Process::on_timer>(this)) {}

base::Result<std::unique_ptr<Process>> Process::start(Worker& worker, const Command& command,
                                                      Events& events) {
  static const int is_registered = pthread_atfork(nullptr, nullptr, die_with_the_relay);
  RELAY_ASSERT(is_registered == 0);
  RELAY_ASSERT(!command.arguments.empty());
  auto input = make_pipe();
  if (!input) return input.error();
  auto output = make_pipe();
  if (!output) return output.error();
  auto errors = make_pipe();
  if (!errors) return errors.error();

  uv_stdio_container_t stdio[3] = {inherit(input->read), inherit(output->write),
                                   inherit(errors->write)};
  if (!command.input) stdio[0].flags = UV_IGNORE;
  std::vector<char*> arguments = to_pointers(command.arguments);
  std::vector<char*> environment = to_pointers(command.environment);
  uv_process_options_t options{};
  options.exit_cb = on_exit_status;
  options.file = arguments[0];
  options.args = arguments.data();
  options.env = environment.data();
  options.flags = UV_PROCESS_DETACHED;
  options.stdio_count = 3;
  options.stdio = stdio;

  std::unique_ptr<Process> process(new Process(worker, events));
  auto handle = std::make_unique<uv_process_t>();
  const int status = uv_spawn(worker.uv(), handle.get(), &options);
  process->handle_.reset(handle.release());
  if (status != 0) return to_error(status);
  process->handle_->data = process.get();
  process->pid_ = process->handle_->pid;
  process->is_running_ = true;
  process->output_ = open_pipe(worker, std::move(output->read), process.get());
  process->errors_ = open_pipe(worker, std::move(errors->read), process.get());
  process->read_errors();
  if (command.input) {
    process->input_ = open_pipe(worker, std::move(input->write), process.get());
    process->write_input(*command.input);
  }
  return process;
}

Process::~Process() {
  if (!is_running_) return;
  signal_group(SIGKILL);
  // Closed before its end it would stay a zombie: its callback closes it.
  handle_->data = nullptr;
  static_cast<void>(handle_.release());
}

void Process::start_reading() noexcept {
  if (!output_ || std::exchange(is_reading_, true)) return;
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) noexcept {
    auto* process = static_cast<Process*>(handle->data);
    const auto space = process == nullptr ? std::span<std::byte>{} : process->events_->read_space();
    *buffer = uv_buf_init(reinterpret_cast<char*>(space.data()),
                          static_cast<unsigned>(std::min<std::size_t>(
                              space.size(), std::numeric_limits<int>::max())));
  };
  uv_read_start(stream_of(output_), allocate, on_output_bytes);
}

void Process::stop_reading() noexcept {
  if (output_ && std::exchange(is_reading_, false)) uv_read_stop(stream_of(output_));
}

void Process::close_output() noexcept {
  is_reading_ = false;
  output_.reset();
  // The owner is told on another turn: it may be in the middle of something.
  if (exit_ && !errors_) timer_.wake_at(base::monotonic_now());
}

void Process::on_output_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept {
  auto* process = static_cast<Process*>(stream->data);
  if (process == nullptr || count == 0) return;
  if (count > 0) {
    process->has_read_ = true;
    return process->events_->on_read(
        {reinterpret_cast<std::byte*>(buffer->base), static_cast<std::size_t>(count)});
  }
  if (count == UV_ENOBUFS) {
    process->stop_reading();
    return process->events_->on_no_space();
  }
  process->is_reading_ = false;
  process->output_.reset();
  process->events_->on_output_end();
  process->report_when_over();
}

void Process::read_errors() noexcept {
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) noexcept {
    auto* process = static_cast<Process*>(handle->data);
    if (process == nullptr) return;
    const auto space = process->worker_.read_buffer().first(error_read_bytes);
    *buffer =
        uv_buf_init(reinterpret_cast<char*>(space.data()), static_cast<unsigned>(space.size()));
  };
  uv_read_start(stream_of(errors_), allocate, on_error_bytes);
}

void Process::on_error_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) noexcept {
  auto* process = static_cast<Process*>(stream->data);
  if (process == nullptr || count == 0) return;
  const auto on_line = [process](std::string_view line) { process->events_->on_error_line(line); };
  if (count > 0) {
    process->has_read_ = true;
    return process->lines_.feed(
        {reinterpret_cast<const std::byte*>(buffer->base), static_cast<std::size_t>(count)},
        on_line);
  }
  process->errors_.reset();
  process->lines_.finish(on_line);
  process->report_when_over();
}

void Process::write_input(const std::string& text) noexcept {
  auto request = std::make_unique<InputRequest>();
  request->text = text;
  request->request.data = request.get();
  const uv_buf_t buffer =
      uv_buf_init(request->text.data(), static_cast<unsigned>(request->text.size()));
  if (uv_write(&request->request, stream_of(input_), &buffer, 1, on_input_written) == 0) {
    static_cast<void>(request.release());
  } else {
    input_.reset();
  }
}

// Whoever does not read it misses it; that is no error of ours.
void Process::on_input_written(uv_write_t* request, int) noexcept {
  const std::unique_ptr<InputRequest> done{static_cast<InputRequest*>(request->data)};
  if (auto* process = static_cast<Process*>(request->handle->data)) process->input_.reset();
}

void Process::signal_group(int number) const noexcept { kill(-pid_, number); }

void Process::terminate(base::Duration kill_after) noexcept {
  if (!is_running_ || std::exchange(is_terminating_, true)) return;
  signal_group(SIGTERM);
  timer_.wake_at(base::monotonic_now() + kill_after);
}

void Process::on_exit_status(uv_process_t* handle, std::int64_t status, int signal) noexcept {
  auto* process = static_cast<Process*>(handle->data);
  if (process == nullptr) {
    const Handle<uv_process_t> ended(handle);
    return;
  }
  process->is_running_ = false;
  process->exit_ = {static_cast<int>(status), signal};
  // At once: later the number may be another group's.
  process->signal_group(SIGKILL);
  process->has_read_ = false;
  process->timer_.wake_at(base::monotonic_now() + pipes_patience);
  process->report_when_over();
}

void Process::on_timer() noexcept {
  if (!exit_) return signal_group(SIGKILL);
  // Whoever does not read now will read the rest later, unless we have ended it.
  const bool has_read = std::exchange(has_read_, false);
  if (has_read || (output_ && !is_reading_ && !is_terminating_)) {
    return timer_.wake_at(base::monotonic_now() + pipes_patience);
  }
  const bool had_output = std::exchange(output_, nullptr) != nullptr;
  errors_.reset();
  lines_.finish([this](std::string_view line) { events_->on_error_line(line); });
  is_reading_ = false;
  if (had_output) events_->on_output_end();
  report_when_over();
}

void Process::report_when_over() noexcept {
  if (!exit_ || output_ || errors_ || handle_ == nullptr) return;
  timer_.stop();
  handle_.reset();
  events_->on_exit(*exit_);
}

}  // namespace loop
