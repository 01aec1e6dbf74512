#include "relay/session/block_intake.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace session {
namespace {

std::size_t count_windows(const stream::Chunk& chunk) noexcept {
  std::size_t count = chunk.bytes.count();
  for (const media::Sample& sample : chunk.samples) count += sample.payload.count();
  return count;
}

}  // namespace

base::Result<std::span<std::byte>> BlockIntake::space() noexcept {
  const auto space = writer_.space(space_least);
  if (!space) return space;
  end_wait();
  if (const std::byte* end = space->data() + space->size(); end != block_end_) {
    block_end_ = end;
    run_end_ = nullptr;
    runs_in_block_ = 0;
  }
  return space;
}

void BlockIntake::on_received(std::size_t count) noexcept {
  writer_.advance(count);
  unaccounted_ += static_cast<std::int64_t>(count);
}

std::span<std::byte> BlockIntake::join_run(std::span<std::byte> run, bool is_first) noexcept {
  if (is_first || run.data() == run_end_ || ++runs_in_block_ <= runs_per_block_max ||
      run_end_ == nullptr) {
    run_end_ = run.data() + run.size();
    return run;
  }
  std::memmove(run_end_, run.data(), run.size());
  const std::span<std::byte> moved(run_end_, run.size());
  run_end_ += run.size();
  return moved;
}

void BlockIntake::keep_until(const std::byte* end) noexcept {
  // The publisher's own block, in which it may write where no window is.
  run_end_ = std::max(run_end_, const_cast<std::byte*>(end));
}

void BlockIntake::take_framing_back() noexcept {
  if (runs_in_block_ <= runs_per_block_max || run_end_ == nullptr) return;
  const auto written = writer_.written();
  const auto count = static_cast<std::size_t>(written.data() + written.size() - run_end_);
  writer_.rewind(count);
  unaccounted_ -= static_cast<std::int64_t>(count);
}

void BlockIntake::let_go() noexcept {
  writer_.let_go();
  block_end_ = nullptr;
}

void BlockIntake::charge(stream::Chunk& chunk) noexcept {
  unaccounted_ -= static_cast<std::int64_t>(chunk.payload_bytes());
  // As far as its windows can hold blocks.
  const std::size_t pinned_max = count_windows(chunk) * pool_.arena().block_bytes();
  chunk.overhead_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::exchange(overhead_bytes_, 0), pinned_max));
}

void BlockIntake::count_overhead() noexcept {
  if (unaccounted_ <= pending_bytes_usual) return;
  overhead_bytes_ = static_cast<std::uint32_t>(
      std::min<std::int64_t>(unaccounted_ - pending_bytes_usual, UINT32_MAX));
  unaccounted_ -= overhead_bytes_;
}

bool BlockIntake::is_wait_over(base::Time now) noexcept {
  if (!waits_since_) waits_since_ = now;
  return (stopped_since_ && now - *stopped_since_ > stop_max) || now - *waits_since_ > wait_max;
}

bool BlockIntake::stop_waiting_soon() noexcept {
  if (!waits_since_ || stopped_since_) return false;
  stopped_since_ = base::monotonic_now();
  return true;
}

void BlockIntake::end_wait() noexcept {
  waits_since_.reset();
  stopped_since_.reset();
}

}  // namespace session
