// Publishes MPEG-TS, fragmented MP4 or wire chunks to a relay or forwarder, one HTTP chunk or
// WebSocket message per frame, each at its exact time.
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/send_times.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/bench/source.hpp"
#include "tests/bench/wire_client.hpp"
#include "tests/bench/wire_source.hpp"

namespace bench {
namespace {

volatile std::sig_atomic_t stopped = 0;

/// One stream: its connection, its frames and when the next ones are due.
class Publication {
 public:
  Publication(std::uint16_t port, const std::string& name, const std::string& times,
              Container container, const SourceOptions& options, std::int64_t start)
      : options_(options),
        container_(container),
        source_(make_source(container, options)),
        times_(create_send_times(times + "/" + name + ".times")),
        fd_(connect_to(port)),
        start_(start) {
    times_.group_frames.store(static_cast<std::uint64_t>(options.group_frames));
    const std::string target = "/bench/" + name;
    if (container == Container::wire) {
      const auto& source = static_cast<const WireSource&>(*source_);
      join_as_publisher(fd_.get(), target, source.hello());
    } else {
      begin_body(target);
    }
  }

  std::int64_t due() const { return audio_is_next() ? audio_due() : video_due(); }

  void send_next() {
    const std::int64_t due_ns = due();
    const bool audio = audio_is_next();
    if (audio) {
      source_->make_audio();
    } else {
      source_->make_video();
    }
    const std::int64_t now = now_ns();
    if (audio) {
      times_.audio_frames.fetch_add(1, std::memory_order_relaxed);
      times_.bytes.fetch_add(source_->payload().size(), std::memory_order_relaxed);
    } else {
      source_->mark(now);
      times_.record_video(source_->video_frames() - 1, now, source_->payload().size());
    }
    const auto late = static_cast<std::uint64_t>(std::max<std::int64_t>(now - due_ns, 0));
    if (late > times_.late_ns.load()) times_.late_ns.store(late);
    write_chunk();
  }

  /// Ends the body and waits at most a second for the answer; a bare forwarder gives none.
  void end() {
    write(container_ == Container::wire ? bye_frame() : "0\r\n\r\n");
    answer(1000);
  }

 private:
  bool audio_is_next() const {
    return options_.audio && (!options_.video || audio_due() < video_due());
  }
  // A fragment of several frames leaves when an encoder has its last.
  std::int64_t video_due() const {
    const auto frame = static_cast<std::int64_t>(source_->video_frames());
    const std::int64_t last =
        frame - frame % options_.fragment_frames + options_.fragment_frames - 1;
    return start_ + last * 1'000'000'000 / options_.frames_per_second;
  }
  std::int64_t audio_due() const {  // never at the same moment as a video frame
    return start_ + 5'000'000 +
           static_cast<std::int64_t>(source_->audio_frames()) * Source::audio_samples *
               1'000'000'000 / Source::audio_rate;
  }

