#include "relay/session/http_publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace session {

HttpPublisher::HttpPublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                             std::unique_ptr<loop::Tcp> tcp, Events& events, stream::Home& home,
                             media::Container container, http_body::Reader body, bool keep_alive)
    : id_(id),
      events_(events),
      home_(home),
      tcp_(std::move(tcp)),
      body_(body),
      media_(worker, pool, home, *this),
      started_(base::monotonic_now()),
      last_byte_(started_),
      keep_alive_(keep_alive) {
  media_.begin(container);
  tcp_->set_events(this);
}

void HttpPublisher::start(std::string_view received) noexcept {
  // The only payload that is copied on its way in: what came in one read with the head.
  behind_body_ = received;
  while (!received.empty() && !is_over() && !body_.done()) {
    const auto space = media_.space();
    if (!space) return end(PublisherEnd::memory, "memory.arena is full");
    const std::size_t part = std::min(space->size(), received.size());
    std::memcpy(space->data(), received.data(), part);
    received.remove_prefix(part);
    behind_body_ = received;  // should the body end here, it is wanted before the next part
    on_read(space->first(part));
  }
  if (body_.done()) return finish(PublisherEnd::finished, "");
  behind_body_.clear();
  if (!is_over() && !is_paused()) tcp_->start_reading();
}

void HttpPublisher::on_read(std::span<std::byte> bytes) noexcept {
  const base::Time now = base::monotonic_now();
  last_byte_ = now;
  media_.on_received(bytes.size());
  read_body(bytes, now);
  if (is_over()) return;
  media_.append_chunks(now);
  if (body_.done()) finish(PublisherEnd::finished, "");
}

void HttpPublisher::read_body(std::span<std::byte> bytes, base::Time now) noexcept {
  body_.feed(bytes);
  for (;;) {
    const auto run = body_.next();
    if (!run) return finish(PublisherEnd::bad_body, run.error().message());
    if (!*run) break;
    const auto fed = media_.feed(**run, now);
    if (!fed) return finish(PublisherEnd::bad_media, fed.error().message());
  }
  if (body_.done()) {
    const auto rest = body_.rest();
    behind_body_.insert(0, reinterpret_cast<const char*>(rest.data()), rest.size());
  }
}

void HttpPublisher::on_read_end(base::Error error) noexcept {
  if (is_over()) return;
  peer_ended_ = true;
  if (error) return finish(PublisherEnd::broken, error.message());
  const auto whole = body_.on_end();
  if (!whole) return finish(PublisherEnd::truncated, whole.error().message());
  finish(PublisherEnd::finished, "");
}

// The input is over: ends when the chunks that are left are appended.
void HttpPublisher::finish(PublisherEnd end_reason, const std::string& reason) noexcept {
  if (is_over()) return;
  pending_end_ = {end_reason, reason};
  tcp_->stop_reading();
  const auto finished = media_.finish();
  if (!finished && end_reason == PublisherEnd::finished) {
    pending_end_ = {PublisherEnd::bad_media, finished.error().message()};
  }
  if (!media_.has_backlog()) end(pending_end_->end, pending_end_->reason);
}

void HttpPublisher::end(PublisherEnd end, const std::string& reason) noexcept {
  if (std::exchange(ended_, true)) return;
  media_.end();
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  events_.on_publisher_end(*this, end, reason);
}

}  // namespace session
