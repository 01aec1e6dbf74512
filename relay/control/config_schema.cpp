#include "relay/control/config_schema.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "relay/base/assert.hpp"
#include "relay/base/logging.hpp"
#include "relay/base/units.hpp"
#include "relay/control/access.hpp"
#include "relay/control/path_pattern.hpp"
#include "schemas/config.pb.h"

namespace control::schema {
namespace {

using spancast::config::Key;

constexpr std::int64_t the_word = -1;
constexpr std::size_t quoted_bytes_max = 80;

/// A value in a message: on one line, and not endless.
std::string shown(std::string_view text) {
  const bool cut = text.size() > quoted_bytes_max;
  return '"' + base::escape_json(text.substr(0, quoted_bytes_max)) + (cut ? "…\"" : "\"");
}

std::string wrong(std::string_view text, const FieldDescriptor& field) {
  return shown(text) + " is not " + allowed(field);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

/// A number of any kind in the unit its field keeps.
std::optional<std::uint64_t> parse_number(std::string_view text, const Key& key) {
  if (key.kind() == spancast::config::DURATION) {
    const auto duration = base::parse_duration(text);
    if (!duration) return std::nullopt;
    return static_cast<std::uint64_t>(duration->count());
  }
  if (key.kind() == spancast::config::SIZE) {
    const auto size = base::parse_size(text);
    if (!size) return std::nullopt;
    return *size;
  }
  return parse_count(text);
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool has_no_controls(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' && byte != 0x7f;
  });
}

bool is_stream_url(std::string_view text) {
  if (text.empty()) return true;  // the default: none
  return is_visible_ascii(text) && (text.starts_with("rtsp://") || text.starts_with("rtsps://"));
}

std::optional<std::string> set_number(Message& message, const FieldDescriptor& field,
                                      std::string_view text) {
  const Key& key = key_of(field);
  const auto& reflection = *message.GetReflection();
  if (!key.word().empty() && text == key.word()) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
      reflection.SetUInt32(&message, &field, 0);
    } else {
      reflection.SetInt64(&message, &field, the_word);
    }
    return std::nullopt;
  }
  const auto number = parse_number(text, key);
  if (!number || *number < parse_number(key.min(), key) || *number > parse_number(key.max(), key) ||
      (key.power_of_two() && (*number & (*number - 1)) != 0)) {
    return wrong(text, field);
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection.SetUInt32(&message, &field, static_cast<std::uint32_t>(*number));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      reflection.SetUInt64(&message, &field, *number);
      break;
    default:
      reflection.SetInt64(&message, &field, static_cast<std::int64_t>(*number));
      break;
  }
  return std::nullopt;
}

std::optional<std::string> set_text(Message& message, const FieldDescriptor& field,
                                    std::string_view text) {
  const auto& reflection = *message.GetReflection();
  switch (key_of(field).kind()) {
    case spancast::config::ADDRESS:
      if (!IpAddress::parse(text)) return wrong(text, field);
      break;
    case spancast::config::SECRET:
      // The message must not show what may be a secret with a slip in it.
      if (!is_visible_ascii(text)) return "the value is not " + allowed(field);
      break;
    case spancast::config::PATTERN:
      if (!PathPattern::parse(text)) return wrong(text, field);
      break;
    case spancast::config::URL:
      // The message must not show what may be a password.
      if (!is_stream_url(text)) return "the value is not " + allowed(field);
      break;
    case spancast::config::FOLDER:
      if (!has_no_controls(text)) return wrong(text, field);
      break;
    case spancast::config::COMMAND:
      reflection.AddString(&message, &field, std::string(text));
      return std::nullopt;
    case spancast::config::RANGES: {
      AddressRanges ranges;
      const auto added = ranges.add(text);
      if (!added) return wrong(text, field) + " (" + added.error().message() + ")";
      reflection.AddString(&message, &field, std::string(text));
      return std::nullopt;
    }
    default:
      break;
  }
  reflection.SetString(&message, &field, std::string(text));
  return std::nullopt;
}

std::string number_text(const Message& message, const FieldDescriptor& field) {
  const Key& key = key_of(field);
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto count = reflection.GetUInt32(message, &field);
      return count == 0 && !key.word().empty() ? key.word() : std::to_string(count);
    }
    case FieldDescriptor::CPPTYPE_UINT64:
      return base::format_size(reflection.GetUInt64(message, &field));
    default:
      break;
  }
  const auto value = reflection.GetInt64(message, &field);
  return value == the_word ? key.word() : base::format_duration(base::Duration(value));
}