  void begin_body(const std::string& target) {
    std::string head = "PUT " + target;
    head.append(file_suffix(container_)).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ");
    head.append(content_type(container_)).append("\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_all(fd_.get(), head);
    if (!source_->make_head()) return;
    times_.bytes.fetch_add(source_->payload().size());
    write_chunk();
  }

  void write_chunk() {
    if (container_ == Container::wire) {  // what it acknowledges
      ::recv(fd_.get(), nullptr, 65536, MSG_TRUNC | MSG_DONTWAIT);
    }
    const auto chunk = source_->framed();
    write(std::string_view(reinterpret_cast<const char*>(chunk.data()), chunk.size()));
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) {
        std::fprintf(stderr, "the server ended the publication: %s\n", answer(100).c_str());
        std::exit(1);
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::string answer(int wait_ms) {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    char text[512];
    if (::poll(&ready, 1, wait_ms) <= 0) return "no answer";
    const ssize_t size = ::recv(fd_.get(), text, sizeof text, MSG_DONTWAIT);
    if (size <= 0) return "closed without an answer";
    const std::string all(text, static_cast<std::size_t>(size));
    return all.substr(0, all.find("\r\n"));
  }

  const SourceOptions options_;
  const Container container_;
  const std::unique_ptr<Source> source_;
  SendTimes& times_;
  Descriptor fd_;
  const std::int64_t start_;
};

void sleep_until(std::int64_t due) {
  const timespec moment{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
}

void publish(const std::vector<std::unique_ptr<Publication>>& publications, std::int64_t end) {
  using Turn = std::pair<std::int64_t, std::size_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  for (std::size_t i = 0; i < publications.size(); ++i) turns.emplace(publications[i]->due(), i);
  while (stopped == 0 && turns.top().first < end) {
    const auto [due, index] = turns.top();
    if (now_ns() < due) {
      sleep_until(due);
      continue;  // a signal may have ended the sleep
    }
    turns.pop();
    publications[index]->send_next();
    turns.emplace(publications[index]->due(), index);
  }
}

// The bare stream into a file or pipe, to let other programs judge it or send it on.
int dump(const std::string& path, Container container, const SourceOptions& options,
         std::int64_t seconds) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) fail(path);
  const std::unique_ptr<Source> source = make_source(container, options);
  const auto write = [&] {
    const auto payload = source->payload();
    if (std::fwrite(payload.data(), 1, payload.size(), file) < payload.size()) fail(path);
  };
  if (source->make_head()) write();
  for (std::int64_t i = 0; i < seconds * options.frames_per_second; ++i) {
    if (options.video) {
      source->make_video();
      source->mark(now_ns());
      write();
    }
    const auto sound_until = (i + 1) * Source::audio_rate / options.frames_per_second;
    while (options.audio &&
           static_cast<std::int64_t>(source->audio_frames()) * Source::audio_samples <
               sound_until) {
      source->make_audio();
      write();
    }
  }
  std::fclose(file);
  return 0;
}

// The publisher shares a core with the load, which must not delay or interrupt a send. Without
// the right to ask for it the figures are still right, but noisier.
void become_urgent() {
  const sched_param first{.sched_priority = 1};
  if (::sched_setscheduler(0, SCHED_FIFO, &first) != 0) std::fprintf(stderr, "not in real time\n");
}

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };  // without SA_RESTART
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

int run(Arguments arguments) {
  SourceOptions options;
  const Container container = container_named(arguments.text("container", "mpegts"));
  options.video = !arguments.flag("no-video");
  options.audio = arguments.flag("audio") || !options.video;
  options.bit_rate = arguments.number("bit-rate", options.bit_rate);
  options.frames_per_second = arguments.number("fps", options.frames_per_second);
  options.group_frames = arguments.number("group-frames", options.group_frames);
  options.fragment_frames = arguments.number("fragment-frames", options.fragment_frames);
  const auto port = static_cast<std::uint16_t>(arguments.number("port", 0));
  const std::int64_t streams = arguments.number("streams", 1);
  const std::int64_t seconds = arguments.number("seconds", 60);
  const std::string times = arguments.text("times", "");  // a folder: N.times for stream N
  const std::string file = arguments.text("dump", "");
  const std::int64_t phase_us = arguments.number("phase-us", 0);
  arguments.finish();
  if (!file.empty()) return dump(file, container, options, seconds);
  end_on_signals();
  become_urgent();
  // From a full second of the clock on, so that two publishers keep their phases to each other.
  const std::int64_t start = (now_ns() / 1'000'000'000 + 1) * 1'000'000'000 + phase_us * 1000;
  std::vector<std::unique_ptr<Publication>> publications;
  for (std::int64_t i = 0; i < streams; ++i) {
    const std::string number = std::to_string(i);
    const std::int64_t phase = i * 1'000'000'000 / options.frames_per_second / streams;
    publications.push_back(
        std::make_unique<Publication>(port, number, times, container, options, start + phase));
  }
  std::printf("{\"event\": \"publishing\"}\n");
  std::fflush(stdout);
  publish(publications, start + seconds * 1'000'000'000);
  for (const auto& publication : publications) publication->end();
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  return bench::run(bench::Arguments(argc, argv));
}
