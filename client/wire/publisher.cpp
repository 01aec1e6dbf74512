#include "client/wire/publisher.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>

#include "client/wire/link.hpp"
#include "client/wire/spill_file.hpp"
#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/parcel.hpp"
#include "relay/protocol/wire/camera.hpp"
#include "relay/protocol/wire/reader.hpp"

namespace client {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
// Beyond what the keep may have: a chunk that comes before the oldest goes, one that is being sent,
// and the blocks that either thread has ready. A larger chunk than fits here is refused.
constexpr std::size_t spare_bytes = 16 * 1024 * 1024;
// What a relay says to a publisher is small.
constexpr std::size_t received_bytes_max = wire::length_bytes_max + wire::envelope_bytes_max;
constexpr std::size_t receive_arena_bytes = 16 * block_bytes;
// Chunks on their way to the network thread.
constexpr std::uint32_t waiting_max = 1024;

std::uint64_t make_epoch() {
  std::random_device device;
  std::uint64_t epoch = 0;
  while (epoch == 0) epoch = std::uint64_t{device()} << 32 | device();
  return epoch;
}

// A frame's payload on its way to the network thread, where it is opened.
struct Parceled {
  media::Sample sample;  // without payload
  std::vector<memory::Parcel> payload;
};

struct Batch {
  base::Utc utc{};
  bool sync = false;
  std::vector<Parceled> frames;
};

}  // namespace

class Publisher::Impl final : private Link::Events {
 public:
  Impl(Settings settings, Publisher::Events& events)
      : events_(events),
        arena_(settings.keep.bytes + spare_bytes, block_bytes),
        pool_(arena_),
        receive_arena_(receive_arena_bytes, block_bytes),
        receive_pool_(receive_arena_),
        spill_(settings.spill_folder.empty()
                   ? nullptr
                   : std::make_unique<SpillFile>(
                         settings.spill_folder, settings.spill_bytes,
                         [&events](const std::string& text) { events.on_spill_error(text); })),
        camera_({{}, settings.keep}, make_epoch(), spill_.get()),
        copy_pool_(arena_),
        writer_(copy_pool_),
        link_(receive_pool_, {{settings.url, received_bytes_max, settings.idle}, settings.backoff},
              *this) {
    link_.start();
  }

  void set_tracks(std::vector<wire::Track> tracks);
  bool add(base::Utc utc, bool sync, std::span<const Frame> frames);
  void skip();
  void finish();
  Stats stats() const;

 private:
  void on_open(const std::string& address) override;
  void on_message(memory::WindowList message) override;
  void on_room() override { pump(); }
  void on_lost(const std::string& reason, base::Duration retry_in) override;
  void on_end(const Ending& ending) override;

  bool fits(std::span<const Frame> frames) const noexcept;
  bool copy(std::span<const Frame> frames, std::vector<Parceled>& out);
  void take(Batch batch);
  void pump();
  void follow_camera();

  Publisher::Events& events_;
  memory::Arena arena_;

  // Of the network thread.
  memory::BlockPool pool_;
  memory::Arena receive_arena_;
  memory::BlockPool receive_pool_;
  std::unique_ptr<SpillFile> spill_;
  wire::Camera camera_;
  bool was_welcome_ = false;

  // Of whoever adds, one at a time.
  mutable std::mutex adding_;
  memory::BlockPool copy_pool_;
  memory::BlockWriter writer_;
  base::Utc last_utc_{};
  bool needs_sync_ = true;
  bool has_tracks_ = false;
  std::uint64_t chunks_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t refused_ = 0;

  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<bool> has_ended_{false};
  mutable std::mutex stats_lock_;
  Stats stats_;  // what the network thread knows

  Link link_;  // last: its thread ends first
};

void Publisher::Impl::set_tracks(std::vector<wire::Track> tracks) {
  RELAY_ASSERT(tracks.size() <= wire::tracks_max);
  const std::lock_guard lock(adding_);
  has_tracks_ = true;
  boost::asio::post(link_.context(), [this, moved = std::move(tracks)]() mutable {
    camera_.set_tracks(std::move(moved));
  });
}

bool Publisher::Impl::fits(std::span<const Frame> frames) const noexcept {
  if (frames.empty() || frames.size() > wire::samples_max) return false;
  std::size_t bytes = 0;
  for (const Frame& frame : frames) {
    if (frame.payload.empty() || frame.track >= wire::tracks_max) return false;
    bytes += frame.payload.size();
  }
  return bytes <= wire::payload_bytes_max;
}

bool Publisher::Impl::copy(std::span<const Frame> frames, std::vector<Parceled>& out) {
  for (const Frame& frame : frames) {
    Parceled& parceled = out.emplace_back();
    parceled.sample.track = static_cast<std::uint8_t>(frame.track);
    parceled.sample.sync = frame.sync;
    parceled.sample.dts = frame.dts;
    parceled.sample.pts = frame.pts;
    parceled.sample.duration = frame.duration;
    for (auto left = frame.payload; !left.empty();) {
      const auto space = writer_.space(1);
      if (!space) return false;
      const auto place = space->first(std::min(space->size(), left.size()));
      std::ranges::copy(left.first(place.size()), place.begin());
      writer_.advance(place.size());
      parceled.payload.emplace_back(writer_.window(place));
      left = left.subspan(place.size());
    }
  }
  return true;
}

