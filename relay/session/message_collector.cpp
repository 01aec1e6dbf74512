#include "relay/session/message_collector.hpp"

#include <utility>

#include "relay/protocol/wire/errc.hpp"
#include "relay/protocol/wire/reader.hpp"

namespace session {
namespace {

// No window outlives the call: what such a message says is copied out of it.
base::Result<wire::Message> read(std::span<const std::byte> bytes) {
  memory::WindowList windows;
  windows.push_back(memory::Window::on_static(bytes));
  auto message = wire::read_message(std::move(windows));
  if (message && std::holds_alternative<wire::Chunk>(*message)) return wire::Errc::bad_order;
  return message;
}

}  // namespace

std::optional<base::Result<wire::Message>> MessageCollector::add(const websocket::Part& part) {
  if (unfinished_.size() + part.bytes.size() > message_bytes_max) {
    return wire::Errc::envelope_too_large;
  }
  if (part.ends && unfinished_.empty()) return read(part.bytes);
  unfinished_.append(reinterpret_cast<const char*>(part.bytes.data()), part.bytes.size());
  if (!part.ends) return std::nullopt;
  const std::string whole = std::exchange(unfinished_, {});
  return read(std::as_bytes(std::span(whole)));
}

}  // namespace session
