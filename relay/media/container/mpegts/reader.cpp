#include "relay/media/container/mpegts/reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mpegts {

using memory::Window;
using memory::WindowList;

base::Result<void> Reader::feed(Window bytes, base::Time now) {
  if (failed_) return failed_;
  now_ = now;
  last_input_ = now;
  demux_.set_time(now);
  WindowList windows;
  windows.push_back(std::move(bytes));
  take_windows(windows);
  while (!failed_ && !is_synced_ && hunt()) take_windows(std::exchange(unsynced_, {}));
  if (failed_) return failed_;
  return {};
}

std::optional<base::Time> Reader::deadline() const {
  if (open_.empty()) return std::nullopt;
  const bool has_open_frame = demux_.has_open_frame();
  switch (demux_.lead()) {
    case Demux::Lead::none:
      return last_input_ + silence;
    case Demux::Lead::audio:
      if (!has_open_frame || demux_.knows_frame_length()) return open_since_ + wait_max;
      return std::min(last_input_ + silence, open_since_ + wait_max);
    case Demux::Lead::video:
      break;
  }
  if (!has_open_frame) return open_since_ + wait_max;
  if (demux_.is_undecided()) {
    return last_input_ + (demux_.audio_since() ? silence + wait_max : undecided_max);
  }
  base::Time when = last_input_ + silence;
  if (const auto since = demux_.audio_since()) when = std::min<base::Time>(when, *since + wait_max);
  return when;
}

void Reader::on_time(base::Time now) {
  now_ = now;
  demux_.set_time(now);
  if (const auto when = deadline(); when && *when <= now) cut(true);
}

base::Result<void> Reader::finish() {
  if (!is_synced_ && unsynced_.bytes() >= packet_bytes) {
    // Too short for three sync bytes: as many as there are.
    std::array<std::byte, hunt_bytes> copy;
    const std::size_t size = unsynced_.copy_out(0, copy);
    const auto is_sync_at = [&](std::size_t at) { return at >= size || copy[at] == sync_byte; };
    std::size_t at = 0;
    while (at + packet_bytes <= size && !(is_sync_at(at) && is_sync_at(at + packet_bytes))) ++at;
    if (at + packet_bytes <= size) {
      demux_.counters().dropped_bytes += at;
      unsynced_.drop_front(at);
      is_synced_ = true;
      take_windows(std::exchange(unsynced_, {}));
    }
  }
  demux_.counters().dropped_bytes += unsynced_.bytes();
  demux_.counters().cut_bytes += partial_.bytes();
  unsynced_.clear();
  partial_.clear();
  cut(true);
  end_window();
  if (!failed_ && !has_begun_ && demux_.counters().dropped_bytes > 0) {
    failed_ = before_pat_bytes_ > 0 ? Errc::no_pat : Errc::no_sync;
  }
  if (failed_) return failed_;
  return {};
}

void Reader::take_windows(const WindowList& windows) {
  for (const Window& window : windows) {
    if (failed_) return;
    if (!is_synced_) {
      unsynced_.push_back(window);
    } else {
      take_window(window);
    }
  }
}

void Reader::take_window(Window window) {
  if (!partial_.empty() && !complete_partial(window)) return;
  take_packets(std::move(window));
}

// Puts the begun packet together; false: there is still not enough, or
// sync was lost.
bool Reader::complete_partial(Window& window) {
  if (partial_.count() == 1 && partial_[0].is_followed_by(window)) {
    // The usual case: the rest was received right behind, the packet can be looked at in place.
    Window joined = partial_[0];
    joined.extend(window);
    window = std::move(joined);
    partial_.clear();
    return true;
  }
  const std::size_t missing = packet_bytes - partial_.bytes();
  if (window.size() < missing) {
    partial_.push_back(std::move(window));
    return false;
  }
  partial_.push_back(window.first(missing));
  window.drop_front(missing);
  // A packet over two blocks is copied to be looked at; what is sent stays where it is.
  std::array<std::byte, packet_bytes> copy;
  partial_.copy_out(0, copy);
  WindowList packet = std::exchange(partial_, {});
  if (copy[0] != sync_byte) {
    for (const Window& part : packet) unsynced_.push_back(part);
    lose_sync(std::move(window));
    return false;
  }
  const End end = take_packet(copy);
  if (has_begun_) {
    for (const Window& part : packet) append(part);
    if (end != End::none) cut(end == End::forced);
  }
  return !failed_;
}

void Reader::take_packets(Window window) {
  window_ = std::move(window);
  const auto bytes = window_.bytes();
  run_begin_ = 0;
  run_end_ = 0;
  while (run_end_ + packet_bytes <= bytes.size()) {
    const auto packet = bytes.subspan(run_end_).first<packet_bytes>();
    if (packet[0] != sync_byte) {
      push_run();
      lose_sync(window_.subwindow(run_end_));
      end_window();
      return;
    }
    const bool has_room =
        open_.bytes() + (run_end_ - run_begin_) < piece_bytes_max - 2 * packet_bytes;
    if (has_room && demux_.take_inner(Packet(packet))) {
      run_end_ += packet_bytes;
      continue;
    }
    const End end = take_packet(packet);
    run_end_ += packet_bytes;
    if (!has_begun_) {
      run_begin_ = run_end_;
    } else if (end != End::none) {
      cut(end == End::forced);
    }
    if (failed_) break;
  }
  push_run();
  if (!failed_) partial_.push_back(window_.subwindow(run_end_));
  end_window();
}