bool Publisher::Impl::add(base::Utc utc, bool sync, std::span<const Frame> frames) {
  const std::lock_guard lock(adding_);
  RELAY_ASSERT(has_tracks_);
  if (has_ended_) return false;
  Batch batch;
  // It never goes back within an epoch, whatever the clock of this machine does.
  batch.utc = last_utc_ = std::max(utc, last_utc_);
  batch.sync = sync;
  const bool is_taken = (sync || !needs_sync_) && waiting_ < waiting_max && fits(frames) &&
                        copy(frames, batch.frames);
  needs_sync_ = !is_taken;
  if (!is_taken) {
    ++refused_;
    return false;
  }
  ++chunks_;
  for (const Frame& frame : frames) bytes_ += frame.payload.size();
  ++waiting_;
  boost::asio::post(link_.context(), [this, moved = std::move(batch)]() mutable {
    --waiting_;
    take(std::move(moved));
  });
  return true;
}

void Publisher::Impl::take(Batch batch) {
  wire::Camera::Content content;
  content.utc = batch.utc;
  content.sync = batch.sync;
  for (Parceled& frame : batch.frames) {
    for (memory::Parcel& parcel : frame.payload) {
      frame.sample.payload.push_back(parcel.open(pool_));
    }
    content.samples.push_back(std::move(frame.sample));
  }
  const auto position = camera_.add(std::move(content), base::monotonic_now());
  RELAY_ASSERT(position.has_value());  // add() has looked at the limits
  pump();
}

void Publisher::Impl::skip() {
  const std::lock_guard lock(adding_);
  needs_sync_ = true;
  boost::asio::post(link_.context(), [this] { camera_.skip(); });
}

void Publisher::Impl::finish() {
  boost::asio::post(link_.context(), [this] {
    camera_.finish();
    pump();
  });
}

void Publisher::Impl::on_open(const std::string& address) {
  camera_.on_connected();
  events_.on_connected(address);
  pump();
}

void Publisher::Impl::on_message(memory::WindowList message) {
  const std::uint64_t acknowledged = camera_.acknowledged();
  camera_.on_message(wire::read_message(std::move(message)));
  if (camera_.is_welcome() && !was_welcome_) {
    was_welcome_ = true;
    events_.on_accepted();
  } else if (camera_.acknowledged() > acknowledged) {
    link_.succeed();  // not by a Welcome alone, which a Bye may follow
  }
  pump();
}

void Publisher::Impl::on_lost(const std::string& reason, base::Duration retry_in) {
  camera_.on_disconnected();
  was_welcome_ = false;
  follow_camera();
  events_.on_lost(reason, retry_in);
}

void Publisher::Impl::on_end(const Ending& ending) {
  has_ended_ = true;
  camera_.on_disconnected();
  was_welcome_ = false;
  follow_camera();
  events_.on_end(ending);
}

// One message at a time: what is not sent yet stays in the keep, and may be dropped from it. A
// camera that is welcome no more has only its farewell to say, which waits for no room.
void Publisher::Impl::pump() {
  while (link_.has_room() || (was_welcome_ && !camera_.is_welcome())) {
    auto output = camera_.poll();
    if (!output) break;
    if (auto* const send = std::get_if<wire::Send>(&*output)) {
      link_.send(std::move(send->message));
    } else {
      link_.close(std::get<wire::Close>(*output));
    }
  }
  was_welcome_ = camera_.is_welcome();
  follow_camera();
}

void Publisher::Impl::follow_camera() {
  const wire::Camera::Counters& counters = camera_.counters();
  const std::lock_guard lock(stats_lock_);
  // Numbers that were left out are no chunks.
  stats_.acknowledged = camera_.acknowledged() - std::min(counters.skipped, camera_.acknowledged());
  stats_.durable = camera_.durable();
  stats_.unsent = camera_.unsent();
  stats_.kept_bytes = camera_.kept_bytes();
  stats_.spilled = camera_.spilled();
  stats_.lost = counters.lost;
  stats_.repeated = counters.repeated;
  stats_.reconnects = counters.welcomes > 0 ? counters.welcomes - 1 : 0;
  stats_.connected = camera_.is_welcome();
}

Publisher::Stats Publisher::Impl::stats() const {
  Stats stats;
  {
    const std::lock_guard lock(stats_lock_);
    stats = stats_;
  }
  const std::lock_guard lock(adding_);
  stats.chunks = chunks_;
  stats.bytes = bytes_;
  stats.refused = refused_;
  return stats;
}

Publisher::Publisher(Settings settings, Events& events)
    : impl_(std::make_unique<Impl>(std::move(settings), events)) {}
Publisher::~Publisher() = default;
void Publisher::set_tracks(std::vector<wire::Track> tracks) {
  impl_->set_tracks(std::move(tracks));
}
bool Publisher::add(base::Utc utc, bool sync, std::span<const Frame> frames) {
  return impl_->add(utc, sync, frames);
}
void Publisher::skip() { impl_->skip(); }
void Publisher::finish() { impl_->finish(); }
Publisher::Stats Publisher::stats() const { return impl_->stats(); }

}  // namespace client
