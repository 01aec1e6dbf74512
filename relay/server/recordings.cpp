#include "relay/server/recordings.hpp"

namespace server {
namespace {

// What a crash loses of the catalog, and what others that read it do not see yet.
constexpr std::chrono::milliseconds tick{1'000};
constexpr base::Duration keep_interval = std::chrono::seconds(5);
// Jobs of the lane that are recovery's: recorders must not wait long behind them.
constexpr unsigned recovering_max = 2;

}  // namespace

/// One piece of recovery, and then the next.
struct Recordings::Piece final : loop::Lane::Job {
  explicit Piece(Recordings& of) : owner(of) {}
  void run() noexcept override { was_there = owner.recovery_.run_next(); }
  void done() noexcept override {
    --owner.recovering_;
    if (!was_there) owner.is_recovered_ = true;
    owner.recover();
  }

  Recordings& owner;
  bool was_there = false;
};

Recordings::Recordings(loop::Worker& worker, disk::Store& store, const control::Config& config)
    : worker_(worker),
      store_(store),
      recovery_(store),
      keeper_(
          store,
          [&config](const std::string& stream) { return config.for_path(stream).recording.keep; }),
      timer_(worker, loop::bind<&Recordings::on_tick>(this)) {
  recovery_.begin();
  timer_.wake_at(base::monotonic_now());
}

void Recordings::stop() noexcept {
  is_stopped_ = true;
  recovery_.stop();
  timer_.stop();
}

void Recordings::on_tick() noexcept {
  const base::Time now = base::monotonic_now();
  timer_.wake_at(now + tick);
  recover();
  commit();
  if (!is_keeping_ && now >= keep_due_) keep(now);
}

void Recordings::recover() noexcept {
  while (!is_stopped_ && !is_recovered_ && recovering_ < recovering_max) {
    if (!store_.write_lane().submit(worker_, std::make_unique<Piece>(*this))) return;
    ++recovering_;
  }
}

void Recordings::commit() noexcept {
  if (is_committing_) return;
  is_committing_ = store_.write_lane().submit_work(
      worker_, [this]() noexcept { committed_ = store_.catalog().commit(); },
      [this]() noexcept {
        is_committing_ = false;
        if (!committed_ && !is_commit_failing_) {
          store_.log().warning("the catalog of recordings cannot be written",
                               {{"root", store_.root().string()},
                                {"error", committed_.error().message()},
                                {"detail", "it is tried again"}});
        }
        is_commit_failing_ = !committed_;
      });
}

void Recordings::keep(base::Time now) noexcept {
  keep_due_ = now + keep_interval;
  is_keeping_ = store_.write_lane().submit_work(
      worker_, [this]() noexcept { has_more_to_remove_ = keeper_.run(base::utc_now()); },
      [this]() noexcept {
        is_keeping_ = false;
        if (has_more_to_remove_ && !is_stopped_) keep(base::monotonic_now());
      });
}

}  // namespace server
