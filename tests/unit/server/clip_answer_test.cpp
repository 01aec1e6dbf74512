#include "relay/server/clip_answer.hpp"

#include <doctest/doctest.h>

#include <map>

#include "relay/disk/errc.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

constexpr base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};  // 2026-03-27

http::When at(std::chrono::microseconds after_noon) { return noon + after_noon; }
http::When ago(base::Duration duration) { return -duration; }

std::string refusal(const std::optional<http::When>& from, const std::optional<http::When>& to) {
  const auto read = read_clip_request("live/cam", {from, to}, noon, noon - 1s, 1h);
  const auto* refused = std::get_if<Refusal>(&read);
  return refused == nullptr ? "" : std::to_string(refused->status) + " " + refused->reason;
}
ClipWanted wanted(const http::When& from, const std::optional<http::When>& to,
                  base::Utc recorded = noon - 1s) {
  const auto read = read_clip_request("live/cam", {from, to}, noon, recorded, 1h);
  REQUIRE(std::holds_alternative<ClipWanted>(read));
  return std::get<ClipWanted>(read);
}

/// A plan of 1000 bytes, and what is answered about it.
struct Rig {
  Rig() {
    plan.head.resize(100);
    plan.content_bytes = 900;
    plan.etag = "\"tag\"";
    plan.start = noon - 10min;
    plan.end = noon - 5min;
    head.method = http::Method::get;
    head.http_1_1 = true;
  }
  // "206 200+300", and its fields.
  std::string answer(bool is_moving = false) {
    const ClipAnswer answer =
        answer_clip(head, {{"live/cam", noon - 10min, noon - 5min}, is_moving}, plan);
    fields = {answer.head.fields.begin(), answer.head.fields.end()};
    CHECK(fields.size() == answer.head.fields.size());
    return std::to_string(answer.head.status) + " " + std::to_string(answer.part.first) + "+" +
           std::to_string(answer.part.bytes);
  }

  ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  disk::Store store{{folder.path(), 0, 0, 4}, log};
  std::atomic<std::uint64_t> memory{0};
  disk::ClipPlan plan{store, memory};
  http::RequestHead head;
  std::map<std::string, std::string> fields;
};

}  // namespace

TEST_CASE("a clip is of two times and stays the same where both are past") {
  const ClipWanted fixed = wanted(at(-10min), at(-5min));
  CHECK(fixed.request == disk::ClipRequest{"live/cam", noon - 10min, noon - 5min});
  CHECK_FALSE(fixed.is_moving);
  CHECK(wanted(at(-10min), at(0s)).is_moving == false);
}

TEST_CASE("a clip whose times are told from now or that goes beyond it is another one later") {
  CHECK(wanted(ago(30s), at(-10s)).is_moving);
  CHECK(wanted(at(-30s), ago(10s)).is_moving);
  CHECK(wanted(ago(30s), std::nullopt).request == disk::ClipRequest{"live/cam", noon - 30s, noon});
  CHECK(wanted(at(-30s), at(10s)).request.to == noon);
  CHECK(wanted(at(-30s), at(10s)).is_moving);
  // Told as they are, times come back as the same.
  CHECK(wanted(ago(30s + 1234567ns), std::nullopt).request.from == noon - 30s - 2ms);
}

TEST_CASE("what is recorded ahead of the clock is not in the future") {
  CHECK_FALSE(wanted(at(-30s), at(10s), noon + 10s).is_moving);
  CHECK(wanted(at(-30s), at(11s), noon + 10s).request.to == noon + 10s);
  CHECK(wanted(at(5s), std::nullopt, noon + 10s).request.to == noon + 10s);
}

TEST_CASE("every wrong request for a clip is refused with a sentence") {
  CHECK(refusal(std::nullopt, at(-1s)).starts_with("400 from: a time is needed"));
  CHECK(refusal(at(-5s), at(-10s)) == "400 from is not before to");
  CHECK(refusal(at(-5s), at(-5s)) == "400 from is not before to");
  CHECK(refusal(at(5s), at(10s)) == "400 from is in the future");
  CHECK(refusal(at(5s), std::nullopt) == "400 from is in the future");
  CHECK(refusal(at(0s), std::nullopt) == "400 from is in the future");
  CHECK(refusal(at(5s), at(-5s)) == "400 from is in the future");
  CHECK(refusal(at(-61min), at(-1s)) == "400 a clip is at most clip.max long: 3600 s");
  CHECK(refusal(ago(61min), std::nullopt) == "400 a clip is at most clip.max long: 3600 s");
  CHECK(refusal(at(-1h), at(0s)) == "");
  // An end that is to come is where the recording ends; however far away.
  CHECK(refusal(at(-1h), at(std::chrono::hours(24 * 365 * 900))) == "");
}

