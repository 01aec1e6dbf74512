#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/protocol/wire/admission.hpp"
#include "relay/protocol/wire/camera.hpp"
#include "relay/protocol/wire/player.hpp"
#include "relay/protocol/wire/player_session.hpp"
#include "relay/protocol/wire/publisher_session.hpp"
#include "tests/unit/protocol/wire/messages.hpp"

namespace wire::test {

/// Both directions of a connection: what was sent and did not arrive yet. `rewrite` turns each
/// message into what goes over the link instead.
struct Link {
  using Rewrite = std::function<std::vector<std::string>(std::string)>;

  void push(std::deque<std::string>& queue, const Encoded& message) {
    if (!rewrite) return queue.push_back(flat(message));
    for (std::string& text : rewrite(flat(message))) queue.push_back(std::move(text));
  }
  void to_relay(const Encoded& message) { push(up, message); }
  void to_client(const Encoded& message) { push(down, message); }

  std::deque<std::string> up;
  std::deque<std::string> down;
  Rewrite rewrite;
};

/// A relay made of the halves under test and the simplest log that can be.
class Relay {
 public:
  struct Entry {
    Chunk chunk;
    Tracks tracks;
  };
  static constexpr std::chrono::seconds idle{5};
  static constexpr std::chrono::seconds grace{15};

  explicit Relay(Memory& memory) : memory_(memory) {}

  void on_publisher(Link& link, base::Time now) {
    // The connection of before may still be there, when only the camera knows that it is lost.
    replaced_ = std::move(publisher_);
    publisher_ = std::make_unique<PublisherSession>("live/cam", now);
    publisher_link_ = &link;
  }
  void lose_publisher() { publisher_.reset(); }
  void on_player(Link& link) {
    player_ = std::make_unique<PlayerSession>(grace);
    player_link_ = &link;
    next_.reset();
  }
  void lose_player() { player_.reset(); }
  /// As after kill -9.
  void restart() {
    publisher_.reset();
    replaced_.reset();
    player_.reset();
    incumbent_.reset();
    log.clear();
    end_.reset();
    tracks_ = {};
  }

  void receive_from_publisher(const std::string& text, base::Time now) {
    if (!publisher_) return;
    publisher_->on_message(read_message(memory_.put_cut(text, 29)), now);
    run_publisher(now);
  }
  void receive_from_player(const std::string& text, base::Time now) {
    if (!player_) return;
    player_->on_message(read_message(memory_.put_cut(text, 31)), now);
    run_player();
  }
  void on_time(base::Time now) {
    if (publisher_) publisher_->on_time(now);
    run_publisher(now);
    if (player_) player_->on_time(now);
    run_player();
  }

  std::vector<Entry> log;
  std::vector<Gap> gaps;        ///< that publishers told
  std::vector<ByeReason> byes;  ///< that were said to publishers
  std::uint64_t replacements = 0;
  bool publisher_ended = false;

 private:
  void run_publisher(base::Time now) {
    while (publisher_) {
      auto output = publisher_->poll();
      if (!output) break;
      if (const auto* send = std::get_if<Send>(&*output)) publisher_link_->to_client(send->message);
      if (const auto* join = std::get_if<PublisherSession::Join>(&*output)) answer(*join, now);
      if (auto* announce = std::get_if<PublisherSession::Announce>(&*output)) {
        tracks_ = std::move(announce->tracks);
      }
      if (auto* append = std::get_if<PublisherSession::Append>(&*output)) {
        end_ = append->chunk.position.next();
        log.push_back({std::move(append->chunk), tracks_});
      }
      if (const auto* lose = std::get_if<PublisherSession::Lose>(&*output)) {
        gaps.push_back(lose->gap);
        end_ = lose->gap.to;
      }
      if (const auto* close = std::get_if<Close>(&*output)) {
        if (close->by_peer) publisher_ended = true;
        if (!close->by_peer) byes.push_back(close->reason);
        publisher_.reset();
      } else if (publisher_->is_accepted()) {
        incumbent_ = Incumbent{publisher_->token(), publisher_->last_message(), true};
      }
    }
    serve();
  }

  void answer(const PublisherSession::Join& join, base::Time now) {
    if (incumbent_ && !replaced_) incumbent_->connected = false;
    const Decision decision = admit(join.hello.token, incumbent_, idle, now);
    if (decision.admission == Admission::in_use) {
      return publisher_->refuse(ByeReason::in_use, decision.retry_after);
    }
    if (decision.admission == Admission::replace && replaced_) {
      replaced_->bye(ByeReason::replaced);
      ++replacements;
    }
    replaced_.reset();
    std::optional<Kept> kept;
    if (end_) kept = Kept{*end_, end_->sequence};
    publisher_->accept(join.hello.token.empty() ? "token " + std::to_string(++tokens_) : "", kept);
  }

