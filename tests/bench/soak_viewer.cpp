#include "tests/bench/soak_viewer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

namespace bench {
namespace {

constexpr std::int64_t ms = 1'000'000;

}  // namespace

void SoakTimes::add(std::int64_t ns) {
  const double us = std::max(1.0, static_cast<double>(ns) / 1e3);
  const auto bucket = static_cast<std::size_t>(std::log(us) / std::log(1.05));
  ++buckets_[std::min(bucket, buckets_.size() - 1)];
}

double SoakTimes::quantile_ms(double part) const {
  std::uint64_t all = 0;
  for (const std::uint64_t count : buckets_) all += count;
  auto left = static_cast<double>(all) * part;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    left -= static_cast<double>(buckets_[bucket]);
    if (left <= 0) return std::pow(1.05, static_cast<double>(bucket + 1)) / 1e3;
  }
  return 0;
}

SoakViewer::SoakViewer(std::uint16_t port, const SoakStream& stream, Container container)
    : port_(port), stream_(stream), container_(container) {
  connect();
}

void SoakViewer::connect() {
  head_.clear();
  has_head_ = false;
  carried_.clear();
  next_.reset();
  fd_ = connect_to(port_);
  // The relay may not have got to the publisher yet.
  send_all(fd_.get(),
           "GET " + stream_.target(container_) + "?wait=30s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
}

void SoakViewer::lose_connection(Counts& counts) {
  ++counts.ended;
  fd_.reset();
}

void SoakViewer::read(Counts& counts, SoakTimes* latencies) {
  static std::array<std::byte, 65536> buffer;
  const std::size_t kept = carried_.size();
  std::copy(carried_.begin(), carried_.end(), buffer.begin());
  const ssize_t size = ::recv(fd_.get(), buffer.data() + kept, buffer.size() - kept, MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return lose_connection(counts);
  const auto bytes =
      std::span<const std::byte>(buffer).first(kept + static_cast<std::size_t>(size));
  if (!has_head_) {
    head_.append(reinterpret_cast<const char*>(bytes.data() + kept), bytes.size() - kept);
    if (head_.find("\r\n\r\n") == std::string::npos) return;
    has_head_ = true;
    if (!head_.starts_with("HTTP/1.1 200")) {
      ++counts.refused;
      return lose_connection(counts);
    }
  }
  std::size_t from = 0;
  while (const auto offset = find_marker(bytes.subspan(from))) {
    const std::size_t begin = from + *offset;
    from = begin + Marker::size;
    found(*read_marker(bytes.subspan(begin)), counts, latencies);
  }
  const std::size_t keep = std::min(bytes.size() - from, Marker::size - 1);
  carried_.assign(bytes.end() - static_cast<std::ptrdiff_t>(keep), bytes.end());
}

void SoakViewer::found(const Marker& marker, Counts& counts, SoakTimes* latencies) {
  const auto number = stream_.find(marker.sent_ns);
  if (!number || (next_ && *number < *next_)) {
    ++counts.disorder;
    return;
  }
  ++counts.frames;
  counts.lost += *number - next_.value_or(*number);
  // The first ones of a connection lay in the tail.
  if (next_ && latencies != nullptr) latencies->add(now_ns() - marker.sent_ns);
  next_ = *number + 1;
}

bool SoakViewer::behave(std::int64_t now, std::mt19937_64& random, Counts& counts) {
  if (now >= mood_until_) {
    const auto choose = [&](std::int64_t from, std::int64_t to) {
      return std::uniform_int_distribution<std::int64_t>(from, to)(random);
    };
    mood_ = static_cast<Mood>(choose(0, 3));
    mood_until_ = now + choose(200, mood_ == Mood::stalled ? 20'000 : 4'000) * ms;
    if (mood_ == Mood::away) {
      // Sometimes a head is all that is said, or not even a whole one; closing resets.
      if (choose(0, 2) == 0) {
        fd_.reset();
        fd_ = connect_to(port_);
        send_all(fd_.get(), "GET /soak/0.ts HTTP/1.1\r\nHo");
      }
      fd_.reset();
      mood_until_ = now + choose(0, 1'000) * ms;
    }
  }
  if (mood_ == Mood::away) return false;
  if (!is_connected()) {
    connect();
    ++counts.connects;
  }
  if (mood_ == Mood::stalled) return false;
  if (mood_ == Mood::reading) return true;
  if (now < slow_next_) return false;
  slow_next_ = now + 500 * ms;
  return true;
}

void SoakViewer::calm_down() {
  mood_ = Mood::reading;
  mood_until_ = 0;
  fd_.reset();
  connect();
}

}  // namespace bench
