// What a proxy says of those before it, a field a line; the first byte chooses which fields they
// are. Whatever its client has sent, the address that the proxy itself appends is found, or the
// request is refused.

#include "relay/http/forwarded.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/control/client_address.hpp"
#include "relay/http/request_id.hpp"

namespace {

const base::Endpoint proxy = base::parse_endpoint("10.0.0.1:5000").value();
const base::Endpoint client = base::parse_endpoint("192.0.2.1").value();

control::AddressRanges trusted() {
  control::AddressRanges ranges;
  ranges.add("10.0.0.0/8").value();
  return ranges;
}

http::RequestHead read_head(std::string_view text, bool is_forwarded) {
  http::RequestHead head;
  const std::string name = is_forwarded ? "Forwarded" : "X-Forwarded-For";
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    head.fields.emplace_back(name, line);
  }
  return head;
}

void check_bounds(const http::RequestHead& head) {
  const auto listed = http::read_x_forwarded_for(head);
  RELAY_ASSERT(listed.size() <= http::forwarded_hops_max);
  const auto forwarded = http::read_forwarded(head);
  RELAY_ASSERT(!forwarded || forwarded->size() <= http::forwarded_hops_max);
  for (const auto& hop : listed) RELAY_ASSERT(!hop || hop->is_known);
}

void check_request_id(std::string_view text) {
  http::RequestHead head;
  head.fields = {{"X-Request-Id", std::string(text)}};
  const auto id = http::find_request_id(head);
  RELAY_ASSERT(id.empty() || id == text);
  for (const char c : id) RELAY_ASSERT(c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const control::AddressRanges proxies = trusted();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_forwarded = (data[0] & 1) != 0;
  check_request_id(text);
  http::RequestHead head = read_head(text, is_forwarded);
  check_bounds(head);
  // From anybody else it means nothing.
  RELAY_ASSERT(control::client_of(head, client, proxies).value() == client);
  // In a field of its own, and behind the client's in the same one.
  const std::string appended = is_forwarded ? "for=192.0.2.1" : "192.0.2.1";
  for (const bool is_same : {false, true}) {
    http::RequestHead sent = head;
    if (is_same && !sent.fields.empty()) {
      sent.fields.back().second += ", " + appended;
    } else {
      sent.fields.emplace_back(is_forwarded ? "Forwarded" : "X-Forwarded-For", appended);
    }
    const auto found = control::client_of(sent, proxy, proxies);
    RELAY_ASSERT(!found ? is_forwarded : *found == client);
  }
  return 0;
}
