#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "relay/base/time.hpp"
#include "relay/disk/clip_source.hpp"
#include "relay/disk/clip_table.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/memory/block_pool.hpp"

namespace session {

/// Why the response with a clip is over; the names are words of the log.
enum class ClipEnd : std::uint8_t {
  complete,
  client,   ///< it went
  stalled,  ///< it took nothing for too long
  disk,     ///< what is to come cannot be read, or is not what was recorded
  drain,    ///< the relay leaves, and the client takes nothing
};
const char* name_of(ClipEnd end) noexcept;

/// A clip, or a part of one, on its way to a client: while one piece is sent the next is read. What
/// cannot be read ends the connection, since the length was told. Owned by its worker's server.
class ClipResponse final : public loop::Tcp::Events {
 public:
  /// Of content that is read at once, at least a block. Two pieces are held at most.
  static constexpr std::size_t read_bytes_max = 64 << 10;
  static constexpr std::size_t pieces_max = 2;
  /// What leaves in one turn of the loop, so that others get theirs.
  static constexpr std::size_t turn_bytes_max = 1 << 20;
  /// A client has nothing to say during its response; pipelined requests wait up to here.
  static constexpr std::size_t received_bytes_max = 16 << 10;
  /// In a drain: how long a client may take nothing.
  static constexpr base::Duration drain_wait = std::chrono::seconds(1);

  class Events {
   public:
    virtual ~Events() = default;
    /// Over: to be destroyed at the end of the turn. `take_tcp()` before that, if it may go on.
    virtual void on_clip_end(ClipResponse& response, ClipEnd end) noexcept = 0;
    /// Null: it is gone. A piece that was read comes back by this.
    virtual ClipResponse* find_clip(std::uint64_t id) noexcept = 0;
  };

  struct Request {
    std::shared_ptr<const disk::ClipPlan> plan;
    std::uint64_t first = 0;  ///< byte of the clip
    std::uint64_t bytes = 0;
    std::string head;      ///< the response's head, as bytes
    std::string received;  ///< what came behind the request's head
    bool keep_alive = false;
    base::Duration stall_timeout{};
  };

  /// Of the arena, that it may hold.
  static std::uint64_t arena_bytes(const memory::Arena& arena) noexcept;

  /// `share`: of the arena, reserved for it.
  ClipResponse(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool, loop::Lane& lane,
               const std::filesystem::path& root, std::unique_ptr<loop::Tcp> tcp, Events& events,
               Request request, disk::ClipTable::Share share);
  ~ClipResponse() override;

  void start() noexcept;

  std::uint64_t id() const noexcept { return id_; }
  const disk::ClipPlan& plan() const noexcept { return *request_.plan; }
  std::string peer() const { return tcp_->peer(); }
  base::Time started() const noexcept { return started_; }
  /// Of the clip, that were handed to the kernel.
  std::uint64_t bytes() const noexcept { return sent_ - request_.first; }
  std::uint64_t bytes_read() const noexcept { return read_ - content_begin_; }
  /// What the disk did, of one that ended so.
  base::Error failure() const noexcept { return failure_; }

  /// From time to time: ends it when nothing goes on for too long.
  void on_time(base::Time now) noexcept;
  /// It is the last response of its connection, and is not waited for if its client takes nothing.
  void drain() noexcept;
  /// There is no time left.
  void cut_off(ClipEnd end) noexcept;

  bool is_over() const noexcept { return is_over_; }
  /// True when the response was complete and the client may ask again.
  bool can_go_on() const noexcept { return can_go_on_; }
  std::unique_ptr<loop::Tcp> take_tcp() noexcept { return std::move(tcp_); }
  std::string take_received() noexcept { return std::move(request_.received); }

 private:
  class Read;

  std::span<std::byte> read_space() noexcept override;
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_read_end(base::Error error) noexcept override;
  void on_written(base::Error error) noexcept override;

  void go_on() noexcept;
  bool send_head() noexcept;
  bool send_moov() noexcept;
  bool send_content() noexcept;
  bool write_text(std::string_view text, std::size_t& written) noexcept;
  void read_ahead() noexcept;
  void on_piece(std::unique_ptr<disk::ClipSource> source, memory::WindowList piece,
                base::Result<void> result) noexcept;
  void finish() noexcept;
  void close(ClipEnd end) noexcept;
  std::uint64_t end() const noexcept { return request_.first + request_.bytes; }
  std::uint64_t moov_end() const noexcept { return request_.plan->head.size(); }

  const std::uint64_t id_;
  loop::Worker& worker_;
  memory::BlockPool& pool_;
  loop::Lane& lane_;
  const std::filesystem::path& root_;
  Events& events_;
  std::unique_ptr<loop::Tcp> tcp_;
  Request request_;
  disk::ClipTable::Share share_;
  std::unique_ptr<disk::ClipSource> source_;  // null while it reads
  memory::WindowList ready_;                  // the piece that is being sent
  memory::WindowList next_;
  std::uint64_t sent_;           // byte of the clip that is to be sent next
  std::uint64_t read_;           // byte of the content that is to be read next
  std::uint64_t content_begin_;  // of what is asked for
  std::uint64_t content_end_;
  base::Time started_;
  base::Time last_progress_;
  std::size_t unwritten_bytes_ = 0;  // when it was last looked at
  base::Error failure_;
  bool is_over_ = false;
  bool is_draining_ = false;
  bool can_go_on_ = false;
  bool peer_ended_ = false;
};

}  // namespace session
