#include "relay/session/source_publisher.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/units.hpp"

namespace session {
namespace {

constexpr const char* not_media = "its output is neither MPEG-TS nor fragmented MP4";

}  // namespace

SourcePublisher::SourcePublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                                 Events& events, stream::Home& home, Options options)
    : id_(id),
      worker_(worker),
      events_(events),
      home_(home),
      options_(options),
      media_(worker, pool, home, *this),
      end_timer_(worker, loop::bind<&SourcePublisher::on_end_timer>(this)),
      started_(base::monotonic_now()),
      last_byte_(started_),
      excused_(started_) {
  if (options.container) media_.begin(*options.container);
}

base::Result<void> SourcePublisher::start(const loop::Process::Command& command) noexcept {
  auto started = loop::Process::start(worker_, command, *this);
  if (!started) return started.error();
  process_ = std::move(*started);
  process_->start_reading();
  return {};
}

std::string SourcePublisher::peer() const { return "pid " + std::to_string(process_->pid()); }

void SourcePublisher::on_read(std::span<std::byte> bytes) noexcept {
  const base::Time now = base::monotonic_now();
  last_byte_ = now;
  media_.on_received(bytes.size());
  if (const auto fed = feed(bytes, now); !fed) return fail(fed.error().message());
  if (media_.has_begun() && !is_input_over_) media_.append_chunks(now);
}

base::Result<void> SourcePublisher::feed(std::span<std::byte> bytes, base::Time now) {
  if (media_.has_begun()) return media_.feed(bytes, now);
  return find_container(bytes, now);
}

base::Result<void> SourcePublisher::find_container(std::span<std::byte> bytes, base::Time now) {
  const std::size_t wanted = media::container_head_bytes - head_.size();
  head_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), wanted));
  kept_.push_back(media_.window(bytes));
  const media::Detected detected = media::detect_container(head_);
  if (!detected.is_decided) return {};
  if (!detected.container) {
    fail(not_media);
    return {};
  }
  media_.begin(*detected.container);
  for (memory::Window& window : std::exchange(kept_, {})) {
    if (const auto fed = media_.feed(std::move(window), now); !fed) return fed;
  }
  return {};
}

void SourcePublisher::on_output_end() noexcept {
  finish_media();
  // Mostly it is about to end by itself.
  if (!exit_ && !is_ending()) end_timer_.wake_at(base::monotonic_now() + output_end_patience);
}

void SourcePublisher::on_end_timer() noexcept {
  if (exit_) return;
  end(PublisherEnd::broken, "it closed its output and went on");
}

// What it has stopped to write, if it should have: a camera that freezes may go on with its sound.
const char* SourcePublisher::find_silence(base::Time now) noexcept {
  const PublisherCounts counts = media_.counts();
  const std::uint64_t lost = counts.bytes_dropped + counts.chunks_dropped;
  if (is_paused() || std::exchange(lost_, lost) != lost) excused_ = now;
  if (now - std::max(last_byte_, excused_) >= options_.stall) return "nothing";
  const auto picture = media_.last_picture();
  if (picture && now - std::max(*picture, excused_) >= options_.stall) return "no picture";
  return nullptr;
}

void SourcePublisher::on_time(base::Time now) noexcept {
  if (options_.stall <= base::Duration::zero() || is_input_over_ || is_ending()) return;
  const char* missing = find_silence(now);
  // After a stop of the whole process what came meanwhile is read before it is looked at again.
  if (!std::exchange(is_silent_, missing != nullptr) || missing == nullptr) return;
  end(PublisherEnd::stalled,
      std::string("it wrote ") + missing + " for " + base::format_duration(options_.stall));
}

void SourcePublisher::on_error_line(std::string_view line) noexcept {
  events_.on_source_line(*this, line);
}

void SourcePublisher::finish_media() noexcept {
  if (std::exchange(is_input_over_, true)) return;
  kept_.clear();
  if (!media_.has_begun() && !head_.empty() && !asked_end_) {
    asked_end_ = {PublisherEnd::bad_media, not_media};
  }
  const auto finished = media_.finish();
  if (!finished && !asked_end_) {
    asked_end_ = {PublisherEnd::bad_media, finished.error().message()};
  }
}

// What it writes is not media: nothing of it is read any more.
void SourcePublisher::fail(const std::string& reason) noexcept {
  if (!asked_end_) asked_end_ = {PublisherEnd::bad_media, reason};
  process_->close_output();
  finish_media();
  process_->terminate(options_.kill_after);
}

void SourcePublisher::end(PublisherEnd end, const std::string& reason) noexcept {
  if (asked_end_) return;
  asked_end_ = {end, reason};
  process_->terminate(options_.kill_after);
  if (!is_paused()) return;
  // It may hang in a write that nobody reads.
  process_->close_output();
  finish_media();
}

void SourcePublisher::on_exit(const loop::ProcessExit& exit) noexcept {
  exit_ = exit;
  end_timer_.stop();
  finish_media();
  conclude_when_over();
}

void SourcePublisher::conclude_when_over() noexcept {
  if (!exit_ || media_.has_backlog() || std::exchange(is_ended_, true)) return;
  media_.end();
  End end{PublisherEnd::finished, describe(*exit_)};
  if (asked_end_) {
    end = std::move(*asked_end_);
  } else if (!exit_->is_good()) {
    end.end = PublisherEnd::broken;
  }
  events_.on_publisher_end(*this, end.end, end.reason);
}

}  // namespace session