TEST_CASE("why there is no clip has a status and a sentence") {
  const disk::ClipRequest request{"live/cam", noon, noon + 10s};
  const auto told = [&](base::Error error, bool is_recorded = true) {
    const Refusal refusal = refuse_clip(request, error, is_recorded);
    return std::to_string(refusal.status) + " " + refusal.reason;
  };
  CHECK(told(disk::Errc::nothing_recorded) ==
        "404 nothing of live/cam is recorded from 2026-03-27T12:00:00.000Z to "
        "2026-03-27T12:00:10.000Z");
  CHECK(told(disk::Errc::nothing_recorded, false) == "404 live/cam is not recorded");
  CHECK(told(disk::Errc::nothing_fits) == "406 none of its tracks fits MP4");
  CHECK(told(disk::Errc::clip_too_large).starts_with("400 the clip has too many frames"));
  CHECK(told(make_error_code(boost::system::errc::resource_unavailable_try_again))
            .starts_with("503 "));
  CHECK(told(make_error_code(boost::system::errc::io_error)).starts_with("500 the recording "));
}

TEST_CASE("a clip has a length and a tag and says what it shows") {
  Rig rig;
  CHECK(rig.answer() == "200 0+1000");
  CHECK(rig.fields.at("Content-Length") == "1000");
  CHECK(rig.fields.at("Content-Type") == "video/mp4");
  CHECK(rig.fields.at("Accept-Ranges") == "bytes");
  CHECK(rig.fields.at("ETag") == "\"tag\"");
  CHECK(rig.fields.at("X-Spancast-Start") == "2026-03-27T11:50:00.000Z");
  CHECK(rig.fields.at("X-Spancast-End") == "2026-03-27T11:55:00.000Z");
  CHECK(rig.fields.at("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(rig.fields.contains("X-Spancast-Gap"));
  CHECK_FALSE(rig.fields.contains("X-Spancast-Missing"));
  CHECK_FALSE(rig.fields.contains("Content-Location"));
  rig.head.method = http::Method::head;
  rig.head.range = "bytes=0-9";
  CHECK(rig.answer() == "200 0+0");
  CHECK(rig.fields.at("Content-Length") == "1000");
}

TEST_CASE("a clip says which gaps it has and which tracks it has not") {
  Rig rig;
  rig.plan.gaps = {{noon - 9min, noon - 8min, disk::GapReason::backlog},
                   {noon - 7min, noon - 6min, disk::GapReason::restart}};
  rig.plan.missing = "video/vp9";
  rig.answer();
  CHECK(rig.fields.at("X-Spancast-Gap") ==
        "2026-03-27T11:51:00.000Z/2026-03-27T11:52:00.000Z; reason=backlog, "
        "2026-03-27T11:53:00.000Z/2026-03-27T11:54:00.000Z; reason=restart");
  CHECK(rig.fields.at("X-Spancast-Missing") == "video/vp9");
}

TEST_CASE("a range of a clip is sent and one behind its end is refused") {
  Rig rig;
  rig.head.range = "bytes=200-499";
  CHECK(rig.answer() == "206 200+300");
  CHECK(rig.fields.at("Content-Range") == "bytes 200-499/1000");
  CHECK(rig.fields.at("Content-Length") == "300");
  rig.head.range = "bytes=-1";
  CHECK(rig.answer() == "206 999+1");
  rig.head.range = "bytes=1000-";
  CHECK(rig.answer() == "416 0+0");
  CHECK(rig.fields.at("Content-Range") == "bytes */1000");
}

TEST_CASE("a range counts only of the file that the client has") {
  Rig rig;
  rig.head.range = "bytes=200-";
  rig.head.if_range = "\"tag\"";
  CHECK(rig.answer() == "206 200+800");
  rig.head.if_range = "\"other\"";
  CHECK(rig.answer() == "200 0+1000");
  rig.head.if_range = "W/\"tag\"";
  CHECK(rig.answer() == "200 0+1000");
  rig.head.if_range = "Fri, 27 Mar 2026 12:00:00 GMT";
  CHECK(rig.answer() == "200 0+1000");
}

TEST_CASE("a client that has the clip is told so") {
  Rig rig;
  rig.head.if_none_match = "\"other\", W/\"tag\"";
  CHECK(rig.answer() == "304 0+0");
  CHECK(rig.fields.at("ETag") == "\"tag\"");
  CHECK_FALSE(rig.fields.contains("Content-Length"));
  rig.head.if_none_match = "\"other\"";
  CHECK(rig.answer() == "200 0+1000");
}

TEST_CASE("a clip that is another one later has no ranges and tells where it stays the same") {
  Rig rig;
  rig.head.range = "bytes=200-";
  CHECK(rig.answer(true) == "200 0+1000");
  CHECK(rig.fields.at("Accept-Ranges") == "none");
  CHECK(rig.fields.at("Cache-Control") == "no-store");
  CHECK(rig.fields.at("Content-Location") ==
        "clip.mp4?from=2026-03-27T11:50:00.000Z&to=2026-03-27T11:55:00.000Z");
}

}  // namespace server
