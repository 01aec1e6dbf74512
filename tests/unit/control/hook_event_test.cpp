#include "relay/control/hook_event.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace control;
using Words = std::vector<std::string>;

namespace {

HookEvent event() {
  HookEvent told;
  told.hook = Hook::on_unpublish;
  told.stream = "live/cam";
  told.time = base::Utc(std::chrono::milliseconds(1'795'641'600'123));
  return told;
}

}  // namespace

TEST_CASE("an event is one line of JSON with the names of the schema") {
  HookEvent told = event();
  told.peer = "[::1]:7";
  told.user_agent = "a\n\"b\"";
  told.bytes = 1ull << 60;
  CHECK(hook_json(told) ==
        "{\"event\":\"on_unpublish\",\"stream\":\"live/cam\",\"time\":\"" +
            base::to_iso8601(told.time) +
            "\",\"protocol\":\"\",\"peer\":\"[::1]:7\",\"user_agent\":\"a\\n\\\"b\\\"\","
            "\"reason\":\"\",\"bytes\":\"1152921504606846976\",\"seconds\":0}\n");
}

TEST_CASE("what is not ASCII does not break the JSON") {
  HookEvent told = event();
  told.user_agent = "a\xff\xc3\xbc";
  CHECK(hook_json(told).find("\"user_agent\":\"a???\"") != std::string::npos);
}

TEST_CASE("of an event everything that is set is a variable") {
  HookEvent told = event();
  const std::string time = "SPANCAST_TIME=" + base::to_iso8601(told.time);
  CHECK(hook_variables(told) ==
        Words{"SPANCAST_EVENT=on_unpublish", "SPANCAST_STREAM=live/cam", time});
  told.protocol = "http";
  told.peer = "10.0.0.1:2";
  told.user_agent = std::string("a\0b", 3);
  told.reason = "finished";
  told.bytes = 5;
  told.seconds = 1.5;
  CHECK(hook_variables(told) == Words{"SPANCAST_EVENT=on_unpublish", "SPANCAST_STREAM=live/cam",
                                      time, "SPANCAST_PROTOCOL=http", "SPANCAST_PEER=10.0.0.1:2",
                                      "SPANCAST_USER_AGENT=ab", "SPANCAST_REASON=finished",
                                      "SPANCAST_BYTES=5", "SPANCAST_SECONDS=1.500"});
}

TEST_CASE("every hook and every end has its name and its command") {
  HooksConfig hooks;
  hooks.on_publish = {"on_publish"};
  hooks.on_unpublish = {"on_unpublish"};
  hooks.on_first_viewer = {"on_first_viewer"};
  hooks.on_last_viewer = {"on_last_viewer"};
  hooks.on_slow_viewer = {"on_slow_viewer"};
  for (std::size_t index = 0; index < hook_count; ++index) {
    const auto hook = static_cast<Hook>(index);
    CHECK(command_of(hooks, hook) == Words{name_of(hook)});
  }
  std::set<std::string> names;
  for (std::size_t index = 0; index < hook_end_count; ++index) {
    names.insert(name_of(static_cast<HookEnd>(index)));
  }
  CHECK(names.size() == hook_end_count);
}
