#include "relay/server/clip_answer.hpp"

#include <algorithm>
#include <utility>

#include "relay/disk/errc.hpp"
#include "relay/http/etag.hpp"

namespace server {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

base::Utc to_milliseconds(base::Utc utc) {
  return std::chrono::floor<std::chrono::milliseconds>(utc);
}

// Times as they are told are whole milliseconds, so that whoever gives them back means the same.
base::Utc resolve(const http::When& when, base::Utc now) {
  const base::Utc utc = http::to_utc(when, now);
  return std::holds_alternative<base::Utc>(when) ? utc : to_milliseconds(utc);
}

std::string format_gaps(const disk::ClipPlan& plan) {
  std::string text;
  for (const disk::ClipPlan::Gap& gap : plan.gaps) {
    if (!text.empty()) text += ", ";
    text += base::to_iso8601(gap.from) + "/" + base::to_iso8601(gap.to) +
            "; reason=" + disk::name_of(gap.reason);
  }
  return text;
}

Fields fields_of(const ClipWanted& wanted, const disk::ClipPlan& plan) {
  std::string exposed =
      "Accept-Ranges, Content-Length, Content-Range, ETag, X-Spancast-Start, "
      "X-Spancast-End";
  Fields fields{{"ETag", plan.etag},
                {"Cache-Control", wanted.is_moving ? "no-store" : "no-cache"},
                {"Accept-Ranges", wanted.is_moving ? "none" : "bytes"},
                {"X-Spancast-Start", base::to_iso8601(plan.start)},
                {"X-Spancast-End", base::to_iso8601(plan.end)},
                {"Access-Control-Allow-Origin", "*"}};
  if (wanted.is_moving) fields.emplace_back("Content-Location", clip_location(wanted.request));
  if (!plan.gaps.empty()) {
    fields.emplace_back("X-Spancast-Gap", format_gaps(plan));
    exposed += ", X-Spancast-Gap";
  }
  if (!plan.missing.empty()) {
    fields.emplace_back("X-Spancast-Missing", plan.missing);
    exposed += ", X-Spancast-Missing";
  }
  fields.emplace_back("Access-Control-Expose-Headers", std::move(exposed));
  return fields;
}

// RFC 9110, 14.2: a range counts for GET only, and, with If-Range, only of the very same file. A
// date there is none that we have told.
http::Part part_of(const http::RequestHead& head, const ClipWanted& wanted,
                   const disk::ClipPlan& plan) {
  const bool is_same = head.if_range.empty() || head.if_range == plan.etag;
  const bool counts = head.method == http::Method::get && !wanted.is_moving && is_same;
  return http::read_range(counts ? head.range : std::string_view(), plan.bytes());
}

}  // namespace

std::variant<ClipWanted, Refusal> read_clip_request(const std::string& stream,
                                                    const http::RangeQuery& range, base::Utc now,
                                                    base::Utc recorded, base::Duration clip_max) {
  if (!range.from) {
    return Refusal{400, "from: a time is needed, like 2026-11-26T19:31:06Z or -30s"};
  }
  const base::Utc from = resolve(*range.from, now);
  const base::Utc known = to_milliseconds(std::max(now, recorded));
  const base::Utc to = range.to ? resolve(*range.to, now) : known;
  if (from >= known) return Refusal{400, "from is in the future"};
  if (from >= to) return Refusal{400, "from is not before to"};
  // Nanoseconds between two UTCs might not fit.
  if (std::min(to, known) - from > std::chrono::floor<std::chrono::microseconds>(clip_max)) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clip_max).count();
    return Refusal{400, "a clip is at most clip.max long: " + std::to_string(seconds) + " s"};
  }
  const bool is_told = std::holds_alternative<base::Utc>(*range.from) && range.to &&
                       std::holds_alternative<base::Utc>(*range.to);
  return ClipWanted{{stream, from, std::min(to, known)}, !is_told || to > known};
}

Refusal refuse_clip(const disk::ClipRequest& request, base::Error error, bool is_recorded) {
  if (error == disk::Errc::nothing_recorded) {
    if (!is_recorded) return {404, request.stream + " is not recorded"};
    return {404, "nothing of " + request.stream + " is recorded from " +
                     base::to_iso8601(request.from) + " to " + base::to_iso8601(request.to)};
  }
  if (error == disk::Errc::nothing_fits) return {406, error.message()};
  if (error == disk::Errc::clip_too_large) return {400, error.message()};
  if (error == boost::system::errc::resource_unavailable_try_again) {
    return {503, "too many wait for the disk: nobody else can be served now"};
  }
  return {500, "the recording cannot be read: " + error.message()};
}

std::string clip_location(const disk::ClipRequest& request) {
  return "clip.mp4?from=" + base::to_iso8601(request.from) + "&to=" + base::to_iso8601(request.to);
}

ClipAnswer answer_clip(const http::RequestHead& head, const ClipWanted& wanted,
                       const disk::ClipPlan& plan) {
  ClipAnswer answer{{200, fields_of(wanted, plan), head.http_1_1}, part_of(head, wanted, plan)};
  const auto add = [&answer](const char* name, std::string value) {
    answer.head.fields.emplace_back(name, std::move(value));
  };
  if (http::has_etag(head.if_none_match, plan.etag)) {
    answer.head.status = 304;
    answer.part.bytes = 0;
    return answer;
  }
  const std::string total = std::to_string(plan.bytes());
  switch (answer.part.kind) {
    case http::Part::Kind::whole:
      break;
    case http::Part::Kind::some:
      answer.head.status = 206;
      add("Content-Range", "bytes " + std::to_string(answer.part.first) + "-" +
                               std::to_string(answer.part.first + answer.part.bytes - 1) + "/" +
                               total);
      break;
    case http::Part::Kind::none:
      answer.head.status = 416;
      add("Content-Range", "bytes */" + total);
      return answer;
  }
  add("Content-Type", "video/mp4");
  add("Content-Length", std::to_string(answer.part.bytes));
  if (head.method == http::Method::head) answer.part.bytes = 0;
  return answer;
}

}  // namespace server
