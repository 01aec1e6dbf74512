#include "relay/control/hook_event.hpp"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdio>

#include "schemas/hook.pb.h"

namespace control {
namespace {

spancast::HookEvent to_message(const HookEvent& event) {
  spancast::HookEvent message;
  message.set_event(name_of(event.hook));
  message.set_stream(event.stream);
  message.set_time(base::to_iso8601(event.time));
  message.set_protocol(event.protocol);
  message.set_peer(event.peer);
  message.set_user_agent(to_ascii(event.user_agent));
  message.set_reason(event.reason);
  message.set_bytes(event.bytes);
  message.set_seconds(event.seconds);
  return message;
}

// A NUL would end it.
std::string variable(const char* name, std::string value) {
  std::erase(value, '\0');
  return std::string("SPANCAST_") + name + '=' + value;
}

}  // namespace

const char* name_of(Hook hook) noexcept {
  switch (hook) {
    case Hook::on_publish:
      return "on_publish";
    case Hook::on_unpublish:
      return "on_unpublish";
    case Hook::on_first_viewer:
      return "on_first_viewer";
    case Hook::on_last_viewer:
      return "on_last_viewer";
    case Hook::on_slow_viewer:
      return "on_slow_viewer";
  }
  return "unknown";
}

const std::vector<std::string>& command_of(const HooksConfig& hooks, Hook hook) noexcept {
  switch (hook) {
    case Hook::on_publish:
      return hooks.on_publish;
    case Hook::on_unpublish:
      return hooks.on_unpublish;
    case Hook::on_first_viewer:
      return hooks.on_first_viewer;
    case Hook::on_last_viewer:
      return hooks.on_last_viewer;
    case Hook::on_slow_viewer:
      break;
  }
  return hooks.on_slow_viewer;
}

const char* name_of(HookEnd end) noexcept {
  switch (end) {
    case HookEnd::good:
      return "good";
    case HookEnd::failed:
      return "failed";
    case HookEnd::timeout:
      return "timeout";
    case HookEnd::not_started:
      return "not_started";
    case HookEnd::dropped:
      return "dropped";
  }
  return "unknown";
}

std::string to_ascii(std::string_view text) {
  std::string ascii(text);
  std::ranges::replace_if(
      ascii, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return ascii;
}

std::string hook_json(const HookEvent& event) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  static_cast<void>(google::protobuf::util::MessageToJsonString(to_message(event), &json, options));
  return json + '\n';
}

std::vector<std::string> hook_variables(const HookEvent& event) {
  std::vector<std::string> variables{variable("EVENT", name_of(event.hook)),
                                     variable("STREAM", event.stream),
                                     variable("TIME", base::to_iso8601(event.time))};
  if (!event.protocol.empty()) variables.push_back(variable("PROTOCOL", event.protocol));
  if (!event.peer.empty()) variables.push_back(variable("PEER", event.peer));
  if (!event.user_agent.empty()) variables.push_back(variable("USER_AGENT", event.user_agent));
  if (!event.reason.empty()) variables.push_back(variable("REASON", event.reason));
  if (event.bytes > 0) variables.push_back(variable("BYTES", std::to_string(event.bytes)));
  if (event.seconds > 0) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.3f", event.seconds);
    variables.push_back(variable("SECONDS", seconds));
  }
  return variables;
}

}  // namespace control
