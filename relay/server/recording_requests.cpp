#include "relay/server/recording_requests.hpp"

#include <utility>

#include "relay/control/api.hpp"
#include "relay/disk/errc.hpp"

namespace server {
namespace {

constexpr std::string_view retry_after = "5";

}  // namespace

RecordingRequests::RecordingRequests(loop::Worker& worker, memory::BlockPool& pool,
                                     disk::ClipTable& clips, const control::Config& config,
                                     base::Log& log, Host& host)
    : worker_(worker), pool_(pool), clips_(clips), config_(config), log_(log), host_(host) {}

RecordingRequests::~RecordingRequests() = default;

void RecordingRequests::serve(session::HttpConnection& connection, http::RequestHead head,
                              http::Route route) noexcept {
  if (is_draining_) return host_.refuse_in_drain(connection);
  if (route.kind == http::RouteKind::timeline) return serve_timeline(connection, route);
  serve_clip(connection, std::move(head), route);
}

void RecordingRequests::serve_clip(session::HttpConnection& connection, http::RequestHead head,
                                   const http::Route& route) noexcept {
  const auto newest = clips_.store().newest(route.stream);
  auto read = read_clip_request(route.stream, route.range, base::utc_now(),
                                newest ? newest->end : base::Utc(), config_.clip_max);
  if (const auto* refusal = std::get_if<Refusal>(&read)) return refuse(connection, *refusal);
  ClipWanted& wanted = std::get<ClipWanted>(read);
  // Whoever asks for ranges asks again, for parts of the same file: that needs a fixed address.
  if (wanted.is_moving && !head.range.empty() && head.method == http::Method::get) {
    const std::string location = clip_location(wanted.request);
    return connection.respond({307,
                               {{"Location", location},
                                {"Content-Type", "text/plain"},
                                {"Cache-Control", "no-store"},
                                {"Access-Control-Allow-Origin", "*"}}},
                              location + "\n");
  }
  if (host_.is_arena_full()) return refuse_for_now(connection, "memory.arena is full");
  if (!clips_.ask(worker_, wanted.request, *this, connection.id())) {
    return refuse_for_now(connection, "too many clips are asked for");
  }
  waiting_.insert_or_assign(connection.id(), Waiting{std::move(head), std::move(wanted)});
}

void RecordingRequests::on_clip_planned(std::uint64_t id, disk::ClipTable::Answer answer) noexcept {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  session::HttpConnection* connection = host_.find_waiting(id);
  if (connection == nullptr) return;
  if (answer) return this->answer(*connection, waiting, std::move(*answer));
  const auto& request = waiting.wanted.request;
  const Refusal refusal = refuse_clip(request, answer.error(), is_recorded(request.stream));
  if (refusal.status == 500) {
    log_.warning("a clip cannot be made",
                 {{"stream", request.stream}, {"error", answer.error().message()}});
  }
  refuse(*connection, refusal);
}

void RecordingRequests::answer(session::HttpConnection& connection, const Waiting& waiting,
                               std::shared_ptr<const disk::ClipPlan> plan) noexcept {
  ClipAnswer answer = answer_clip(waiting.head, waiting.wanted, *plan);
  if (answer.head.status == 416) {
    return host_.refuse_request(connection, 416, "the range lies behind the end of the clip",
                                std::move(answer.head.fields));
  }
  if (answer.part.bytes == 0) return connection.respond_head(std::move(answer.head));
  start(connection, waiting, std::move(plan), answer);
}

void RecordingRequests::start(session::HttpConnection& connection, const Waiting& waiting,
                              std::shared_ptr<const disk::ClipPlan> plan,
                              const ClipAnswer& answer) noexcept {
  auto share = clips_.reserve(session::ClipResponse::arena_bytes(pool_.arena()));
  if (host_.is_arena_full() || !share) {
    return refuse_for_now(connection, "there is no memory left for clips");
  }
  const std::string& stream = waiting.wanted.request.stream;
  const bool keep_alive = waiting.head.keep_alive && !host_.is_leaving();
  http::ResponseHead head = answer.head;
  if (keep_alive != head.http_1_1) {
    head.fields.emplace_back("Connection", keep_alive ? "keep-alive" : "close");
  }
  session::ClipResponse::Request request{std::move(plan),
                                         answer.part.first,
                                         answer.part.bytes,
                                         http::write_head(head),
                                         connection.take_received(),
                                         keep_alive,
                                         config_.for_path(stream).policy.viewer.stall_timeout};
  const std::uint64_t id = host_.new_id();
  auto& response = responses_[id];
  response = std::make_unique<session::ClipResponse>(id, worker_, pool_, clips_.store().read_lane(),
                                                     clips_.store().root(), connection.take_tcp(),
                                                     *this, std::move(request), std::move(*share));
  response->start();
}

session::ClipResponse* RecordingRequests::find_clip(std::uint64_t id) noexcept {
  const auto found = responses_.find(id);
  return found == responses_.end() ? nullptr : found->second.get();
}

void RecordingRequests::on_clip_end(session::ClipResponse& response,
                                    session::ClipEnd end) noexcept {
  ++counts_.clips;
  counts_.clip_bytes += response.bytes_read();
  counts_.bytes += response.bytes_read();
  if (response.failure()) ++counts_.errors;
  if (response.failure() == disk::Errc::bad_checksum) ++counts_.damaged;
  const std::string detail = response.failure() ? response.failure().message() : std::string();
  log_.info("clip ended",
            {{"stream", response.plan().stream},
             {"peer", response.peer()},
             {"from", base::to_iso8601(response.plan().start)},
             {"to", base::to_iso8601(response.plan().end)},
             {"bytes", response.bytes()},
             {"seconds", base::to_seconds(base::monotonic_now() - response.started())},
             {"reason", name_of(end)},
             {"detail", detail}});
  host_.on_clip_sent(response);
  over_.push_back(response.id());
  host_.on_response_over();
}

void RecordingRequests::sweep() noexcept {
  for (const std::uint64_t id : std::exchange(over_, {})) {
    const auto found = responses_.find(id);
    session::ClipResponse& response = *found->second;
    if (response.can_go_on()) {
      host_.take_back(response.take_tcp(), response.take_received());
    } else {
      host_.take_back(nullptr, {});
    }
    responses_.erase(found);
    host_.on_clip_gone(id);
  }
}

void RecordingRequests::on_time(base::Time now) noexcept {
  clips_.on_time(now);
  // One that ends is in the list until it is swept.
  for (const auto& [id, response] : responses_) {
    host_.on_clip_sent(*response);
    response->on_time(now);
  }
  std::erase_if(waiting_, [this](const auto& waiting) {
    return host_.find_waiting(waiting.first) == nullptr;
  });
}

void RecordingRequests::drain() noexcept {
  is_draining_ = true;
  for (const auto& [id, waiting] : std::exchange(waiting_, {})) {
    if (auto* connection = host_.find_waiting(id)) host_.refuse_in_drain(*connection);
  }
  for (const auto& [id, response] : responses_) response->drain();
}

void RecordingRequests::cut_off() noexcept {
  for (const auto& [id, response] : responses_) response->cut_off(session::ClipEnd::drain);
}

void RecordingRequests::report(disk::PastCounters& counters) const noexcept {
  counters.clips += counts_.clips + responses_.size() - over_.size();
  counters.errors += counts_.errors;
  counters.damaged += counts_.damaged;
  counters.bytes += counts_.bytes;
  counters.clip_bytes += counts_.clip_bytes;
  for (const auto& [id, response] : responses_) {
    if (response->is_over()) continue;
    counters.bytes += response->bytes_read();
    counters.clip_bytes += response->bytes_read();
  }
}

void RecordingRequests::serve_timeline(session::HttpConnection& connection,
                                       const http::Route& route) noexcept {
  const base::Utc now = base::utc_now();
  const base::Utc from = route.range.from ? http::to_utc(*route.range.from, now) : base::Utc();
  const base::Utc to = route.range.to ? http::to_utc(*route.range.to, now) : base::Utc::max();
  if (from >= to) return refuse(connection, {400, "from is not before to"});
  if (timelines_ == timelines_max) {
    return refuse_for_now(connection, "too many timelines are asked for");
  }
  // Shared by the two halves of the job, one after the other.
  auto timeline = std::make_shared<base::Result<disk::Timeline>>(disk::Timeline());
  const bool is_taken = clips_.store().read_lane().submit_work(
      worker_,
      [&store = clips_.store(), stream = route.stream, from, to, timeline]() noexcept {
        *timeline = disk::read_timeline(store, stream, from, to);
      },
      [this, id = connection.id(), stream = route.stream, timeline]() noexcept {
        on_timeline(id, stream, *timeline);
      });
  if (!is_taken) return refuse_for_now(connection, "too many wait for the disk");
  ++timelines_;
}

void RecordingRequests::on_timeline(std::uint64_t id, const std::string& stream,
                                    const base::Result<disk::Timeline>& timeline) noexcept {
  --timelines_;
  session::HttpConnection* connection = host_.find_waiting(id);
  if (connection == nullptr) return;
  if (timeline)
    return connection->respond(http::fresh_head("application/json"),
                               control::timeline_json(*timeline));
  if (timeline.error() == disk::Errc::nothing_recorded) {
    return refuse(*connection,
                  {404, is_recorded(stream) ? "nothing of " + stream + " is recorded yet"
                                            : stream + " is not recorded"});
  }
  refuse(*connection,
         {500, "the catalog of recordings cannot be read: " + timeline.error().message()});
}

bool RecordingRequests::is_recorded(const std::string& stream) const noexcept {
  return config_.for_path(stream).recording.enabled;
}

void RecordingRequests::refuse(session::HttpConnection& connection,
                               const Refusal& refusal) noexcept {
  if (refusal.status == 503) return refuse_for_now(connection, refusal.reason);
  host_.refuse_request(connection, refusal.status, refusal.reason, {});
}

void RecordingRequests::refuse_for_now(session::HttpConnection& connection,
                                       std::string_view reason) noexcept {
  host_.refuse_request(connection, 503, std::string(reason) + ": try again later",
                       {{"Retry-After", std::string(retry_after)}});
}

}  // namespace server