// Cuts before the packet if that must be; returns whether the piece ends with it.
Reader::End Reader::take_packet(PacketBytes bytes) {
  const Packet packet(bytes);
  if (!has_begun_ && !begins_stream(packet)) {
    drop_before_pat();
    return End::none;
  }
  if (demux_.cuts_before(packet)) cut(false);
  switch (demux_.take(packet)) {
    case Demux::Took::more:
      break;
    case Demux::Took::end:
      return End::frame;
    case Demux::Took::too_many_tracks:
      failed_ = Errc::too_many_tracks;
      break;
  }
  const std::size_t size = open_.bytes() + (run_end_ - run_begin_) + packet_bytes;
  if (size < data_piece_bytes_max) return End::none;
  if (demux_.lead() == Demux::Lead::none) return End::forced;
  if (size + packet_bytes <= piece_bytes_max) return End::none;
  ++demux_.counters().long_frames;
  return End::forced;
}

bool Reader::begins_stream(const Packet& packet) {
  has_begun_ = packet.pid() == pat_pid && packet.is_unit_start() && packet.has_payload();
  return has_begun_;
}

void Reader::drop_before_pat() {
  demux_.counters().dropped_bytes += packet_bytes;
  before_pat_bytes_ += packet_bytes;
  if (before_pat_bytes_ > before_pat_bytes_max) failed_ = Errc::no_pat;
}

void Reader::lose_sync(Window rest) {
  is_synced_ = false;
  ++demux_.counters().resyncs;
  unsynced_.push_back(std::move(rest));
}

// Looks for three packets in a row; true when `unsynced_` begins with them. It copies, since its
// windows may be of any size: nobody but a broken publisher gets here, once at the start apart.
bool Reader::hunt() {
  std::array<std::byte, 4 * hunt_bytes> look;
  while (unsynced_.bytes() >= hunt_bytes) {
    const std::size_t size = unsynced_.copy_out(0, look);
    std::size_t at = 0;
    while (at + hunt_bytes <= size &&
           !(look[at] == sync_byte && look[at + packet_bytes] == sync_byte &&
             look[at + 2 * packet_bytes] == sync_byte)) {
      ++at;
    }
    demux_.counters().dropped_bytes += at;
    unsynced_.drop_front(at);
    unsynced_bytes_ += at;
    if (unsynced_bytes_ > unsynced_bytes_max) {
      failed_ = Errc::no_sync;
      return false;
    }
    if (at + hunt_bytes <= size) {
      is_synced_ = true;
      unsynced_bytes_ = 0;
      return true;
    }
  }
  return false;
}

void Reader::push_run() {
  if (run_begin_ < run_end_) append(window_.subwindow(run_begin_, run_end_ - run_begin_));
  run_begin_ = run_end_;
}

void Reader::end_window() {
  window_ = {};
  run_begin_ = 0;
  run_end_ = 0;
}

void Reader::append(const Window& window) {
  if (open_.empty()) open_since_ = now_;
  open_.push_back(window);
}

void Reader::cut(bool is_forced) {
  push_run();
  if (open_.empty()) return;
  const bool is_frame_open = is_forced && demux_.has_open_frame();
  const Demux::Piece facts = demux_.end_piece(is_forced);
  Piece& piece = ready_.push();
  piece.continues_frame = std::exchange(is_frame_cut_, is_frame_open) && !facts.begins_unit;
  piece.is_frame_open = is_frame_open;
  piece.bytes = std::exchange(open_, {});
  piece.dts = facts.dts;
  piece.video_frames = facts.video_frames;
  piece.audio_frames = facts.audio_frames;
  piece.sync = facts.is_sync && make_joins(piece);
  is_first_piece_ = false;
  demux_.begin_piece();
  tables_seen_before_ = demux_.tables_seen();
}

bool Reader::make_joins(Piece& piece) {
  const auto tables = demux_.tables();
  if (start_join_for_ != tables_seen_before_) {
    start_join_.clear();
    start_join_for_.reset();
    if (!joins_.add_tables(start_join_, tables, demux_.pids())) return fail_joins(piece);
    start_join_for_ = tables_seen_before_;
  }
  if (!joins_.add_discontinuities(piece.skip_join, tables, demux_.pids())) return fail_joins(piece);
  piece.skip_join.append(start_join_);
  if (!is_first_piece_) piece.start_join = start_join_;
  return true;
}

// Without a join image nobody can begin here; the bytes go on.
bool Reader::fail_joins(Piece& piece) {
  ++demux_.counters().joins_failed;
  piece.skip_join.clear();
  return false;
}

}  // namespace mpegts