std::string allowed_number(const Key& key) {
  std::string kind = "a whole number";
  if (key.kind() == spancast::config::DURATION) kind = "a duration (number with us, ms, s, m or h)";
  if (key.kind() == spancast::config::SIZE) kind = "a size (number with B, KiB, MiB or GiB)";
  kind += " from " + key.min() + " to " + key.max();
  if (key.power_of_two()) kind += " that is a power of two";
  return key.word().empty() ? kind : '"' + key.word() + "\" or " + kind;
}

void walk(const Descriptor& section, const std::string& name, const EachKey& each) {
  for (int i = 0; i < section.field_count(); ++i) {
    const FieldDescriptor& field = *section.field(i);
    const std::string full_key = join(name, field.name());
    if (is_section(field)) {
      walk(*field.message_type(), full_key, each);
    } else if (field.message_type() == nullptr) {
      each(full_key, field);
    }
  }
}

bool is_list_without_default(const FieldDescriptor& field) {
  return field.is_repeated() && key_of(field).default_().empty();
}

void set_defaults(Message& message) {
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (is_section(field)) {
      set_defaults(*message.GetReflection()->MutableMessage(&message, &field));
    } else if (field.message_type() == nullptr && !is_list_without_default(field)) {
      RELAY_ASSERT(!set_value(message, field, key_of(field).default_()));
    }
  }
}

}  // namespace

const Descriptor& root() { return *spancast::config::Config::descriptor(); }

const Key& key_of(const FieldDescriptor& field) {
  return field.options().GetExtension(spancast::config::key);
}

bool is_scalar(const FieldDescriptor& field) {
  return !field.is_repeated() && field.message_type() == nullptr;
}

bool is_section(const FieldDescriptor& field) {
  return !field.is_repeated() && field.message_type() != nullptr;
}

const FieldDescriptor* short_form_of(const FieldDescriptor& section) {
  if (!is_section(section)) return nullptr;
  const Descriptor& keys = *section.message_type();
  for (int i = 0; i < keys.field_count(); ++i) {
    if (key_of(*keys.field(i)).short_form()) return keys.field(i);
  }
  return nullptr;
}

std::string join(std::string_view section, std::string_view key) {
  return section.empty() ? std::string(key) : std::string(section).append(".").append(key);
}

std::string variable_name(std::string_view full_key) {
  std::string name = "SPANCAST_";
  for (const char c : full_key) {
    const bool lower = c >= 'a' && c <= 'z';
    name += c == '.' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

void for_each_key(const EachKey& each) { walk(root(), "", each); }

std::optional<std::string> set_value(Message& message, const FieldDescriptor& field,
                                     std::string_view text) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return set_text(message, field, text);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return wrong(text, field);
      message.GetReflection()->SetBool(&message, &field, text == "true");
      return std::nullopt;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = field.enum_type()->FindValueByName(std::string(text));
      if (value == nullptr) return wrong(text, field);
      message.GetReflection()->SetEnum(&message, &field, value);
      return std::nullopt;
    }
    default:
      return set_number(message, field, text);
  }
}

std::string yaml_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7f) {
      quoted += c;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      quoted += escaped;
    }
  }
  return quoted + '"';
}

std::string yaml_value(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    std::string list = "[";
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      if (i != 0) list += ", ";
      list += yaml_quoted(reflection.GetRepeatedString(message, &field, i));
    }
    return list + "]";
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return yaml_quoted(reflection.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnum(message, &field)->name();
    default:
      return number_text(message, field);
  }
}

std::string allowed(const FieldDescriptor& field) {
  if (const auto* words = field.enum_type()) {
    std::string list = "one of ";
    for (int i = 0; i < words->value_count(); ++i) {
      if (i != 0) list += ", ";
      list += words->value(i)->name();
    }
    return list;
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return "true or false";
  const Key& key = key_of(field);
  switch (key.kind()) {
    case spancast::config::URL:
      return "a URL that begins with rtsp:// or rtsps://";
    case spancast::config::COMMAND:
      return "a program and its arguments";
    case spancast::config::FOLDER:
      return "the path of a folder";
    case spancast::config::ADDRESS:
      return "an IPv4 or IPv6 address";
    case spancast::config::RANGES:
      return "an address, a range ADDRESS/PREFIX, all or none";
    case spancast::config::SECRET:
      return "visible ASCII characters without spaces";
    case spancast::config::PATTERN:
      return "a pattern: segments of letters, digits, - . _ ~ and *, or **, with / between them";
    default:
      return allowed_number(key);
  }
}

spancast::config::Config defaults() {
  spancast::config::Config config;
  set_defaults(config);
  return config;
}

}  // namespace control::schema
