#include "relay/stream/feed.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/websocket/writer.hpp"
#include "relay/stream/fanout.hpp"

namespace stream {
namespace {

const Feed::Run no_run{{}, 0, ~std::uint64_t{0}, ~std::uint64_t{0}, {}};

iovec to_buffer(const void* data, std::size_t size) {
  return {const_cast<void*>(data), size};  // only ever read
}

}  // namespace

Feed::Feed(const StreamLog& log, Fanout& fanout, Framing framing)
    : log_(log), fanout_(fanout), framing_(framing), first_(log.first()) {
  restart();
}

void Feed::restart() {
  images_.clear();
  seams_.clear();
  buffers_.clear();
  buffers_base_ = 0;
  end_byte_ = 0;
  forget_join();
  newest_ = no_run;
  merged_ = no_run;
  first_ = log_.first();
  while (first_ + images_.size() < log_.end()) append();
}

void Feed::append() {
  const Chunk& chunk = log_.at(first_ + images_.size());
  Image& image = images_.emplace_back();
  const bool is_framed = framing_ == Framing::http_chunk && !chunk.http_image.empty();
  if (is_framed) {
    image.windows.push_back(chunk.http_image);
  } else {
    image.windows = chunk.bytes;
  }
  image.first_buffer = buffers_base_ + buffers_.size();
  image.first_byte = end_byte_;
  if (!is_framed) frame(image);
  append_buffers(image, buffers_);
  const std::size_t bytes = image.windows.bytes() + image.framing_bytes + image.trailer_bytes;
  end_byte_ += bytes;
  // Forgets a large one over some seconds of frames.
  large_image_bytes_ = std::max(bytes, large_image_bytes_ - large_image_bytes_ / 256);
  const bool is_seam =
      images_.size() > 1 && log_.at(chunk.sequence - 1).generation != chunk.generation;
  if (is_seam) seams_.push_back(chunk.sequence);
  find_newest();
}

// Nobody steps over a seam without looking, and what is empty is no write.
void Feed::find_newest() noexcept {
  newest_ = no_run;
  if (images_.empty()) return;
  const std::uint64_t newest = first_ + images_.size() - 1;
  if (!seams_.empty() && seams_.back() == newest) return;
  if (const Run found = find_run(newest); found.bytes > 0) newest_ = found;
}

std::size_t Feed::unsent_least(base::Duration interval) const noexcept {
  const MediaTime length = std::max<MediaTime>(log_.length(), media_ticks_per_second / 10);
  const std::uint64_t in_interval = log_.bytes() *
                                    static_cast<std::uint64_t>(to_media_time(interval)) /
                                    static_cast<std::uint64_t>(length);
  return std::max(large_image_bytes_, static_cast<std::size_t>(2 * in_interval));
}

void Feed::frame(Image& image) const noexcept {
  if (framing_ == Framing::none || image.windows.empty()) return;
  char* const begin = image.framing.data();
  if (framing_ == Framing::websocket) {
    const auto header = websocket::frame_header(websocket::Opcode::binary, image.windows.bytes());
    std::memcpy(begin, header.bytes().data(), header.size());
    image.framing_bytes = static_cast<std::uint8_t>(header.size());
    return;
  }
  char* end = std::to_chars(begin, begin + image.framing.size() - 2, image.windows.bytes(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  image.framing_bytes = static_cast<std::uint8_t>(end - begin);
  image.trailer_bytes = 2;
}

void Feed::append_buffers(const Image& image, std::vector<iovec>& buffers) const {
  if (image.framing_bytes > 0) {
    buffers.push_back(to_buffer(image.framing.data(), image.framing_bytes));
  }
  for (const memory::Window& window : image.windows) {
    buffers.push_back(to_buffer(window.data(), window.size()));
  }
  if (image.trailer_bytes > 0) {
    const char* const trailer = image.framing.data() + image.framing_bytes - image.trailer_bytes;
    buffers.push_back(to_buffer(trailer, image.trailer_bytes));
  }
}

void Feed::trim() {
  while (first_ < log_.first() && !images_.empty()) {
    images_.pop_front();
    ++first_;
  }
  while (!seams_.empty() && seams_.front() < first_) seams_.pop_front();
  if (join_key_ && join_key_->first < first_) forget_join();
  compact();
  find_newest();  // the buffers may have moved, or there is none
}

// The array only grows at its end; what lies before the tail goes when it is more than half, so
// each entry moves about once.
void Feed::compact() {
  const std::uint64_t first_buffer =
      images_.empty() ? buffers_base_ + buffers_.size() : images_.front().first_buffer;
  const auto dropped = static_cast<std::size_t>(first_buffer - buffers_base_);
  if (dropped < 1024 || dropped < buffers_.size() / 2) return;
  buffers_.erase(buffers_.begin(), buffers_.begin() + static_cast<std::ptrdiff_t>(dropped));
  buffers_base_ = first_buffer;
}

Feed::Run Feed::run(std::uint64_t sequence, std::uint64_t limit) noexcept {
  const Run run = find_run(sequence, limit);
  return run.end - run.begin > 1 ? merge(run) : run;
}

// What was received at one stretch lies at one stretch, so the images of an interval are often one
// buffer: the kernel takes that in less time than many. Viewers of one phase of an interval ask for
// the same run, and find it put together.
const Feed::Run& Feed::merge(const Run& run) noexcept {
  if (merged_.begin == run.begin && merged_.end == run.end) return merged_;
  merged_buffers_.clear();
  for (const iovec& buffer : run.buffers) {
    if (!merged_buffers_.empty()) {
      iovec& last = merged_buffers_.back();
      if (static_cast<const char*>(last.iov_base) + last.iov_len == buffer.iov_base) {
        last.iov_len += buffer.iov_len;
        continue;
      }
    }
    merged_buffers_.push_back(buffer);
  }
  merged_ = run;
  merged_.buffers = merged_buffers_;
  return merged_;
}

Feed::Run Feed::find_run(std::uint64_t sequence, std::uint64_t limit) const noexcept {
  RELAY_ASSERT(sequence >= first_);
  const std::uint64_t images_end = first_ + images_.size();
  if (sequence >= images_end) return {{}, 0, sequence, sequence, {}};
  const std::uint64_t log_end = std::min(next_seam(sequence).value_or(images_end), limit);
  const Image& from = at(sequence);
  const auto first = static_cast<std::size_t>(from.first_buffer - buffers_base_);
  std::size_t count = buffers_.size() - first;
  std::size_t bytes = static_cast<std::size_t>(end_byte_ - from.first_byte);
  if (log_end == images_end && count <= buffers_max && bytes <= run_bytes_max) {
    return {std::span(buffers_).subspan(first, count), bytes, sequence, log_end,
            log_.at(sequence).received};
  }
  // A viewer far behind, or before a seam: whole chunks up to the bounds, one at least.
  std::uint64_t end = sequence + 1;
  const auto first_buffer = [&](std::uint64_t next) {
    return next < images_end ? at(next).first_buffer : buffers_base_ + buffers_.size();
  };
  const auto first_byte = [&](std::uint64_t next) {
    return next < images_end ? at(next).first_byte : end_byte_;
  };
  const auto fits = [&](std::uint64_t next) {
    return next <= log_end && first_buffer(next) - from.first_buffer <= buffers_max &&
           first_byte(next) - from.first_byte <= run_bytes_max;
  };
  while (fits(end + 1)) ++end;
  count = static_cast<std::size_t>(first_buffer(end) - from.first_buffer);
  bytes = static_cast<std::size_t>(first_byte(end) - from.first_byte);
  return {std::span(buffers_).subspan(first, count), bytes, sequence, end,
          log_.at(sequence).received};
}

std::optional<std::uint64_t> Feed::next_seam(std::uint64_t sequence) const noexcept {
  const auto next = std::upper_bound(seams_.begin(), seams_.end(), sequence);
  return next == seams_.end() ? std::nullopt : std::optional(*next);
}

Feed::Cut Feed::locate(std::uint64_t sequence, std::size_t written) const noexcept {
  const std::uint64_t place = at(sequence).first_byte + written;
  const auto after = std::upper_bound(
      images_.begin() + static_cast<std::ptrdiff_t>(sequence - first_), images_.end(), place,
      [](std::uint64_t byte, const Image& image) { return byte < image.first_byte; });
  const auto cut = after - 1;
  return {first_ + static_cast<std::uint64_t>(cut - images_.begin()),
          static_cast<std::size_t>(place - cut->first_byte)};
}

ImageRest Feed::rest(std::uint64_t sequence, std::size_t skip) const {
  return rest_of(at(sequence), skip);
}

ImageRest Feed::rest_of(const Image& image, std::size_t skip) {
  ImageRest rest;
  std::string_view before(image.framing.data(), image.framing_bytes);
  if (skip < before.size()) rest.framing = before.substr(skip);
  skip -= std::min(skip, before.size());
  rest.windows = image.windows;
  const std::size_t dropped = std::min(skip, rest.windows.bytes());
  rest.windows.drop_front(dropped);
  if (image.trailer_bytes == 0) return rest;
  static constexpr std::array crlf{std::byte{'\r'}, std::byte{'\n'}};
  rest.windows.push_back(memory::Window::on_static(std::span(crlf).subspan(skip - dropped)));
  return rest;
}

std::span<const iovec> Feed::join(std::uint64_t sequence, JoinKind kind) {
  const auto key = std::pair(sequence, kind);
  if (join_key_ == key) return join_buffers_;
  forget_join();
  const Chunk& chunk = log_.at(sequence);
  if (chunk.join) {
    join_image_.windows = kind == JoinKind::start ? chunk.join->start : chunk.join->skip;
    frame(join_image_);
    append_buffers(join_image_, join_buffers_);
  }
  join_key_ = key;
  return join_buffers_;
}

// Its windows must not keep blocks that the log has let go.
void Feed::forget_join() noexcept {
  join_key_.reset();
  join_buffers_.clear();
  join_image_ = Image{};
}

ImageRest Feed::join_rest(std::size_t skip) const { return rest_of(join_image_, skip); }

Audience& Feed::audience(std::optional<base::Duration> flush_interval) {
  for (const auto& audience : audiences_) {
    if (audience->flush_interval() == flush_interval) return *audience;
  }
  return *audiences_.emplace_back(std::make_unique<Audience>(*this, fanout_, flush_interval));
}

bool Feed::drop_empty_audiences() {
  std::erase_if(audiences_, [this](const auto& audience) {
    if (!audience->empty()) return false;
    fanout_.forget(*audience);
    return true;
  });
  return audiences_.empty();
}

}  // namespace stream
