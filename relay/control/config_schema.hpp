#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf
namespace spancast::config {
class Config;
class Key;
}  // namespace spancast::config

/// What schemas/config.proto says about the keys, by reflection. Internal to the configuration.
namespace control::schema {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const Descriptor& root();
const spancast::config::Key& key_of(const FieldDescriptor& field);

/// Neither a section, a list nor a map: what the environment can override.
bool is_scalar(const FieldDescriptor& field);
/// A message that is not repeated.
bool is_section(const FieldDescriptor& field);

/// The key that a section may be written as alone, or null.
const FieldDescriptor* short_form_of(const FieldDescriptor& section);

/// `viewer` and `max_lag`: `viewer.max_lag`; the root has no name.
std::string join(std::string_view section, std::string_view key);
/// `viewer.max_lag`: `SPANCAST_VIEWER_MAX_LAG`.
std::string variable_name(std::string_view full_key);

/// Calls back for every key outside of `paths` in the schema's order, with its full name.
using EachKey = std::function<void(const std::string& full_key, const FieldDescriptor& field)>;
void for_each_key(const EachKey& each);

/// Reads a value (of a list: adds one) from text as YAML and the environment have it. Returns what
/// is wrong and what is allowed, when something is.
[[nodiscard]] std::optional<std::string> set_value(Message& message, const FieldDescriptor& field,
                                                   std::string_view text);

/// The value (of a list: all of it) as set_value() reads it and YAML shows it, quoted where it
/// must.
std::string yaml_value(const Message& message, const FieldDescriptor& field);
/// In double quotes, escaped.
std::string yaml_quoted(std::string_view text);

/// "a whole number from 0 to 65535", "one of skip, catch_up, disconnect".
std::string allowed(const FieldDescriptor& field);

/// Every scalar and list with its default.
spancast::config::Config defaults();

}  // namespace control::schema
