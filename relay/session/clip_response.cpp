#include "relay/session/clip_response.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "relay/base/assert.hpp"

namespace session {
namespace {

// Of the moov that the kernel does not take at once so much is copied at a time.
constexpr std::size_t text_bytes_max = 64 << 10;

std::size_t blocks_of_piece(std::size_t block_bytes) noexcept {
  return std::max<std::size_t>(ClipResponse::read_bytes_max / block_bytes, 1);
}

}  // namespace

const char* name_of(ClipEnd end) noexcept {
  constexpr const char* names[] = {"complete", "client", "stalled", "disk", "drain"};
  return names[static_cast<std::size_t>(end)];
}

/// Fills blocks with the next piece of the content.
class ClipResponse::Read final : public loop::Lane::Job {
 public:
  explicit Read(ClipResponse& owner)
      : events_(owner.events_), id_(owner.id_), offset_(owner.read_) {}

  /// False: there is no block.
  bool take_block(memory::BlockPool& pool, std::size_t bytes) {
    const auto hold = pool.take();
    if (!hold) return false;
    const std::span out(pool.arena().block((*hold)->index), bytes);
    spans_.push_back(out);
    windows_.push_back(memory::Window(*hold, out));
    memory::BlockPool::release(*hold);
    return true;
  }
  void set_source(std::unique_ptr<disk::ClipSource> source) noexcept {
    source_ = std::move(source);
  }

  void run() noexcept override {
    for (const std::span<std::byte> out : spans_) {
      result_ = source_->read(offset_, out);
      if (!result_) return;
      offset_ += out.size();
    }
  }
  void done() noexcept override {
    ClipResponse* owner = events_.find_clip(id_);
    if (owner == nullptr) return;
    owner->on_piece(std::move(source_), std::move(windows_), result_);
  }

 private:
  Events& events_;
  const std::uint64_t id_;
  std::uint64_t offset_;
  std::unique_ptr<disk::ClipSource> source_;
  std::vector<std::span<std::byte>> spans_;
  memory::WindowList windows_;
  base::Result<void> result_;
};

std::uint64_t ClipResponse::arena_bytes(const memory::Arena& arena) noexcept {
  return pieces_max * blocks_of_piece(arena.block_bytes()) * arena.block_bytes();
}

ClipResponse::ClipResponse(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                           loop::Lane& lane, const std::filesystem::path& root,
                           std::unique_ptr<loop::Tcp> tcp, Events& events, Request request,
                           disk::ClipTable::Share share)
    : id_(id),
      worker_(worker),
      pool_(pool),
      lane_(lane),
      root_(root),
      events_(events),
      tcp_(std::move(tcp)),
      request_(std::move(request)),
      share_(std::move(share)),
      source_(std::make_unique<disk::ClipSource>(root_, request_.plan)),
      sent_(request_.first),
      read_(std::max(request_.first, moov_end()) - moov_end()),
      content_begin_(read_),
      content_end_(std::max(end(), moov_end()) - moov_end()),
      started_(base::monotonic_now()),
      last_progress_(started_) {
  RELAY_ASSERT(end() <= request_.plan->bytes());
  tcp_->set_events(this);
}

ClipResponse::~ClipResponse() = default;

void ClipResponse::start() noexcept {
  tcp_->start_reading();
  go_on();
}

// Sends until the kernel takes no more, the turn is over or the disk is waited for.
void ClipResponse::go_on() noexcept {
  const std::uint64_t turn_begin = sent_;
  while (!is_over_ && !tcp_->is_writing()) {
    read_ahead();
    if (!request_.head.empty()) {
      if (!send_head()) return;
    } else if (sent_ == end()) {
      return finish();
    } else if (sent_ - turn_begin >= turn_bytes_max) {
      // The loop comes back: libuv writes nothing at once while others wait.
      return worker_.mailbox().post_action([&events = events_, id = id_]() noexcept {
        if (ClipResponse* response = events.find_clip(id)) response->go_on();
      });
    } else if (sent_ < moov_end()) {
      if (!send_moov()) return;
    } else if (!send_content()) {
      return;
    }
  }
}

bool ClipResponse::send_head() noexcept {
  std::size_t written = 0;
  const bool goes_on = write_text(request_.head, written);
  request_.head.erase(0, written);
  return goes_on;
}

bool ClipResponse::send_moov() noexcept {
  const auto part = std::span(request_.plan->head)
                        .first(static_cast<std::size_t>(std::min(end(), moov_end())))
                        .subspan(static_cast<std::size_t>(sent_));
  const std::string_view text(reinterpret_cast<const char*>(part.data()),
                              std::min(part.size(), turn_bytes_max));
  std::size_t written = 0;
  const bool goes_on = write_text(text, written);
  sent_ += written;
  return goes_on;
}

// False: nothing more can be sent now. What the kernel does not take is copied, up to a bound:
// nothing else keeps it. `written` counts both.
bool ClipResponse::write_text(std::string_view text, std::size_t& written) noexcept {
  const iovec buffer{const_cast<char*>(text.data()), text.size()};
  const auto taken = tcp_->try_write({&buffer, 1});
  if (taken.is_broken()) {
    close(ClipEnd::client);
    return false;
  }
  if (taken.bytes > 0) last_progress_ = base::monotonic_now();
  written = taken.bytes;
  if (written == text.size()) return true;
  std::string rest(text.substr(written, text_bytes_max));
  written += rest.size();
  tcp_->write(std::move(rest));
  return false;
}

bool ClipResponse::send_content() noexcept {
  if (ready_.empty()) {
    if (next_.empty()) return false;  // the disk's turn
    ready_ = std::move(next_);
  }
  std::array<iovec, 64> buffers;
  std::size_t count = 0;
  for (const memory::Window& window : ready_) {
    if (count == buffers.size()) break;
    buffers[count++] = {const_cast<std::byte*>(window.data()), window.size()};
  }
  const auto taken = tcp_->try_write({buffers.data(), count});
  if (taken.is_broken()) {
    close(ClipEnd::client);
    return false;
  }
  if (taken.bytes > 0) last_progress_ = base::monotonic_now();
  sent_ += taken.bytes;
  ready_.drop_front(taken.bytes);
  if (ready_.empty()) return true;
  sent_ += ready_.bytes();
  tcp_->write({}, std::move(ready_));
  return false;
}

// While two pieces are on their way, or the next is being read, nothing is.
void ClipResponse::read_ahead() noexcept {
  const std::size_t pieces = (tcp_->writing().empty() ? 0U : 1U) + (ready_.empty() ? 0U : 1U);
  if (!source_ || !next_.empty() || pieces >= pieces_max || read_ == content_end_) return;
  const std::size_t block_bytes = pool_.arena().block_bytes();
  auto read = std::make_unique<Read>(*this);
  std::uint64_t offset = read_;
  for (std::size_t left = blocks_of_piece(block_bytes); left > 0 && offset < content_end_; --left) {
    const auto bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, content_end_ - offset));
    if (!read->take_block(pool_, bytes)) break;
    offset += bytes;
  }
  // Where there is no block, or too many wait for the disk, it is tried again later.
  if (offset == read_) return;
  read->set_source(std::move(source_));
  if (lane_.submit(worker_, std::move(read))) {
    read_ = offset;
  } else {
    source_ = std::make_unique<disk::ClipSource>(root_, request_.plan);
  }
}

