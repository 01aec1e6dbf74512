#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "relay/base/line_budget.hpp"
#include "relay/control/config.hpp"
#include "relay/control/report.hpp"
#include "relay/disk/past_table.hpp"
#include "relay/disk/recorder.hpp"
#include "relay/disk/store.hpp"
#include "relay/http/router.hpp"
#include "relay/loop/listener.hpp"
#include "relay/loop/timer.hpp"
#include "relay/protocol/wire/admission.hpp"
#include "relay/server/access_log.hpp"
#include "relay/server/drain_schedule.hpp"
#include "relay/server/hook_runner.hpp"
#include "relay/server/recording_requests.hpp"
#include "relay/server/recordings.hpp"
#include "relay/server/sessions.hpp"
#include "relay/server/source.hpp"
#include "relay/server/usage_book.hpp"
#include "relay/server/usage_meter.hpp"
#include "relay/server/wire_sessions.hpp"
#include "relay/session/http_connection.hpp"
#include "relay/session/http_publisher.hpp"
#include "relay/session/http_viewer.hpp"
#include "relay/session/source_publisher.hpp"
#include "relay/session/wire_connection.hpp"
#include "relay/session/wire_publisher.hpp"
#include "relay/session/wire_viewer.hpp"
#include "relay/state/committer.hpp"
#include "relay/state/store.hpp"
#include "relay/state/streams.hpp"
#include "relay/stream/relief.hpp"
#include "relay/stream/stream_table.hpp"

