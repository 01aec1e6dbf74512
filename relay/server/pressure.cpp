// What this worker does when the arena runs full; stream::Relief says when.

#include <algorithm>
#include <utility>

#include "relay/server/worker_server.hpp"

namespace server {

using stream::PressureStep;

memory::BlockIndex WorkerServer::share() const noexcept {
  return stream::share_of(shared_.arena.block_count(), shared_.directory.size());
}

bool WorkerServer::is_beyond_share(const stream::Home& home) const noexcept {
  return home.account()->blocks() >= share();
}

// Asked once a block. The last free ones are left to those within their share.
bool WorkerServer::may_take_block(session::Publisher& publisher) noexcept {
  const std::size_t free = pool_.free_count();
  if (free > stream::reserved_blocks(shared_.arena.block_count())) return true;
  relief_.ask();
  return free > 0 && !is_beyond_share(publisher.home());
}

stream::TailSurvey WorkerServer::survey_tails() noexcept {
  stream::TailSurvey survey = table_.survey_tails();
  survey.has_past = past_ && past_->holds_anything();
  return survey;
}

void WorkerServer::drop_past() noexcept {
  if (past_ && past_->let_go()) count(PressureStep::trim);
}

void WorkerServer::trim_largest_tail() noexcept {
  if (table_.trim_largest_tail()) count(PressureStep::trim);
}

void WorkerServer::drop_ended() noexcept {
  if (table_.drop_ended()) count(PressureStep::trim);
}

// A block is held by nothing but unfinished writes when they are as many as its holders here.
std::vector<stream::PinnedBlock> WorkerServer::pinned_blocks() noexcept {
  struct Pins {
    std::uint32_t writes = 0;
    base::Time blocked_since{};
  };
  std::unordered_map<const memory::BlockHold*, Pins> blocks;
  for (const auto& [id, one] : viewers_) {
    session::Viewer* const viewer = one.viewer.get();
    if (viewer->pinned_bytes() == 0) continue;
    for (const memory::Window& window : viewer->pinned()) {
      if (window.hold() == nullptr) continue;
      Pins& pins = blocks[window.hold()];
      ++pins.writes;
      pins.blocked_since = std::max(pins.blocked_since, viewer->blocked_since());
    }
  }
  std::vector<stream::PinnedBlock> pinned;
  for (const auto& [hold, pins] : blocks) {
    if (hold->count == pins.writes) pinned.push_back({hold->index, pins.blocked_since});
  }
  return pinned;
}

void WorkerServer::close_pinned(const std::vector<memory::BlockIndex>& blocks) noexcept {
  std::vector<memory::BlockIndex> sorted = blocks;
  std::ranges::sort(sorted);
  const auto is_wanted = [&sorted](const memory::Window& window) {
    return window.hold() != nullptr && std::ranges::binary_search(sorted, window.hold()->index);
  };
  for (const auto& [id, one] : viewers_) {
    session::Viewer* const viewer = one.viewer.get();
    if (viewer->pinned_bytes() == 0 || std::ranges::none_of(viewer->pinned(), is_wanted)) continue;
    viewer->end(session::ViewerEnd::pinned);
  }
  sweep();
}

void WorkerServer::on_relief(bool freed) noexcept {
  if (freed) {
    for (const auto& [id, publisher] : publishers_) publisher->on_freed();
    return;
  }
  for (const auto& [path, home] : table_.homes()) {
    const bool is_beyond = is_beyond_share(*home);
    if (home->publisher) {
      if (!publishers_.at(*home->publisher)->on_nothing_freed(is_beyond)) continue;
      count(PressureStep::pause);
      relief_.on_stopped(PressureStep::pause);
    } else if (is_beyond && home->stream().log().end() - home->stream().log().first() > 1) {
      // Nobody is there to be stopped, and what is left of its stream is beyond its share.
      home->let_tail_go();
      count(PressureStep::trim);
    }
  }
}

void WorkerServer::on_input_dropped(session::Publisher& publisher) noexcept {
  count(PressureStep::drop);
  relief_.on_stopped(PressureStep::drop);
  stream::Home& home = publisher.home();
  if (std::exchange(home.dropped_in, relief_.episode()) == relief_.episode()) return;
  shared_.log.warning("input dropped up to the next keyframe",
                      {{"stream", home.stream().path()},
                       {"peer", publisher.peer()},
                       {"blocks", home.account()->blocks()},
                       {"share", share()}});
}

void WorkerServer::on_pressure_begin() noexcept {
  shared_.log.warning("memory.arena runs full", {{"blocks", shared_.arena.block_count()},
                                                 {"streams", shared_.directory.size()},
                                                 {"share", share()}});
}

void WorkerServer::on_pressure_end(base::Duration lasted) noexcept {
  shared_.log.info("memory.arena has room again", {{"seconds", base::to_seconds(lasted)},
                                                   {"blocks_free", shared_.arena.free_count()}});
}

}  // namespace server
