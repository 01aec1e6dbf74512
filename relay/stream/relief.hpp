#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/loop/mailbox.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/stream/pressure.hpp"

namespace stream {

/// One worker's part in the answer to a full arena. Whoever needs a block asks; the first worker's
/// Relief then goes through the steps that free blocks (trim, pinned) over all workers, so that
/// their order and "the largest first" hold for the whole relay, and tells everybody whether
/// something was freed. One round frees a little: who still needs blocks asks again. What
/// publishers do when nothing can be freed is reported back, and while input is dropped nobody new
/// is let in.
class Relief {
 public:
  /// Nobody new is let in until no publisher was stopped for so long.
  static constexpr base::Duration refuse_time = std::chrono::seconds(2);
  /// The pressure is over when no block was asked for, for so long.
  static constexpr base::Duration calm_time = std::chrono::seconds(5);
  /// After a round that found nothing: how long that is taken for the answer.
  static constexpr base::Duration fruitless_time = std::chrono::milliseconds(10);

  /// What this worker can do; called on its thread.
  class Host {
   public:
    virtual ~Host() = default;
    virtual TailSurvey survey_tails() noexcept = 0;
    virtual void drop_past() noexcept {}
    virtual void trim_largest_tail() noexcept = 0;
    virtual void drop_ended() noexcept = 0;
    virtual std::vector<PinnedBlock> pinned_blocks() noexcept = 0;
    /// Closes the viewers whose unfinished writes hold one of these, and destroys them.
    virtual void close_pinned(const std::vector<memory::BlockIndex>& blocks) noexcept = 0;
    /// The answer to `ask()`, of this worker or of another.
    virtual void on_relief(bool freed) noexcept = 0;
    /// On the first worker.
    virtual void on_pressure_begin() noexcept = 0;
    virtual void on_pressure_end(base::Duration lasted) noexcept = 0;
  };

  /// The same object of every worker, by index; set before the loops run.
  struct Peer {
    loop::Mailbox* mailbox;
    Relief* relief;
  };

  Relief(unsigned worker, memory::BlockPool& pool, Host& host)
      : worker_(worker), pool_(pool), host_(host) {}
  void set_peers(std::vector<Peer> peers) { peers_ = std::move(peers); }

  /// A block is needed that is not there. `on_relief()` follows, on every worker.
  void ask() noexcept;
  /// A publisher was stopped, or its input is dropped.
  void on_stopped(PressureStep step) noexcept;
  /// Input is being dropped somewhere: the last step holds.
  bool is_refusing() const noexcept { return refusing_; }
  /// Counts the episodes of pressure, for what is to be said once in each.
  std::uint32_t episode() const noexcept { return episode_; }

  /// From time to time.
  void on_time(base::Time now) noexcept;

 private:
  struct Round {
    std::vector<TailSurvey> tails;
    std::vector<std::vector<PinnedBlock>> pinned;
    std::size_t answers = 0;
  };

  template <class Action>
  void post(unsigned worker, Action action) {
    peers_[worker].mailbox->post_action(std::move(action));
  }
  template <class Action>
  void post_all(Action action);
  template <class Answer, class Use>
  void survey(Answer answer, Use use);
  bool is_answered() noexcept { return ++round_->answers % peers_.size() == 0; }

  // On the first worker:
  void on_asked() noexcept;
  void begin_round() noexcept;
  void on_tails() noexcept;
  void on_pinned() noexcept;
  void finish(bool freed) noexcept;
  void answer(bool freed) noexcept;
  void on_step(PressureStep step) noexcept;
  void set_refusing(bool refusing) noexcept;

  const unsigned worker_;
  memory::BlockPool& pool_;
  Host& host_;
  std::vector<Peer> peers_;
  bool asked_ = false;
  bool refusing_ = false;
  std::uint32_t episode_ = 0;

  // Of the first worker:
  std::optional<Round> round_;
  std::optional<base::Time> began_;
  base::Time last_asked_{};
  base::Time last_stopped_{};
  base::Time fruitless_until_{};
};

}  // namespace stream