namespace server {

class WorkerServer;

/// What clients are told while the relay is drained.
constexpr std::string_view drain_reason = "the relay is shutting down";
/// What a path has for viewers, with what one of them asks for itself.
stream::ViewerPolicy policy_for(const stream::PathPolicy& path, const http::MediaQuery& query);
/// What comes as it was received can be watched from the first chunk on; otherwise the tracks must
/// be known, since the response's head tells which are missing.
bool has_begun(const stream::Stream& stream, media::Container container);

/// What the servers of all workers share. Built before them and unchanged while they run, but for
/// what has a lock of its own or is atomic.
struct Shared {
  const control::Config& config;
  base::Log& log;
  memory::Arena& arena;
  stream::Directory& directory;
  state::Store* state;                 ///< nothing: everything is forgotten with the process
  state::KnownStreams* known_streams;  ///< likewise
  Sessions& sessions;                  ///< over the wire
  UsageBook& usage;                    ///< of all workers
  disk::Store* store;                  ///< nothing: no recordings
  disk::ClipTable* clips;              ///< likewise
  base::Utc started;                   ///< what was recorded before is another process'
  std::atomic<std::uint32_t> connections{0};
  std::vector<WorkerServer*> servers{};              ///< by worker; complete before the loops run
  std::atomic<bool> draining{false};                 ///< from the signal on
  std::atomic<std::size_t> workers_with_viewers{0};  ///< that are not told to move; in a drain
  std::atomic<std::size_t> workers_with_sessions{0};
  std::atomic<std::size_t> workers_recording{0};
};

/// Everything one worker serves: its listeners, connections, publishers, viewers and streams. It
/// owns the sessions by id and destroys the ended ones at the end of the loop's turn.
class WorkerServer final : public loop::Listener::Events,
                           public session::HttpConnection::Events,
                           public session::HttpViewer::Events,
                           public session::HttpPublisher::Events,
                           public session::WireConnection::Events,
                           public session::WireViewer::Events,
                           public session::WirePublisher::Events,
                           public session::SourcePublisher::Events,
                           public HookRunner::Events,
                           public RecordingRequests::Host,
                           public disk::Recorder::Events,
                           public disk::PastHost,
                           public stream::StreamTable::Events,
                           public stream::Relief::Host {
 public:
  WorkerServer(loop::Worker& worker, Shared& shared);
  ~WorkerServer() override;

  loop::Worker& worker() noexcept { return worker_; }
  stream::StreamTable& table() noexcept { return table_; }
  stream::Relief& relief() noexcept { return relief_; }
  /// Before the loop runs.
  void listen(int http_socket, int admin_socket);

  // On the worker's thread, through its mailbox:

  /// A publisher's connection on its way from the worker that accepted it.
  struct Arrival {
    loop::OwnedSocket socket;
    loop::Origin origin;
    Access access;
    bool is_approved;  ///< its hook has said yes there
  };
  void adopt(Arrival arrival, http::RequestHead head, std::string received) noexcept;
  /// The same with a publisher over the wire, whose first message was read there.
  void adopt_wire(Arrival arrival, session::WireLink::Moved moved,
                  session::WireConnection::Request request, wire::Hello hello) noexcept;
  control::WorkerReport report();
  /// Ends whoever is connected with this token.
  void end_revoked(const token::Id& id) noexcept;
  /// Those of this worker that do not wait for viewers.
  void start_sources() noexcept;
  /// The relay is going to be drained: everything goes on, but no connection is kept for another
  /// request.
  void announce_drain() noexcept;
  /// Serves whoever is queued, stops accepting and ends every session properly: viewers one after
  /// the other in `drain.spread` from `begin` on, publishers when no worker has any left. The loops
  /// end together, when no worker has a session.
  void drain(base::Time begin) noexcept;
  /// Ends every session and the loop at once.
  void stop_now() noexcept;

 private:
  /// What a viewer asks for.
  struct Wanted {
    http::RequestHead head;
    http::Route route;
    std::optional<base::Time> deadline;  ///< once it has to wait
    bool is_early = false;               ///< it was there before the stream
    std::optional<base::Utc> begin;      ///< where it begins; nothing: live
  };
  // A viewer whose stream is not there yet, or on its way from another worker.
  struct Waiting {
    std::uint64_t connection;
    Wanted wanted;
  };
  struct Gathering;
  // A viewer, and what was told of its usage.
  struct Watching {
    std::unique_ptr<session::Viewer> viewer;
    UsageMeter::Told told{};
  };

  void on_accept(loop::Listener& listener, std::unique_ptr<loop::Tcp> tcp) noexcept override;
  void on_accept_failed(loop::Listener& listener, base::Error error) noexcept override;
  void on_request(session::HttpConnection& connection, http::RequestHead head) noexcept override;
  void on_refused(session::HttpConnection& connection, unsigned status,
                  std::string_view reason) noexcept override;
  void on_answered(session::HttpConnection& connection, unsigned status,
                   std::uint64_t bytes) noexcept override;
  void on_bad_proxy_header(session::HttpConnection& connection,
                           std::string_view reason) noexcept override;
  void on_closed(session::HttpConnection& connection) noexcept override;
  void on_viewer_end(session::HttpViewer& viewer, session::ViewerEnd end) noexcept override;
  void on_publisher_end(session::HttpPublisher& publisher, session::PublisherEnd end,
                        const std::string& reason) noexcept override;
  void on_first_message(session::WireConnection& connection,
                        wire::Message message) noexcept override;
  void on_wire_refused(session::WireConnection& connection, const wire::Bye& bye) noexcept override;
  void on_wire_closed(session::WireConnection& connection) noexcept override;
  void on_viewer_end(session::WireViewer& viewer, session::ViewerEnd end) noexcept override;
  void on_publisher_end(session::WirePublisher& publisher, session::PublisherEnd end,
                        const std::string& reason) noexcept override;
  void on_publisher_end(session::SourcePublisher& publisher, session::PublisherEnd end,
                        const std::string& reason) noexcept override;
  void on_source_line(session::SourcePublisher& publisher, std::string_view line) noexcept override;
  bool may_take_block(session::Publisher& publisher) noexcept override;
  void on_input_dropped(session::Publisher& publisher) noexcept override;
  void on_appended_by_timer() noexcept override { turn_end_.keep_turning(true); }
  void on_stream_ready(const std::string& path) noexcept override;
  void on_stream_missing(const std::string& path) noexcept override;

  // pressure.cpp
  stream::TailSurvey survey_tails() noexcept override;
  void drop_past() noexcept override;
  void trim_largest_tail() noexcept override;
  void drop_ended() noexcept override;
  std::vector<stream::PinnedBlock> pinned_blocks() noexcept override;
  void close_pinned(const std::vector<memory::BlockIndex>& blocks) noexcept override;
  void on_relief(bool freed) noexcept override;
  void on_pressure_begin() noexcept override;
  void on_pressure_end(base::Duration lasted) noexcept override;
  memory::BlockIndex share() const noexcept;
  bool is_beyond_share(const stream::Home& home) const noexcept;
  void count(stream::PressureStep step) noexcept {
    ++counts_.pressure[static_cast<std::size_t>(step)];
  }

  // media_requests.cpp
  void serve_viewer(session::HttpConnection& connection, Wanted wanted) noexcept;
  void wait_for_stream(session::HttpConnection& connection, Wanted wanted) noexcept;
  void serve_waiting(const std::string& path) noexcept;
  void serve_begun() noexcept;
  using Fields = std::vector<std::pair<std::string, std::string>>;
  /// `entry`: where it begins; `fields`: what its head says of that.
  void start_viewer(session::HttpConnection& connection, const Wanted& wanted,
                    stream::Stream& stream,
                    const std::optional<stream::Entry>& entry = std::nullopt,
                    Fields fields = {}) noexcept;
  void serve_publisher(session::HttpConnection& connection, http::RequestHead head,
                       http::Route route) noexcept;
  bool make_room_for_publisher(session::HttpConnection& connection, stream::Home& home) noexcept;
  void hand_over(session::HttpConnection& connection, http::RequestHead head, unsigned worker,
                 bool is_approved) noexcept;
  void refuse_for_memory(session::HttpConnection& connection) noexcept;
  void time_out_waiting(base::Time now) noexcept;
  void refuse_waiting() noexcept;
  void refuse_drained(session::HttpConnection& connection) noexcept;

  // wire_requests.cpp
  void serve_upgrade(session::HttpConnection& connection, const http::RequestHead& head,
                     const http::Route& route) noexcept;
  void serve_wire_viewer(session::WireConnection& connection, wire::Play play) noexcept;
  void seat(session::WireViewer& viewer) noexcept;
  void wait_for_stream(session::WireViewer& viewer) noexcept;
  void seat_waiting(const std::string& path) noexcept;
  void forget_waiting() noexcept;
  void serve_wire_publisher(session::WireConnection& connection, wire::Hello hello) noexcept;
  std::optional<wire::Incumbent> incumbent_of(const stream::Home& home,
                                              const std::string& path) const;
  bool make_room_for(session::WireConnection& connection, stream::Home& home,
                     const wire::Hello& hello) noexcept;
  void start_publisher(session::WireConnection& connection, stream::Home& home,
                       wire::Hello hello) noexcept;
  void hand_over(session::WireConnection& connection, wire::Hello hello, unsigned worker,
                 bool is_approved) noexcept;
  void linger(std::unique_ptr<session::WireLink> link) noexcept;
  void refuse_for_memory(session::WireConnection& connection) noexcept;
  wire::Bye drain_bye() const;
  void end_over_streams() noexcept;
  void forget_incumbent(const std::string& path) noexcept;
  void count_bye(wire::ByeReason reason) noexcept {
    ++counts_.wire_byes[static_cast<std::size_t>(reason)];
  }

  // recorders.cpp
  /// The home of a stream that somebody wants to publish, behind what was recorded of it.
  stream::StreamTable::Claim claim(const std::string& path);
  void end_home(const std::string& path);
  /// What a later process goes on with: begins a round over all streams, of which every turn does
  /// some.
  void keep_streams() noexcept;
  void keep_next_streams() noexcept;
  void keep_streams_last() noexcept;
  std::optional<stream::Past> find_past(const std::string& path,
                                        const std::optional<disk::Segment>& newest);
  void begin_recording(stream::Home& home, const disk::RecordingPolicy& policy,
                       std::optional<disk::Segment> newest);
  void end_recording(stream::Home& home);
  void on_durable(disk::Recorder& recorder, wire::Position end) noexcept override;
  void on_finished(disk::Recorder& recorder) noexcept override;
  /// To a publisher that has just begun: what was kept of its epoch before.
  void tell_durable(session::Publisher& publisher) noexcept;
  void end_recordings() noexcept;
  void sweep_recorders() noexcept;
  std::optional<control::StoreReport> report_store() const;
  std::optional<control::StateReport> report_state() const;

  // past_requests.cpp
  Live find_live(const std::string& path) noexcept override;
  const stream::PathPolicy& policy_of(const std::string& path) noexcept override;
  void on_past_answer(disk::PastAsker ticket, const disk::PastAnswer& answer) noexcept override;
  void ask_past(std::uint64_t session, disk::PastWish wish);
  /// What is recorded goes on; true when there is more to be sent at once.
  bool run_past(base::Time now) noexcept;
  /// What a viewer is given: one that may have to go on from disk gets what it can go on with.
  stream::FormatKind kind_of(const Wanted& wanted) noexcept;
  void serve_past_viewer(session::HttpConnection& connection, Wanted wanted) noexcept;
  bool start_in_tail(session::HttpConnection& connection, const Wanted& wanted,
                     stream::Stream& stream, disk::GapReason gap,
                     std::optional<base::Utc> gap_begin) noexcept;
  void start_without_past(session::HttpConnection& connection, const Wanted& wanted) noexcept;
  bool is_waited_for(const Wanted& wanted) const;
  void start_in_past(session::HttpConnection& connection, const Wanted& wanted,
                     const disk::PastAnswer& answer) noexcept;
  bool on_viewer_elsewhere(session::HttpViewer& viewer, wire::Position next,
                           bool has_ended) noexcept override;
  bool enter_live(session::HttpViewer& viewer, wire::Position next) noexcept;
  void go_on(session::HttpViewer& viewer, const disk::PastAnswer& answer) noexcept;
  bool has_position(const stream::Stream& stream, const wire::Start& start) noexcept override;
  bool on_viewer_elsewhere(session::WireViewer& viewer, wire::Position next,
                           bool has_ended) noexcept override;
  void on_viewer_moved(session::WireViewer& viewer) noexcept override;
  bool enter_live(session::WireViewer& viewer, wire::Position next) noexcept;
  void ask_past(session::WireViewer& viewer, const wire::Start& start);
  void go_on(session::WireViewer& viewer, const disk::PastAnswer& answer) noexcept;

  // sources.cpp
  unsigned worker_of(const control::SourceConfig& source) const noexcept;
  void want_source(const std::string& path, const control::SourceConfig& config,
                   base::Time until) noexcept;
  void on_source_wanted(const std::string& path, base::Time until) noexcept;
  /// A viewer has got its stream.
  void meet_source(const std::string& path) noexcept;
  void on_source_met(const std::string& path) noexcept;
  void run_source(const std::string& path, Source& source) noexcept;
  void restart_later(const std::string& path, Source& source, base::Duration ran,
                     const std::string& reason,
                     control::SourceEnd end = control::SourceEnd::not_started) noexcept;
  bool is_source_watched(const std::string& path, const Source& source, base::Time now) noexcept;
  void supervise_sources(base::Time now) noexcept;
  void report_left_out_lines(base::Time now) noexcept;

  // hooks.cpp
  /// A publisher that waits for its hook.
  struct Asking {
    http::RequestHead head;
    http::Route route;
  };
  void begin_hooks();
  void on_hook_end(const HookRunner::Job& job,
                   const HookRunner::Outcome& outcome) noexcept override;
  void tell_hook(control::HookEvent event,
                 std::optional<HookRunner::Asker> asker = std::nullopt) noexcept;
  void ask_hook(session::HttpConnection& connection, http::RequestHead head,
                http::Route route) noexcept;
  void ask_hook(session::WireConnection& connection, wire::Hello hello) noexcept;
  void on_hook_answer(std::uint64_t session, control::HookEnd end,
                      const std::string& detail) noexcept;
  void refuse_asking() noexcept;
  void tell_source_published(const session::Publisher& publisher, const std::string& path) noexcept;
  void tell_unpublished(const session::Publisher& publisher, const std::string& path,
                        session::PublisherEnd end) noexcept;
  void tell_slow(const session::Viewer& viewer, const char* reason) noexcept;
  void find_slow_viewer(const session::Viewer& viewer) noexcept;
  void find_slow_viewer_end(const session::Viewer& viewer, session::ViewerEnd end) noexcept;
  void find_audiences() noexcept;
  void tell_last_viewers() noexcept;
  void end_hooks() noexcept;
  void run_hooks() noexcept;

  // status_requests.cpp
  void serve_status(session::HttpConnection& connection, const http::RequestHead& head,
                    const http::Route& route) noexcept;
  void gather_reports(std::uint64_t connection, http::RouteKind kind) noexcept;
  void on_gathered(const Gathering& gathering) noexcept;
  void serve_tokens(session::HttpConnection& connection, const http::Route& route) noexcept;
  void revoke(session::HttpConnection& connection, const token::Id& id) noexcept;
  bool is_admitted(const session::HttpConnection& connection,
                   const http::RequestHead& head) const noexcept;

  // recording_requests.cpp has the rest.
  void serve_recording(session::HttpConnection& connection, http::RequestHead head,
                       http::Route route) noexcept;
  session::HttpConnection* find_waiting(std::uint64_t connection) noexcept override;
  void refuse_request(session::HttpConnection& connection, unsigned status, std::string_view reason,
                      RecordingRequests::Fields fields) noexcept override;
  bool is_arena_full() const noexcept override { return relief_.is_refusing(); }
  bool is_leaving() const noexcept override;
  void refuse_in_drain(session::HttpConnection& connection) noexcept override;
  std::uint64_t new_id() noexcept override { return next_id(); }
  void on_response_over() noexcept override;
  void take_back(std::unique_ptr<loop::Tcp> tcp, std::string received) noexcept override;

  // usage.cpp
  void begin_usage() noexcept;
  void save_usage() noexcept;
  void meter(session::Publisher& publisher) noexcept;
  void meter(Watching& one, base::Time now) noexcept;
  void on_clip_begun(std::uint64_t connection, std::uint64_t id, unsigned status) noexcept override;
  void on_clip_sent(const session::ClipResponse& response) noexcept override;
  void on_clip_gone(std::uint64_t id) noexcept override;
  void deliver_usage() noexcept;
  void serve_usage(session::HttpConnection& connection, const http::UsageQuery& query) noexcept;

  // drain.cpp
  std::size_t close_listeners() noexcept;
  void tell_due_viewers() noexcept;
  void on_no_viewers_left() noexcept;
  void end_publishers() noexcept;
  void on_no_sessions_left() noexcept;
  void on_no_recordings_left() noexcept;
  void stop_all() noexcept;

  // arrivals.cpp
  void accept_beyond_limit(std::unique_ptr<loop::Tcp> tcp) noexcept;
  bool is_proxied() const noexcept;
  session::HttpConnection& add_accepted(std::unique_ptr<loop::Tcp> tcp);
  session::HttpConnection& add_connection(session::Port port, std::unique_ptr<loop::Tcp> tcp,
                                          std::string received);
  void log_proxy_refusal(const std::string& peer, std::string_view reason) noexcept;
  /// False: nobody knows whose the request is, and it is refused.
  bool identify(session::HttpConnection& connection, const http::RequestHead& head) noexcept;

  /// Answers, counts and logs.
  void refuse(session::HttpConnection& connection, unsigned status, std::string_view reason,
              std::vector<std::pair<std::string, std::string>> fields = {}) noexcept;
  /// The same for what has its line and its count already.
  void answer(session::HttpConnection& connection, unsigned status, std::string_view reason,
              std::vector<std::pair<std::string, std::string>> fields = {}) noexcept;
  void on_turn_end() noexcept;
  void on_flush_due() noexcept;
  void on_tick() noexcept;
  void time_out_connections(base::Time now) noexcept;
  void end_abandoned_streams(base::Time now) noexcept;
  void end_stream(const std::string& path) noexcept;
  void sweep() noexcept;
  void count_viewer_end(const session::Viewer& viewer, session::ViewerEnd end) noexcept;
  void count_publisher_end(session::Publisher& publisher, session::PublisherEnd end,
                           const std::string& reason) noexcept;
  std::uint64_t next_id() noexcept { return ++last_id_; }

  loop::Worker& worker_;
  Shared& shared_;
  memory::BlockPool pool_;
  stream::Fanout fanout_;
  stream::Fanout past_fanout_;  // of what was recorded: live goes first
  stream::StreamTable table_;
  stream::Relief relief_;
  std::mt19937_64 random_;

  std::unique_ptr<loop::Listener> http_listener_;
  std::unique_ptr<loop::Listener> admin_listener_;
  loop::TurnEnd turn_end_;
  loop::Timer flush_timer_;
  loop::Timer past_timer_;
  loop::Timer tick_timer_;
  loop::Timer drain_timer_;
  loop::Timer keep_timer_;
  loop::Timer usage_timer_;  // on the first worker
  unsigned ticks_ = 0;

  AccessLog access_;
  UsageMeter meter_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<session::HttpConnection>> connections_;
  std::unordered_map<std::uint64_t, Watching> viewers_;
  std::unordered_map<std::uint64_t, std::unique_ptr<session::Publisher>> publishers_;
  // Over the wire: without a role yet, or closing.
  std::unordered_map<std::uint64_t, std::unique_ptr<session::WireConnection>> wire_connections_;
  std::unordered_map<std::uint64_t, session::WireViewer*> wire_viewers_;  // of `viewers_`
  WireSessions wire_sessions_;
  bool is_forgetting_sessions_ = false;  // there are more whose lease has ended; the first worker
  std::unordered_map<std::string, std::vector<std::uint64_t>> wire_waiting_;  // of those, by stream
  // Of streams that are at home here and whose wire publisher has gone: it may come back.
  std::unordered_map<std::string, wire::Incumbent> incumbents_;
  std::vector<std::string> over_;                    // streams whose publisher has said so
  std::unordered_map<std::string, Source> sources_;  // of this worker, by stream
  bool is_starting_sources_ = false;                 // there are more that are due
  std::unique_ptr<HookRunner> hooks_;                // of the whole relay; on the first worker
  std::unique_ptr<Recordings> recordings_;           // likewise
  std::unique_ptr<state::Committer> committer_;      // likewise
  std::unique_ptr<state::StreamKeeper> keeper_;      // nothing: there is no state
  std::vector<std::string> to_keep_;                 // streams that its round has not come to yet
  base::LineBudget hook_lines_;
  bool has_viewer_hooks_ = false;  // somewhere in the configuration
  bool is_ending_hooks_ = false;
  std::unordered_map<std::uint64_t, Asking> asking_;
  std::unordered_map<std::uint64_t, wire::Hello> wire_asking_;
  std::unordered_set<std::uint64_t> approved_;      // of those: the next try is let through
  std::unordered_set<std::uint64_t> slow_viewers_;  // whose hook was told
  std::unordered_set<std::string> watched_;         // streams at home here; as of the last look
  // Accepted over `http.connections` to be refused; not counted there.
  std::unordered_set<std::uint64_t> beyond_limit_;
  std::size_t admin_connections_ = 0;
  bool is_timing_out_ = false;  // there may be more connections that took too long
  base::LineBudget refusal_lines_;
  std::unordered_map<std::string, std::vector<Waiting>> waiting_;
  // Of those, streams that are here but whose tracks are not known yet.
  std::unordered_set<std::string> beginning_;
  // Ended in this turn; destroyed at its end, so that no callback returns into a dead object.
  std::vector<std::uint64_t> ended_;
  // Of those, viewers whose connection may have another request.
  std::vector<session::HttpViewer*> going_on_;

  std::unordered_map<std::string, std::unique_ptr<disk::Recorder>> recorders_;  // of homes, by path
  std::vector<std::unique_ptr<disk::Recorder>> ending_recorders_;  // of homes that have ended
  std::unique_ptr<RecordingRequests> recording_requests_;          // nothing: no recordings
  bool has_response_over_ = false;                                 // of those
  bool has_finished_recorders_ = false;
  std::unique_ptr<disk::PastTable> past_;  // null: there are no recordings
  // Sessions that have asked it: which one by what ticket, and the last of each. Of those, viewers
  // that have left a stream, and requests that have no response yet.
  std::unordered_map<disk::PastAsker, std::uint64_t> past_tickets_;
  std::unordered_map<std::uint64_t, disk::PastAsker> past_askers_;
  std::unordered_map<std::uint64_t, session::HttpViewer*> moving_;
  std::unordered_map<std::uint64_t, Wanted> past_wanted_;
  disk::PastAsker last_past_ticket_ = 0;

  /// How far a drain has come here; it goes forward only.
  enum class Drain : std::uint8_t { none, viewers, others, publishers, recordings, done };
  Drain drain_ = Drain::none;
  DrainSchedule drain_schedule_;

  control::WorkerReport counts_;  // of what has ended; the rest is filled in by report()
};

}  // namespace server
