#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "relay/base/endpoint.hpp"
#include "relay/base/result.hpp"

namespace http::proxy {

/// Version 1, the end of the line included (proxy-protocol.txt, 2.1).
constexpr std::size_t line_bytes_max = 107;
/// Version 2, TLVs included. Nobody sends more; the format allows 65 551.
constexpr std::size_t header_bytes_max = 4096;

/// What a proxy says of a connection before it hands it through.
struct Header {
  /// Who connected to the proxy. Not known: it does not say so (UNKNOWN, a Unix socket), or the
  /// connection is its own (LOCAL); then what the kernel says holds.
  base::Endpoint source;
};

/// Reads the header of the PROXY protocol, version 1 or 2, that a connection begins with
/// (proxy-protocol.txt of HAProxy, 2020/03/05). Keeps an unfinished one. TLVs are skipped. After an
/// error it is of no more use.
class HeaderReader {
 public:
  /// The header once its last byte is among `bytes`; then only the first `consumed()` of them
  /// belonged to it. Otherwise all did, and what is bad is refused as soon as it is seen.
  base::Result<std::optional<Header>> feed(std::span<const std::byte> bytes);

  /// How many of the last fed bytes belonged to the header.
  std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::string pending_;
  std::size_t consumed_ = 0;
};

}  // namespace http::proxy
