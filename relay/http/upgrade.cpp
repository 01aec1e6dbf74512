#include "relay/http/upgrade.hpp"

#include <array>

#include "relay/protocol/websocket/handshake.hpp"

namespace http {
namespace {

constexpr std::array protocols = {wire_protocol};

// RFC 9110, 5.3: lines of one field are one list.
std::string joined(const RequestHead& head, std::string_view name) {
  std::string list;
  for (const auto& [field, value] : head.fields) {
    if (!equal_ignoring_case(field, name)) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

UpgradeAnswer refuse(unsigned status, std::string reason) {
  return {{status, {}}, std::move(reason)};
}

}  // namespace

bool asks_for_websocket(const RequestHead& head) noexcept {
  return head.method == Method::get && head.upgrade &&
         websocket::asks_for_websocket(joined(head, "Upgrade"));
}

UpgradeAnswer answer_upgrade(const RequestHead& head) {
  if (head.has_body()) return refuse(400, "a request for a WebSocket has no body");
  const std::string upgrade = joined(head, "Upgrade");
  const std::string version = joined(head, "Sec-WebSocket-Version");
  const std::string key = joined(head, "Sec-WebSocket-Key");
  const std::string offered = joined(head, "Sec-WebSocket-Protocol");
  const auto answer = websocket::answer({upgrade, version, key, offered}, protocols);
  if (!answer) {
    if (answer.error() != websocket::Errc::wrong_version) {
      return refuse(400, answer.error().message());
    }
    UpgradeAnswer other = refuse(426, answer.error().message());
    other.head.fields.emplace_back("Sec-WebSocket-Version", websocket::version);
    return other;
  }
  if (answer->protocol.empty()) {
    return refuse(400, "the WebSocket's subprotocol must be " + std::string(wire_protocol));
  }
  return {{101,
           {{"Upgrade", "websocket"},
            {"Connection", "Upgrade"},
            {"Sec-WebSocket-Accept", answer->accept},
            {"Sec-WebSocket-Protocol", std::string(answer->protocol)}}},
          {}};
}

}  // namespace http