  void run_player() {
    while (player_) {
      auto output = player_->poll();
      if (!output) break;
      if (const auto* send = std::get_if<Send>(&*output)) player_link_->to_client(send->message);
      if (const auto* find = std::get_if<PlayerSession::Find>(&*output)) {
        next_.reset();
        wanted_ = find->start;
      }
      if (std::holds_alternative<Close>(*output)) player_.reset();
    }
    serve();
  }

  // Where in the log a player begins; nothing: not there yet.
  std::optional<std::size_t> find() const {
    const auto* const cursor = std::get_if<Position>(&wanted_);
    if (cursor != nullptr) {
      bool knows_epoch = false;
      for (std::size_t index = 0; index < log.size(); ++index) {
        const Position position = log[index].chunk.position;
        knows_epoch = knows_epoch || position.epoch == cursor->epoch;
        if (position.epoch == cursor->epoch && position.sequence >= cursor->sequence) return index;
        if (knows_epoch && position.epoch != cursor->epoch) return index;  // it ended before
      }
      if (knows_epoch) return std::nullopt;
    }
    for (std::size_t index = log.size(); index-- > 0;) {
      if (log[index].chunk.sync) return index;
    }
    return std::nullopt;
  }

  void serve() {
    if (!player_ || player_->is_closed() || player_->is_paused()) return;
    if (!next_ && player_->deadline()) {
      next_ = find();
      if (!next_) return;
      const Entry& entry = log[*next_];
      const auto* const cursor = std::get_if<Position>(&wanted_);
      const bool same = cursor != nullptr && cursor->epoch == entry.chunk.position.epoch;
      expected_ = entry.chunk.position;
      announced_ = entry.tracks;
      player_->found({entry.chunk.position, entry.tracks, entry.chunk.utc,
                      same ? GapReason::tail : GapReason::publisher},
                     utc_of(0), "viewer");
    }
    while (next_ && *next_ < log.size()) send_chunk(log[(*next_)++]);
    while (auto output = player_->poll()) player_link_->to_client(std::get<Send>(*output).message);
  }

  // What a feed makes once for everybody.
  void send_chunk(const Entry& entry) {
    const Position position = entry.chunk.position;
    if (position != expected_) {
      const bool same = position.epoch == expected_.epoch;
      player_->gap({expected_,
                    position,
                    {},
                    entry.chunk.utc,
                    same ? GapReason::lost : GapReason::publisher});
      if (!same) announced_ = {};
    }
    if (entry.tracks != announced_) player_->tracks(announced_ = entry.tracks);
    while (auto output = player_->poll()) player_link_->to_client(std::get<Send>(*output).message);
    player_link_->to_client(write_message(entry.chunk));
    expected_ = position.next();
  }

  Memory& memory_;
  std::unique_ptr<PublisherSession> publisher_;
  std::unique_ptr<PublisherSession> replaced_;
  std::unique_ptr<PlayerSession> player_;
  Link* publisher_link_ = nullptr;
  Link* player_link_ = nullptr;
  std::optional<Incumbent> incumbent_;
  std::optional<Position> end_;
  Tracks tracks_;
  Tracks announced_;
  Position expected_;
  Start wanted_;
  std::optional<std::size_t> next_;
  std::uint64_t tokens_ = 0;
};

/// A camera, a relay and a player whose links can be cut after any number of deliveries.
class World {
 public:
  enum class Fault { none, cut_camera, half_open_camera, cut_player, kill_relay };

  World() { new_camera(epoch); }

  void new_camera(std::uint64_t camera_epoch) {
    camera = std::make_unique<Camera>(Camera::Settings{"live/cam", {}}, camera_epoch);
    camera->set_tracks(make_tracks().tracks);
    is_up = false;
  }

  /// One more chunk, every fourth sync; the tracks change with the tenth.
  void add() {
    const std::uint64_t sequence = camera->end().sequence;
    const bool sync = sequence % 4 == 0;
    if (sequence == 10) camera->set_tracks(make_tracks(2).tracks);
    auto samples = make_samples(memory, sequence, sync);
    REQUIRE(camera->add({utc_of(sequence), sync, 0, 0, 0, std::move(samples)}, now).has_value());
  }

