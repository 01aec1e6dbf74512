#include "relay/control/config_yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "relay/base/logging.hpp"
#include "relay/control/config.hpp"

namespace control::yaml {
namespace {

constexpr std::size_t text_bytes_max = 1 << 20;
constexpr std::size_t depth_max = 16;
constexpr std::size_t values_max = 20'000;

[[noreturn]] void fail(std::string_view name, std::size_t line, const std::string& what) {
  throw ConfigError(std::string(name) + ":" + std::to_string(line) + ": " + what);
}

/// The length of the UTF-8 sequence at the front of `text`; 0 when there is none (RFC 3629, 4).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool too_long = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool beyond_unicode = first == 0xf4 && byte(1) >= 0x90;
  return too_long || surrogate || beyond_unicode ? 0 : length;
}

/// Refuses what yaml-cpp would guess at (UTF-16, say) or report in words that lead astray.
void check_text(std::string_view name, std::string_view text) {
  if (text.size() > text_bytes_max) fail(name, 1, "larger than 1 MiB");
  std::size_t line = 1;
  bool in_indentation = true;
  bool tab_in_indentation = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) fail(name, line, "not UTF-8");
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      ++line;
      in_indentation = true;
      tab_in_indentation = false;
    } else if (c == '\t') {
      tab_in_indentation = tab_in_indentation || in_indentation;
    } else if (byte == 0x7f || (byte < ' ' && c != '\r')) {
      fail(name, line, "a control character");
    } else if (c != ' ' && c != '\r') {
      if (tab_in_indentation && c != '#') fail(name, line, "a tab in the indentation: use spaces");
      in_indentation = false;
      tab_in_indentation = false;
    }
    i += length;
  }
}

/// Builds the tree from yaml-cpp's events. Its own tree (YAML::Node) resolves aliases, keeps
/// duplicate keys and is bounded by nothing.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view name) : name_(name) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail_at(mark, "a second document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(Node::Kind::nothing, mark, "", anchor, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    add(Node::Kind::scalar, mark, tag, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map that has not ended.
  struct Open {
    Node node;
    std::set<std::string> keys;
    std::optional<std::pair<std::string, std::size_t>> key;  // and its line: the value comes next
  };

  static std::size_t line_of(const YAML::Mark& mark) {
    return mark.line < 0 ? 1 : static_cast<std::size_t>(mark.line) + 1;
  }
  [[noreturn]] void fail_at(const YAML::Mark& mark, const std::string& what) const {
    fail(name_, line_of(mark), what);
  }
  [[noreturn]] void refuse_anchor(const YAML::Mark& mark) const {
    fail_at(mark, "anchors and aliases are not supported");
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key;
  }

  Node make(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) refuse_anchor(mark);
    // "?" is what the parser makes of no tag, "!" of a quoted scalar.
    if (!tag.empty() && tag != "?" && tag != "!") fail_at(mark, "tags are not supported");
    if (++values_ > values_max) fail_at(mark, "more than 20000 values");
    if (open_.size() >= depth_max) fail_at(mark, "more than 16 levels");
    Node node;
    node.kind = kind;
    node.line = line_of(mark);
    return node;
  }

  void add(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
           const std::string& value) {
    Node node = make(kind, mark, tag, anchor);
    if (wants_key()) {
      if (kind != Node::Kind::scalar) fail_at(mark, "a key without a name");
      if (!open_.back().keys.insert(value).second) {
        fail_at(mark, "the key \"" + base::escape_json(value) + "\" comes twice");
      }
      open_.back().key.emplace(value, node.line);
      return;
    }
    node.text = value;
    attach(std::move(node));
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (wants_key()) fail_at(mark, "a key that is a list or a map");
    open_.push_back({make(kind, mark, tag, anchor), {}, {}});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    attach(std::move(node));
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.key) {
      node.key = std::move(parent.key->first);
      node.line = parent.key->second;
      parent.key.reset();
    }
    parent.node.children.push_back(std::move(node));
  }

  std::string_view name_;
  Node root_;
  std::vector<Open> open_;
  std::size_t values_ = 0;
  int documents_ = 0;
};

/// What yaml-cpp says, with a hint where it is of no help.
std::string explain(const YAML::Exception& error) {
  std::string what = "not valid YAML: " + base::escape_json(error.msg);
  if (error.msg.find("anchor") != std::string::npos) {
    what += " (a pattern that begins with * needs quotes)";
  }
  return what;
}

}  // namespace

Node parse(std::string_view name, std::string_view text) {
  check_text(name, text);
  Builder builder(name);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const ConfigError&) {
    throw;
  } catch (const YAML::Exception& error) {
    fail(name, error.mark.line < 0 ? 1 : static_cast<std::size_t>(error.mark.line) + 1,
         explain(error));
  } catch (const std::exception& error) {
    // yaml-cpp lets exceptions of the standard library out for some malformed input.
    fail(name, 1, std::string("not valid YAML: ") + error.what());
  }
  return builder.take();
}

}  // namespace control::yaml
