#include "relay/stream/relief.hpp"

#include <algorithm>
#include <utility>

namespace stream {
namespace {

constexpr unsigned first_worker = 0;

}  // namespace

template <class Action>
void Relief::post_all(Action action) {
  for (const Peer& peer : peers_) {
    peer.mailbox->post_action([there = peer.relief, action]() noexcept { action(*there); });
  }
}

// Every worker answers for itself, and `use(worker, answer)` takes each answer on the first one.
template <class Answer, class Use>
void Relief::survey(Answer answer, Use use) {
  post_all([this, answer, use](Relief& there) noexcept {
    post(first_worker,
         [this, use, worker = there.worker_, said = answer(there)]() mutable noexcept {
           use(*this, worker, std::move(said));
         });
  });
}

void Relief::ask() noexcept {
  if (std::exchange(asked_, true)) return;
  Relief* first = peers_[first_worker].relief;
  post(first_worker, [first]() noexcept { first->on_asked(); });
}

void Relief::on_asked() noexcept {
  const base::Time now = base::monotonic_now();
  last_asked_ = now;
  if (!began_) {
    began_ = now;
    post_all([](Relief& there) noexcept { ++there.episode_; });
    host_.on_pressure_begin();
  }
  if (round_) return;  // its answer goes to everybody
  if (now < fruitless_until_) return answer(false);
  begin_round();
}

void Relief::begin_round() noexcept {
  Round round;
  round.tails.resize(peers_.size());
  round.pinned.resize(peers_.size());
  round_ = std::move(round);
  survey(
      [](Relief& there) {
        // What one worker keeps ready another one needs.
        there.pool_.give_back_ready();
        return there.host_.survey_tails();
      },
      [](Relief& self, unsigned worker, TailSurvey said) {
        self.round_->tails[worker] = said;
        if (self.is_answered()) self.on_tails();
      });
}

void Relief::on_tails() noexcept {
  const auto done = [this]() noexcept { finish(true); };
  if (std::ranges::any_of(round_->tails, &TailSurvey::has_past)) {
    return survey(
        [](Relief& there) {
          there.host_.drop_past();
          return true;
        },
        [](Relief& self, unsigned, bool) {
          if (self.is_answered()) self.finish(true);
        });
  }
  if (const auto largest = choose_tail(round_->tails)) {
    post(*largest, [this, there = peers_[*largest].relief, done]() noexcept {
      there->host_.trim_largest_tail();
      post(first_worker, done);
    });
    return;
  }
  for (unsigned worker = 0; worker < peers_.size(); ++worker) {
    if (!round_->tails[worker].has_ended) continue;
    post(worker, [this, there = peers_[worker].relief, done]() noexcept {
      there->host_.drop_ended();
      post(first_worker, done);
    });
    return;
  }
  survey([](Relief& there) { return there.host_.pinned_blocks(); },
         [](Relief& self, unsigned worker, std::vector<PinnedBlock> said) {
           self.round_->pinned[worker] = std::move(said);
           if (self.is_answered()) self.on_pinned();
         });
}

void Relief::on_pinned() noexcept {
  const memory::Arena& arena = pool_.arena();
  auto blocks = choose_pinned(arena, round_->pinned, reserved_blocks(arena.block_count()));
  if (blocks.empty()) return finish(false);
  survey(
      [blocks = std::move(blocks)](Relief& there) {
        there.host_.close_pinned(blocks);
        return true;
      },
      [](Relief& self, unsigned, bool) {
        if (!self.is_answered()) return;
        // A closed connection gives its windows back at the end of its worker's turn: one more turn
        // of everybody, or the next round would find nothing.
        self.survey([](Relief&) { return true; },
                    [](Relief& first, unsigned, bool) {
                      if (first.is_answered()) first.finish(true);
                    });
      });
}

void Relief::finish(bool freed) noexcept {
  round_.reset();
  if (!freed) fruitless_until_ = base::monotonic_now() + fruitless_time;
  answer(freed);
}

void Relief::answer(bool freed) noexcept {
  post_all([freed](Relief& there) noexcept {
    there.asked_ = false;
    there.host_.on_relief(freed);
  });
}

void Relief::on_stopped(PressureStep step) noexcept {
  Relief* first = peers_[first_worker].relief;
  post(first_worker, [first, step]() noexcept { first->on_step(step); });
}

void Relief::on_step(PressureStep step) noexcept {
  last_stopped_ = base::monotonic_now();
  if (step == PressureStep::drop && !refusing_) set_refusing(true);
}

void Relief::set_refusing(bool refusing) noexcept {
  refusing_ = refusing;
  post_all([refusing](Relief& there) noexcept { there.refusing_ = refusing; });
}

void Relief::on_time(base::Time now) noexcept {
  if (worker_ != first_worker) return;
  if (refusing_ && now - last_stopped_ >= refuse_time) set_refusing(false);
  if (!began_ || refusing_ || now - last_asked_ < calm_time) return;
  host_.on_pressure_end(last_asked_ - *began_);
  began_.reset();
}

}  // namespace stream