void ClipResponse::on_piece(std::unique_ptr<disk::ClipSource> source, memory::WindowList piece,
                            base::Result<void> result) noexcept {
  if (is_over_) return;
  source_ = std::move(source);
  if (!result) {
    failure_ = result.error();
    return cut_off(ClipEnd::disk);
  }
  last_progress_ = base::monotonic_now();
  next_ = std::move(piece);
  go_on();
}

void ClipResponse::finish() noexcept {
  can_go_on_ = request_.keep_alive && !peer_ended_ && !is_draining_;
  close(ClipEnd::complete);
}

std::span<std::byte> ClipResponse::read_space() noexcept { return worker_.read_buffer(); }

void ClipResponse::on_read(std::span<std::byte> bytes) noexcept {
  std::string& received = request_.received;
  const std::size_t room = received_bytes_max - std::min(received.size(), received_bytes_max);
  received.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
  if (bytes.size() >= room) tcp_->stop_reading();
}

void ClipResponse::on_read_end(base::Error error) noexcept {
  peer_ended_ = true;  // it may have closed its side only: it is still served
  if (error) close(ClipEnd::client);
}

void ClipResponse::on_written(base::Error error) noexcept {
  if (error) return close(ClipEnd::client);
  last_progress_ = base::monotonic_now();
  go_on();
}

void ClipResponse::on_time(base::Time now) noexcept {
  if (is_over_) return;
  if (peer_ended_ && tcp_->take_socket_error() != 0) return close(ClipEnd::client);
  const std::size_t unwritten = tcp_->unwritten_bytes();
  if (std::exchange(unwritten_bytes_, unwritten) != unwritten) last_progress_ = now;
  const bool waits_for_client = tcp_->is_writing();
  if (is_draining_ && waits_for_client && now - last_progress_ >= drain_wait) {
    return cut_off(ClipEnd::drain);
  }
  if (now - last_progress_ >= request_.stall_timeout) {
    return cut_off(waits_for_client ? ClipEnd::stalled : ClipEnd::disk);
  }
  if (!waits_for_client) go_on();
}

void ClipResponse::drain() noexcept { is_draining_ = true; }

void ClipResponse::cut_off(ClipEnd end) noexcept {
  if (is_over_) return;
  tcp_->reset_on_close();
  close(end);
}

void ClipResponse::close(ClipEnd end) noexcept {
  if (std::exchange(is_over_, true)) return;
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  events_.on_clip_end(*this, end);
}

}  // namespace session
