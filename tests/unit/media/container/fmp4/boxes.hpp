#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/byte_reader.hpp"
#include "relay/memory/window_list.hpp"

namespace test {

using Bytes = std::vector<std::byte>;

/// The tree of boxes that a writer of ours made, read without looking at the writer.
struct BoxNode {
  std::string type;
  Bytes payload;                  ///< of a box without boxes inside
  std::vector<BoxNode> children;  ///< in order

  /// By a path such as "moov/trak/mdia"; the `index`th of those with the last name.
  const BoxNode& at(std::string_view path, std::size_t index = 0) const {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const bool is_last = slash == std::string_view::npos;
    for (const BoxNode& child : children) {
      if (child.type != name || (is_last && index-- != 0)) continue;
      return is_last ? child : child.at(path.substr(slash + 1), index);
    }
    FAIL("no box " << path);
    return *this;
  }
  std::size_t count(std::string_view name) const {
    std::size_t found = 0;
    for (const BoxNode& child : children) found += child.type == name ? 1 : 0;
    return found;
  }
  base::ByteReader reader() const { return base::ByteReader(payload); }
};

inline bool has_children(std::string_view type) {
  for (const std::string_view container :
       {"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"}) {
    if (type == container) return true;
  }
  return false;
}

inline std::string four(std::uint32_t value) {
  std::string text;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}

/// Whole boxes, back to back.
inline std::vector<BoxNode> parse_boxes(std::span<const std::byte> bytes) {
  std::vector<BoxNode> nodes;
  base::ByteReader in(bytes);
  while (in.remaining() > 0) {
    const std::uint32_t size = in.u32();
    BoxNode& node = nodes.emplace_back();
    node.type = four(in.u32());
    REQUIRE(size >= 8);
    const auto payload = in.take(size - 8);
    REQUIRE(in.ok());
    if (has_children(node.type)) {
      node.children = parse_boxes(payload);
    } else {
      node.payload.assign(payload.begin(), payload.end());
    }
  }
  return nodes;
}

inline BoxNode parse_file(std::span<const std::byte> bytes) {
  return BoxNode{"file", {}, parse_boxes(bytes)};
}

inline Bytes gather(const memory::WindowList& list) {
  Bytes out;
  for (const auto& window : list) {
    const auto bytes = window.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

inline Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

}  // namespace test