  /// A turn: whoever is away connects, each side sends, at most `width` messages arrive a way.
  void turn(std::size_t width = 2) {
    now += std::chrono::milliseconds(20);
    connect();
    run_camera();
    run_player();
    relay.on_time(now);
    for (std::size_t message = 0; message < width; ++message) {
      deliver(camera_link.up,
              [this](const std::string& m) { relay.receive_from_publisher(m, now); });
      deliver(camera_link.down, [this](const std::string& m) {
        camera->on_message(read_message(memory.put_cut(m, 17)));
        run_camera();
      });
      deliver(player_link.up, [this](const std::string& m) { relay.receive_from_player(m, now); });
      deliver(player_link.down, [this](const std::string& m) {
        player.on_message(read_message(memory.put_cut(m, 23)));
        run_player();
      });
    }
  }

  /// `count` chunks, one a turn, with the fault after `at` deliveries and again `again` later; then
  /// until everything has arrived. False: it never did.
  bool run(std::uint64_t count, Fault fault = Fault::none, std::size_t at = 0,
           std::size_t again = static_cast<std::size_t>(-1)) {
    fault_ = fault;
    fault_at_ = at;
    fault_again_ = again;
    for (std::uint64_t chunk = 0; chunk < count; ++chunk) {
      add();
      turn();
    }
    camera->finish();
    for (int turns = 0; turns < 2'000; ++turns) {
      if (camera_ended && player.cursor() == camera->end()) return true;
      turn();
    }
    return false;
  }

  Memory memory;
  base::Time now{std::chrono::hours(1)};
  Relay relay{memory};
  std::unique_ptr<Camera> camera;
  Player player{Player::Settings{}};
  Link camera_link;
  Link player_link;
  bool is_up = false;        ///< the camera is connected
  bool is_watching = false;  ///< the player is
  bool camera_ended = false;
  std::size_t deliveries = 0;
  std::vector<std::string> delivered;  ///< payload by payload
  std::vector<Position> positions;
  std::vector<Gap> gaps;

 private:
  void connect() {
    if (!is_up && !camera_ended) {
      clear(camera_link);
      camera->on_connected();
      relay.on_publisher(camera_link, now);
      is_up = true;
    }
    if (!is_watching) {
      clear(player_link);
      player.on_connected();
      relay.on_player(player_link);
      is_watching = true;
    }
  }

  static void clear(Link& link) {
    link.up.clear();
    link.down.clear();
  }

  template <class Receive>
  void deliver(std::deque<std::string>& queue, Receive&& receive) {
    if (queue.empty()) return;
    const std::string message = std::move(queue.front());
    queue.pop_front();
    receive(message);
    ++deliveries;
    if (deliveries == fault_at_ || deliveries == fault_at_ + fault_again_) happen();
  }

  void happen() {
    if (fault_ == Fault::kill_relay) relay.restart();
    if (fault_ == Fault::cut_camera) relay.lose_publisher();
    if (fault_ == Fault::cut_player) relay.lose_player();
    if (fault_ == Fault::cut_player || fault_ == Fault::kill_relay) {
      clear(player_link);
      player.on_disconnected();
      is_watching = false;
    }
    const bool of_camera = fault_ == Fault::cut_camera || fault_ == Fault::half_open_camera;
    if (of_camera || fault_ == Fault::kill_relay) {
      clear(camera_link);
      camera->on_disconnected();
      is_up = false;
    }
  }

  void run_camera() {
    while (auto output = camera->poll()) {
      if (const auto* send = std::get_if<Send>(&*output)) camera_link.to_relay(send->message);
      if (const auto* close = std::get_if<Close>(&*output)) {
        if (close->reason == ByeReason::ended && !close->by_peer) {
          camera_ended = true;
        } else {
          is_up = false;
          camera->on_disconnected();
        }
      }
    }
  }

  void run_player() {
    while (auto output = player.poll()) {
      if (const auto* send = std::get_if<Send>(&*output)) player_link.to_relay(send->message);
      if (const auto* deliver = std::get_if<Player::Deliver>(&*output)) {
        delivered.push_back(payload_of(deliver->chunk));
        positions.push_back(deliver->chunk.position);
      }
      if (const auto* lose = std::get_if<Player::Lose>(&*output)) gaps.push_back(lose->gap);
      if (std::holds_alternative<Close>(*output)) {
        player.on_disconnected();
        is_watching = false;
      }
    }
  }

  Fault fault_ = Fault::none;
  std::size_t fault_at_ = 0;
  std::size_t fault_again_ = 0;
};

}  // namespace wire::test
