#include "relay/control/api.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace control {
namespace {

// Two workers: the home of one stream and another with viewers of it.
std::vector<WorkerReport> reports() {
  std::vector<WorkerReport> workers(2);
  for (unsigned index : {0U, 1U}) {
    workers[index].worker = index;
    StreamReport& stream = workers[index].streams.emplace_back();
    stream.path = "live/cam";
    stream.viewers = index + 1;
  }
  StreamReport::Home& home = *(workers[1].streams[0].home = StreamReport::Home{});
  home.epoch = 0x1f;
  home.first_sequence = 5;
  home.next_sequence = 9;
  return workers;
}

bool has(const std::string& text, const char* part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a stream is described by its home and watched on all workers") {
  const std::string json = streams_json(reports());
  CHECK(has(json, R"("path":"live/cam","epoch":"000000000000001f","live":false)"));
  CHECK(has(json, R"("viewers":3)"));
  CHECK(has(json, R"("chunks":"4","first_sequence":"5","next_sequence":"9")"));
  CHECK_FALSE(has(json, "recording"));
}

TEST_CASE("a recorded stream says how its recording is doing") {
  auto workers = reports();
  auto& recording = workers[1].streams[0].home->recording.emplace();
  recording.bytes = 7'000'000'000;
  recording.segments = 12;
  CHECK(has(streams_json(workers),
            R"("recording":{"state":"recording","detail":"","bytes":"7000000000",)"
            R"("waiting_bytes":"0","segments":"12","gap_seconds":0})"));
  recording.state = disk::RecordingState::failed;
  recording.detail = "No space left on device";
  recording.waiting_bytes = 3;
  recording.gaps = 1500ms;
  const std::string json = streams_json(workers);
  CHECK(has(json, R"("state":"failed","detail":"No space left on device")"));
  CHECK(has(json, R"("waiting_bytes":"3")"));
  CHECK(has(json, R"("gap_seconds":1.5)"));
}

TEST_CASE("every state of a recording has the same word everywhere") {
  for (std::size_t index = 0; index < disk::recording_state_count; ++index) {
    auto workers = reports();
    const auto state = static_cast<disk::RecordingState>(index);
    workers[1].streams[0].home->recording.emplace().state = state;
    const std::string json = streams_json(workers);
    CHECK(has(json, ("\"state\":\"" + std::string(name_of(state)) + '"').c_str()));
  }
}

TEST_CASE("a timeline is told in UTC with the words for gaps") {
  disk::Timeline timeline;
  timeline.stream = "live/cam";
  const base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};
  timeline.spans = {{noon, noon + 10s, false}, {noon + 12s, noon + 12250ms, true}};
  timeline.gaps = {{noon + 10s, noon + 12s, disk::GapReason::backlog}};
  CHECK(timeline_json(timeline) ==
        R"({"stream":"live/cam","spans":[)"
        R"({"from":"2026-03-27T12:00:00.000Z","to":"2026-03-27T12:00:10.000Z","open":false},)"
        R"({"from":"2026-03-27T12:00:12.000Z","to":"2026-03-27T12:00:12.250Z","open":true}],)"
        R"("gaps":[{"from":"2026-03-27T12:00:10.000Z","to":"2026-03-27T12:00:12.000Z",)"
        R"("seconds":2,"reason":"backlog"}],"next":""})"
        "\n");
  timeline.next = noon + 1min;
  CHECK(has(timeline_json(timeline), R"("next":"2026-03-27T12:01:00.000Z")"));
}

TEST_CASE("sessions are told with their lease or as connected") {
  const base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};
  SessionPage page;
  CHECK(sessions_json(page) == "{\"sessions\":[],\"next\":\"\"}\n");
  page.sessions.push_back({"0a", true, "live/cam", "wire", noon, 7, noon + 1h, std::nullopt});
  page.sessions.push_back({"0b", false, "live/cam", "wire", noon, 8, noon + 1h, noon + 1min});
  const std::string json = sessions_json(page);
  CHECK(has(json, R"({"id":"0a","kind":"publisher","stream":"live/cam","protocol":"wire",)"
                  R"("start":"2026-03-27T12:00:00.000Z","bytes":"7","connected":true,"lease":"",)"
                  R"("expires":"2026-03-27T13:00:00.000Z"})"));
  CHECK(has(json, R"("kind":"viewer")"));
  CHECK(has(json, R"("connected":false,"lease":"2026-03-27T12:01:00.000Z")"));
  page.has_more = true;
  CHECK(has(sessions_json(page), R"("next":"0b")"));
}

TEST_CASE("revocations are told with when they are forgotten") {
  const base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};
  RevocationPage page{{{"0a", noon}}, false};
  CHECK(revocations_json(page) ==
        R"({"revocations":[{"id":"0a","expires":"2026-03-27T12:00:00.000Z"}],"next":""})"
        "\n");
  page.has_more = true;
  CHECK(has(revocations_json(page), R"("next":"0a")"));
}

TEST_CASE("usage is told per day and stream") {
  const usage::Day day = std::chrono::year(2026) / 11 / 23;
  usage::Page page;
  CHECK(has(usage_json(page), R"({"usage":[],"next":""})"));
  page.entries.push_back({day, "live/cam", {1, 18'446'744'073'709'551'615U, 90'061'001}});
  page.entries.push_back({day, "a,\"b\"", {}});
  page.next = day + std::chrono::days(1);
  const std::string json = usage_json(page);
  CHECK(has(json, R"({"day":"2026-11-23","stream":"live/cam","bytes_in":"1",)"
                  R"("bytes_out":"18446744073709551615","viewer_ms":"90061001"})"));
  CHECK(has(json, R"("stream":"a,\"b\"","bytes_in":"0")"));
  CHECK(has(json, R"("next":"2026-11-24T00:00:00.000Z")"));
}

}  // namespace control
