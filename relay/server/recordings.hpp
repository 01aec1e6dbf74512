#pragma once

#include <memory>

#include "relay/control/config.hpp"
#include "relay/disk/keeper.hpp"
#include "relay/disk/recovery.hpp"
#include "relay/disk/store.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"

namespace server {

/// What is done with recordings besides writing and reading them, for the whole relay, by the first
/// worker: what a crash has left is made whole, the catalog is committed, and what is not to be
/// kept is removed. All of it in the lane `disk.write`.
class Recordings {
 public:
  /// Before the loops run. Blocks until it is known what all streams have recorded.
  Recordings(loop::Worker& worker, disk::Store& store, const control::Config& config);

  /// The loop ends soon: nothing is begun any more.
  void stop() noexcept;

 private:
  struct Piece;

  void on_tick() noexcept;
  void recover() noexcept;
  void commit() noexcept;
  void keep(base::Time now) noexcept;

  loop::Worker& worker_;
  disk::Store& store_;
  disk::Recovery recovery_;
  disk::Keeper keeper_;
  loop::Timer timer_;
  bool is_stopped_ = false;
  bool is_recovered_ = false;
  unsigned recovering_ = 0;  // jobs
  bool is_committing_ = false;
  base::Result<void> committed_;  // by the last job
  bool is_commit_failing_ = false;
  bool is_keeping_ = false;
  bool has_more_to_remove_ = false;  // so the last job said
  base::Time keep_due_{};
};

}  // namespace server
