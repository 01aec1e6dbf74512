#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// YAML text as a tree that remembers its lines. Internal to the configuration.
namespace control::yaml {

struct Node {
  enum class Kind { nothing, scalar, list, map };

  Kind kind = Kind::nothing;
  std::size_t line = 1;        ///< of its key in a map, else its own; from 1
  std::string key;             ///< in a map
  std::string text;            ///< of a scalar
  std::vector<Node> children;  ///< of a list or a map, in the file's order
};

/// Parses a file that is called `name` in messages. Throws ConfigError for whatever is not YAML and
/// for what no configuration needs: more than 1 MiB, 16 levels or 20 000 values, tags, anchors and
/// aliases, a second document, keys that are not scalars or come twice in a map.
Node parse(std::string_view name, std::string_view text);

}  // namespace control::yaml
