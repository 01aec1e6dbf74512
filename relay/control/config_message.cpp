#include "relay/control/config_message.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "relay/base/logging.hpp"
#include "relay/control/config_schema.hpp"
#include "relay/control/config_suggestion.hpp"
#include "relay/control/config_yaml.hpp"

namespace control {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// One more than yaml::parse() accepts is enough to be refused there.
constexpr std::size_t file_bytes_max = (1 << 20) + 1;
constexpr std::string_view prefix = "SPANCAST_";

/// Puts the tree of one file into messages.
class FileReader {
 public:
  explicit FileReader(std::string_view file) : file_(file) {}

  void read_section(const yaml::Node& node, const std::string& name, Message& message) {
    if (node.kind == yaml::Node::Kind::nothing) return;  // `viewer:` with all of it commented out
    if (node.kind != yaml::Node::Kind::map) {
      fail(node, name.empty() ? "a configuration is a map of sections"
                              : name + " is a section: its keys come below it, indented");
    }
    const Descriptor& section = *message.GetDescriptor();
    for (const yaml::Node& child : node.children) {
      const FieldDescriptor* field = section.FindFieldByName(child.key);
      const std::string full_key = schema::join(name, base::escape_json(child.key));
      if (field == nullptr || schema::key_of(*field).kind() == spancast::config::PATTERN) {
        fail_unknown(child, name, section);
      }
      read_field(child, full_key, *field, message);
    }
  }

 private:
  [[noreturn]] void fail(const yaml::Node& node, const std::string& what) const {
    throw ConfigError(file_ + ":" + std::to_string(node.line) + ": " + what);
  }

  [[noreturn]] void fail_unknown(const yaml::Node& node, const std::string& name,
                                 const Descriptor& section) const {
    std::vector<std::string> known;
    for (int i = 0; i < section.field_count(); ++i) {
      if (schema::key_of(*section.field(i)).kind() == spancast::config::PATTERN) continue;
      known.push_back(section.field(i)->name());
    }
    Suggestion suggestion(node.key);
    for (const std::string& key : known) suggestion.consider(key, schema::join(name, key));
    if (!in_rule_) {
      schema::for_each_key([&](const std::string& key, const FieldDescriptor& field) {
        suggestion.consider(key, key);
        suggestion.consider(field.name(), key, 1);  // the right key in the wrong section
      });
    }
    std::string what = "unknown key \"" + schema::join(name, base::escape_json(node.key)) + "\"";
    if (suggestion.found()) {
      what += suggestion.text();
      if (node.key.find('.') != std::string::npos) what += ": write it below its section, indented";
    } else {
      what += "; known here: ";
      for (const std::string& key : known) what += (key == known.front() ? "" : ", ") + key;
    }
    fail(node, what);
  }

  void read_field(const yaml::Node& node, const std::string& full_key, const FieldDescriptor& field,
                  Message& message) {
    const auto& key = schema::key_of(field);
    if (in_rule_ && key.whole_process()) fail(node, full_key + " cannot differ by path");
    if (!in_rule_ && key.rule_only()) {
      fail(node, full_key + " is of one stream: it stands below a path under paths");
    }
    const FieldDescriptor* short_form = schema::short_form_of(field);
    if (short_form != nullptr && node.kind == yaml::Node::Kind::scalar) {
      read_field(node, full_key, *short_form,
                 *message.GetReflection()->MutableMessage(&message, &field));
    } else if (schema::is_section(field)) {
      read_section(node, full_key, *message.GetReflection()->MutableMessage(&message, &field));
    } else if (field.message_type() != nullptr) {
      read_rules(node, full_key, field, message);
    } else if (field.is_repeated()) {
      read_list(node, full_key, field, message);
    } else {
      read_value(node, full_key, field, message);
    }
  }

  void read_value(const yaml::Node& node, const std::string& full_key, const FieldDescriptor& field,
                  Message& message) {
    if (node.kind != yaml::Node::Kind::scalar) {
      const bool nothing = node.kind == yaml::Node::Kind::nothing;
      fail(node, full_key + (nothing ? " has no value" : " is a list or a map") + "; it must be " +
                     schema::allowed(field));
    }
    if (const auto wrong = schema::set_value(message, field, node.text)) {
      fail(node, full_key + ": " + *wrong);
    }
  }

  void read_list(const yaml::Node& node, const std::string& full_key, const FieldDescriptor& field,
                 Message& message) {
    const bool is_command = schema::key_of(field).kind() == spancast::config::COMMAND;
    // What a rule does not say, holds in general: there, nothing is no value.
    const bool may_be_empty = is_command && !in_rule_;
    if (node.kind != yaml::Node::Kind::list || (node.children.empty() && !may_be_empty) ||
        (is_command && !node.children.empty() && node.children.front().text.empty())) {
      fail(node, full_key + " must be a list of at least one: [" + schema::allowed(field) + "]");
    }
    message.GetReflection()->ClearField(&message, &field);  // the file's list replaces the default
    for (const yaml::Node& item : node.children) read_value(item, full_key, field, message);
  }

