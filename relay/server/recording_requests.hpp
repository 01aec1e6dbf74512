#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/control/config.hpp"
#include "relay/disk/clip_table.hpp"
#include "relay/disk/counters.hpp"
#include "relay/disk/timeline.hpp"
#include "relay/http/router.hpp"
#include "relay/server/clip_answer.hpp"
#include "relay/session/clip_response.hpp"
#include "relay/session/http_connection.hpp"

namespace server {

/// Requests for clips and timelines, and the responses with clips, of one worker. Owned by its
/// server.
class RecordingRequests final : public disk::ClipTable::Asker,
                                public session::ClipResponse::Events {
 public:
  /// Timelines that are being read, of one worker; the next ones are refused.
  static constexpr std::size_t timelines_max = 16;

  using Fields = std::vector<std::pair<std::string, std::string>>;
  /// The server, as far as these requests need it.
  class Host {
   public:
    virtual ~Host() = default;
    /// Null: it has gone, or has its answer.
    virtual session::HttpConnection* find_waiting(std::uint64_t connection) noexcept = 0;
    virtual void refuse_request(session::HttpConnection& connection, unsigned status,
                                std::string_view reason, Fields fields) noexcept = 0;
    /// The arena is so full that nobody new is served.
    virtual bool is_arena_full() const noexcept = 0;
    /// No connection is kept for another request.
    virtual bool is_leaving() const noexcept = 0;
    virtual void refuse_in_drain(session::HttpConnection& connection) noexcept = 0;
    virtual std::uint64_t new_id() noexcept = 0;
    /// Told from time to time, and when it is over, of what a client has got; then that it is gone.
    virtual void on_clip_sent(const session::ClipResponse& response) noexcept = 0;
    virtual void on_clip_gone(std::uint64_t id) noexcept = 0;
    /// A response is over: `sweep()` is to be called at the end of the turn.
    virtual void on_response_over() noexcept = 0;
    /// The connection of one that is over: its client may have another request, or it is null.
    virtual void take_back(std::unique_ptr<loop::Tcp> tcp, std::string received) noexcept = 0;
  };

  RecordingRequests(loop::Worker& worker, memory::BlockPool& pool, disk::ClipTable& clips,
                    const control::Config& config, base::Log& log, Host& host);
  ~RecordingRequests() override;

  /// The route's kind is clip or timeline.
  void serve(session::HttpConnection& connection, http::RequestHead head,
             http::Route route) noexcept;

  /// There is no response.
  bool is_empty() const noexcept { return responses_.empty(); }
  void on_time(base::Time now) noexcept;
  void sweep() noexcept;
  /// Whoever waits is refused; responses go on while their clients read.
  void drain() noexcept;
  /// There is no time left.
  void cut_off() noexcept;
  /// Adds what was read for clips.
  void report(disk::PastCounters& counters) const noexcept;

 private:
  /// A request whose clip is being planned.
  struct Waiting {
    http::RequestHead head;
    ClipWanted wanted;
  };

  void on_clip_planned(std::uint64_t id, disk::ClipTable::Answer answer) noexcept override;
  void on_clip_end(session::ClipResponse& response, session::ClipEnd end) noexcept override;
  session::ClipResponse* find_clip(std::uint64_t id) noexcept override;

  void serve_clip(session::HttpConnection& connection, http::RequestHead head,
                  const http::Route& route) noexcept;
  void serve_timeline(session::HttpConnection& connection, const http::Route& route) noexcept;
  void on_timeline(std::uint64_t connection, const std::string& stream,
                   const base::Result<disk::Timeline>& timeline) noexcept;
  void answer(session::HttpConnection& connection, const Waiting& waiting,
              std::shared_ptr<const disk::ClipPlan> plan) noexcept;
  void start(session::HttpConnection& connection, const Waiting& waiting,
             std::shared_ptr<const disk::ClipPlan> plan, const ClipAnswer& answer) noexcept;
  void refuse(session::HttpConnection& connection, const Refusal& refusal) noexcept;
  void refuse_for_now(session::HttpConnection& connection, std::string_view reason) noexcept;
  bool is_recorded(const std::string& stream) const noexcept;

  loop::Worker& worker_;
  memory::BlockPool& pool_;
  disk::ClipTable& clips_;
  const control::Config& config_;
  base::Log& log_;
  Host& host_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;  // by connection
  std::unordered_map<std::uint64_t, std::unique_ptr<session::ClipResponse>> responses_;
  std::vector<std::uint64_t> over_;
  std::size_t timelines_ = 0;
  bool is_draining_ = false;
  disk::PastCounters counts_;  // of responses that are over
};

}  // namespace server
