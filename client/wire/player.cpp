#include "client/wire/player.hpp"

#include <future>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>

#include "client/wire/link.hpp"
#include "relay/memory/arena.hpp"
#include "relay/protocol/wire/reader.hpp"

namespace client {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
// A message as large as it can be, the begin of the next, and the blocks that the pool has ready.
constexpr std::size_t arena_bytes = wire::message_bytes_max + 32 * block_bytes;
// How long a Bye may take to leave.
constexpr std::chrono::milliseconds farewell{300};

}  // namespace

class Player::Impl final : private Link::Events {
 public:
  Impl(Settings settings, Player::Events& events)
      : events_(&events),
        arena_(arena_bytes, block_bytes),
        pool_(arena_),
        player_(std::move(settings.watch)),
        link_(pool_,
              {{std::move(settings.url), wire::message_bytes_max, settings.idle}, settings.backoff},
              *this) {
    link_.start();
  }
  ~Impl() override;

  /// Does it on the network thread, and what follows from it.
  template <class Task>
  void tell(Task task) {
    boost::asio::post(link_.context(), [this, task = std::move(task)]() mutable {
      task(player_);
      drain();
    });
  }
  void hold(bool is_held) {
    boost::asio::post(link_.context(), [this, is_held] { link_.hold(is_held); });
  }
  Stats stats() const {
    const std::lock_guard lock(stats_lock_);
    return stats_;
  }

 private:
  void on_open(const std::string& address) override;
  void on_message(memory::WindowList message) override;
  void on_room() override {}
  void on_lost(const std::string& reason, base::Duration retry_in) override;
  void on_end(const Ending& ending) override;

  void drain();
  void apply(wire::Player::Began& began);
  void apply(wire::Player::Announce& announce) { events_->on_tracks(announce.tracks); }
  void apply(wire::Player::Deliver& deliver);
  void apply(wire::Player::Lose& lose) { events_->on_gap(lose.gap); }
  void apply(wire::Send& send) { link_.send(std::move(send.message)); }
  void apply(wire::Close& close) { link_.close(close); }
  void follow_player();

  Player::Events* events_;  // null: it is being destroyed
  memory::Arena arena_;
  memory::BlockPool pool_;
  wire::Player player_;
  std::uint64_t answers_ = 0;  // connections on which the relay answered
  std::promise<void> ended_;
  mutable std::mutex stats_lock_;
  Stats stats_;
  Link link_;  // last: its thread ends first
};

// The relay hears why it is left, if that can be said at once.
Player::Impl::~Impl() {
  auto ended = ended_.get_future();
  boost::asio::post(link_.context(), [this] {
    events_ = nullptr;
    player_.leave();
    drain();
    link_.leave();
  });
  ended.wait_for(farewell);
  link_.stop();
}

void Player::Impl::on_open(const std::string& address) {
  if (events_ == nullptr) return;
  events_->on_connected(address);
  player_.on_connected();
  drain();
}

void Player::Impl::on_message(memory::WindowList message) {
  player_.on_message(wire::read_message(std::move(message)));
  drain();
}

void Player::Impl::on_lost(const std::string& reason, base::Duration retry_in) {
  player_.on_disconnected();
  follow_player();
  if (events_ != nullptr) events_->on_lost(reason, retry_in);
}

void Player::Impl::on_end(const Ending& ending) {
  player_.on_disconnected();
  follow_player();
  if (events_ != nullptr) events_->on_end(ending);
  ended_.set_value();
}

void Player::Impl::apply(wire::Player::Began& began) {
  ++answers_;
  events_->on_playing(began);
}

void Player::Impl::apply(wire::Player::Deliver& deliver) {
  link_.succeed();
  follow_player();
  events_->on_chunk(deliver.chunk);
}

void Player::Impl::drain() {
  while (auto output = player_.poll()) {
    const bool is_said =
        std::holds_alternative<wire::Send>(*output) || std::holds_alternative<wire::Close>(*output);
    if (events_ == nullptr && !is_said) continue;
    std::visit([this](auto& what) { apply(what); }, *output);
  }
  follow_player();
}

void Player::Impl::follow_player() {
  const std::lock_guard lock(stats_lock_);
  stats_.counters = player_.counters();
  stats_.reconnects = answers_ > 0 ? answers_ - 1 : 0;
  stats_.connected = player_.is_playing();
}

Player::Player(Settings settings, Events& events)
    : impl_(std::make_unique<Impl>(std::move(settings), events)) {}
Player::~Player() = default;
void Player::pause() {
  impl_->tell([](wire::Player& player) { player.pause(); });
}
void Player::resume() {
  impl_->tell([](wire::Player& player) { player.resume(); });
}
void Player::seek(wire::Start start) {
  impl_->tell([start](wire::Player& player) { player.seek(start); });
}
void Player::hold(bool is_held) { impl_->hold(is_held); }
Player::Stats Player::stats() const { return impl_->stats(); }

}  // namespace client
