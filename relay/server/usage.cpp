// What the streams of this worker take in and give out, as the book of the relay is told it, and
// how that is asked for.

#include <algorithm>
#include <utility>

#include "relay/control/api.hpp"
#include "relay/server/worker_server.hpp"
#include "relay/usage/csv.hpp"

namespace server {
namespace {

// Of one answer; it ends with the day in which these are reached.
constexpr std::size_t rows_max = 1000;

http::ResponseHead head_of(bool is_csv, const usage::Page& page) {
  auto head = http::fresh_head(is_csv ? "text/csv; charset=utf-8" : "application/json");
  if (is_csv && page.next) {
    head.fields.emplace_back("X-Spancast-Next", base::to_iso8601(*page.next));
    head.fields.emplace_back("Access-Control-Expose-Headers", "X-Spancast-Next");
  }
  return head;
}

}  // namespace

void WorkerServer::begin_usage() noexcept {
  if (worker_.index() == 0 && shared_.state != nullptr) save_usage();
}

// The rows of one turn, and the others in the next ones. The commit that follows writes them.
void WorkerServer::save_usage() noexcept {
  const bool is_more = shared_.usage.save();
  const base::Time now = base::monotonic_now();
  usage_timer_.wake_at(is_more ? now : now + shared_.config.state.commit_interval);
}

void WorkerServer::meter(session::Publisher& publisher) noexcept {
  meter_.see_publisher(publisher.id(), publisher.home().stream().path(), publisher.counts().bytes);
}

void WorkerServer::meter(Watching& one, base::Time now) noexcept {
  const session::Viewer& viewer = *one.viewer;
  meter_.see_viewer(one.told, viewer.path(), viewer.bytes(), viewer.started(), now);
}

void WorkerServer::on_clip_sent(const session::ClipResponse& response) noexcept {
  meter_.see_clip(response.id(), response.plan().stream, response.bytes());
}

void WorkerServer::on_clip_gone(std::uint64_t id) noexcept { meter_.forget(id); }

void WorkerServer::deliver_usage() noexcept {
  meter_.deliver(base::monotonic_now(), base::utc_now());
}

void WorkerServer::serve_usage(session::HttpConnection& connection,
                               const http::UsageQuery& query) noexcept {
  const base::Utc now = base::utc_now();
  const base::Utc from = query.from ? http::to_utc(*query.from, now) : base::Utc::min();
  const base::Utc to = query.to ? http::to_utc(*query.to, now) : base::Utc::max();
  if (from >= to) return refuse(connection, 400, "from is not before to");
  usage::Days days;
  if (query.from) days.from = usage::days_of(from, from).from;
  if (query.to) days.to = usage::days_of(to, to).to;
  const usage::Page page = shared_.usage.select(days, query.stream, rows_max);
  const bool is_csv = query.form == http::UsageQuery::Form::csv;
  connection.respond(head_of(is_csv, page),
                     is_csv ? usage::to_csv(page.entries) : control::usage_json(page));
}

}  // namespace server