  void read_rules(const yaml::Node& node, const std::string& full_key, const FieldDescriptor& field,
                  Message& message) {
    if (node.kind == yaml::Node::Kind::nothing) return;
    if (node.kind != yaml::Node::Kind::map) {
      fail(node, full_key + " must be a map from pattern to sections");
    }
    std::set<std::string> seen;
    in_rule_ = true;
    for (const yaml::Node& child : node.children) {
      Message& rule = *message.GetReflection()->AddMessage(&message, &field);
      const FieldDescriptor& pattern = *rule.GetDescriptor()->FindFieldByName("pattern");
      if (const auto wrong = schema::set_value(rule, pattern, child.key)) {
        fail(child, full_key + ": " + *wrong);
      }
      // "/live/*" and "live/*" are the same; the second would never match.
      if (!seen.insert(PathPattern::parse(child.key)->text()).second) {
        fail(child, full_key + ": the pattern \"" + child.key + "\" comes twice");
      }
      read_section(child, full_key + ".\"" + child.key + "\"", rule);
    }
    in_rule_ = false;
  }

  std::string file_;
  bool in_rule_ = false;
};

/// The section that holds a key outside of `paths`.
Message& section_of(Message& root, std::string_view full_key) {
  const auto dot = full_key.find('.');
  if (dot == std::string_view::npos) return root;
  const auto* field = root.GetDescriptor()->FindFieldByName(std::string(full_key.substr(0, dot)));
  return section_of(*root.GetReflection()->MutableMessage(&root, field), full_key.substr(dot + 1));
}

struct Variable {
  std::string full_key;
  const FieldDescriptor* field;
};

std::string unused_variable(const std::string& name,
                            const std::map<std::string, Variable>& variables) {
  const std::string unused = base::escape_json(name) + " is not used: ";
  const auto found = variables.find(name);
  if (found != variables.end()) {
    return unused + found->second.full_key + " is a list, and lists come from the file only";
  }
  if (name == "SPANCAST_PATHS" || name.starts_with("SPANCAST_PATHS_")) {
    return unused + "paths is a map, and maps come from the file only";
  }
  Suggestion suggestion(std::string_view(name).substr(prefix.size()));
  for (const auto& [known, variable] : variables) {
    if (!schema::is_scalar(*variable.field)) continue;
    if (schema::key_of(*variable.field).starts_process()) continue;  // would be refused
    suggestion.consider(std::string_view(known).substr(prefix.size()), known);
  }
  return unused + "there is no such key" + suggestion.text();
}

void read_environment(Environment environment, ConfigMessage& config) {
  std::map<std::string, Variable> variables;
  schema::for_each_key([&](const std::string& full_key, const FieldDescriptor& field) {
    variables.emplace(schema::variable_name(full_key), Variable{full_key, &field});
  });
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(prefix)) continue;
    const auto found = variables.find(name);
    if (found != variables.end() && schema::key_of(*found->second.field).starts_process()) {
      throw ConfigError(name + ": " + found->second.full_key +
                        " starts a process: it comes from the file only");
    }
    if (found == variables.end() || !schema::is_scalar(*found->second.field)) {
      config.warnings.push_back(unused_variable(name, variables));
      continue;
    }
    // Empty is how compose files and unit files pass on a variable that is not set.
    if (value.empty()) continue;
    const auto& [full_key, field] = found->second;
    if (const auto wrong = schema::set_value(section_of(config.message, full_key), *field, value)) {
      throw ConfigError(name + ": " + *wrong);
    }
  }
}

}  // namespace

ConfigMessage read_config(std::string_view name, std::string_view text, Environment environment) {
  ConfigMessage config;
  config.message = schema::defaults();
  FileReader(name).read_section(yaml::parse(name, text), "", config.message);
  read_environment(environment, config);
  return config;
}

std::pair<std::string, std::string> read_config_file(
    const std::optional<std::filesystem::path>& file) {
  if (!file) return {};
  const auto close = [](std::FILE* opened) { std::fclose(opened); };
  const std::unique_ptr<std::FILE, decltype(close)> opened(std::fopen(file->c_str(), "rbe"), close);
  std::string text(file_bytes_max, '\0');
  std::size_t size = 0;
  if (opened) size = std::fread(text.data(), 1, text.size(), opened.get());
  if (!opened || std::ferror(opened.get()) != 0) {
    const int error = errno;
    throw ConfigError("cannot read " + file->string() + ": " + std::strerror(error));
  }
  text.resize(size);
  return {file->string(), std::move(text)};
}

}  // namespace control
