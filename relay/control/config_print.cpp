#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <sstream>

#include "relay/base/credentials.hpp"
#include "relay/base/units.hpp"
#include "relay/control/config.hpp"
#include "relay/control/config_message.hpp"
#include "relay/control/config_schema.hpp"

namespace control {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t comment_columns = 96;

/// What a key that stands for "choose" is now, by the key's full name.
using Notes = std::map<std::string, std::string>;

Notes notes_of(const Config& config) {
  return {{"http.connections", std::to_string(config.http.connections)},
          {"workers", std::to_string(config.workers)},
          {"stream.tail_bytes", base::format_size(config.defaults.policy.tail.bytes)},
          {"recording.backlog", base::format_size(config.recording.backlog_bytes)}};
}

std::string default_text(const FieldDescriptor& field) {
  const auto& key = schema::key_of(field);
  if (field.is_repeated()) {
    return key.default_().empty() ? "[]" : "[" + schema::yaml_quoted(key.default_()) + "]";
  }
  const bool text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  return text ? schema::yaml_quoted(key.default_()) : key.default_();
}

/// What is allowed, where the documentation or the type does not say it.
std::string bounds_text(const FieldDescriptor& field) {
  const auto& key = schema::key_of(field);
  if (field.enum_type() != nullptr)
    return schema::allowed(field).substr(std::string("one of ").size());
  if (key.max().empty()) return "";
  const std::string bounds = key.min() + " to " + key.max();
  if (key.power_of_two()) return bounds + ", a power of two";
  return key.word().empty() ? bounds : key.word() + ", " + bounds;
}

/// Writes a message of the schema as YAML.
class Printer {
 public:
  Printer(Secrets secrets, Notes notes) : secrets_(secrets), notes_(std::move(notes)) {}

  std::string take() { return out_.str(); }

  void comment(const std::string& text, const std::string& indent) {
    std::istringstream words(text);
    std::string line = indent + "#";
    for (std::string word; words >> word;) {
      if (line.size() + 1 + word.size() > comment_columns) {
        out_ << line << '\n';
        line = indent + "#";
      }
      line += ' ' + word;
    }
    out_ << line << '\n';
  }

  /// Every key, with its documentation.
  void print_all(const Message& message, const std::string& name, const std::string& indent) {
    const auto& section = *message.GetDescriptor();
    for (int i = 0; i < section.field_count(); ++i) {
      const FieldDescriptor& field = *section.field(i);
      const std::string full_key = schema::join(name, field.name());
      if (name.empty()) out_ << '\n';
      comment(schema::key_of(field).doc(), indent);
      if (schema::is_section(field)) {
        out_ << indent << field.name() << ":\n";
        print_all(message.GetReflection()->GetMessage(message, &field), full_key, indent + "  ");
      } else if (field.message_type() != nullptr) {
        print_rules(message, field, indent);
      } else {
        print_facts(field, full_key, indent);
        if (schema::key_of(field).rule_only()) {
          out_ << indent << "# " << field.name() << ": under `paths` only\n";
        } else {
          print_value(message, field, indent);
        }
      }
    }
  }

 private:
  void print_facts(const FieldDescriptor& field, const std::string& full_key,
                   const std::string& indent) {
    const std::string bounds = bounds_text(field);
    std::string facts = "Default: " + default_text(field) + ".";
    if (!bounds.empty()) facts += " Allowed: " + bounds + ".";
    const auto note = notes_.find(full_key);
    if (note != notes_.end()) facts += " In effect: " + note->second + ".";
    comment(facts, indent);
  }

  void print_value(const Message& message, const FieldDescriptor& field,
                   const std::string& indent) {
    std::string value = schema::yaml_value(message, field);
    const auto kind = schema::key_of(field).kind();
    const bool hidden = secrets_ == Secrets::hidden && value != "\"\"";
    if (hidden && (kind == spancast::config::URL || kind == spancast::config::COMMAND)) {
      value = base::hide_credentials(value);
    }
    if (hidden && kind == spancast::config::SECRET) {
      out_ << indent << "# " << field.name() << ": set, but not shown\n";
    } else {
      out_ << indent << field.name() << ": " << value << '\n';
    }
  }

  void print_rules(const Message& message, const FieldDescriptor& field,
                   const std::string& indent) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    out_ << indent << field.name() << (size == 0 ? ": {}\n" : ":\n");
    for (int i = 0; i < size; ++i) {
      const Message& rule = reflection.GetRepeatedMessage(message, &field, i);
      const FieldDescriptor& pattern = *rule.GetDescriptor()->FindFieldByName("pattern");
      out_ << indent << "  " << schema::yaml_value(rule, pattern) << ":\n";
      print_set(rule, indent + "    ");
    }
  }

  /// The keys that are set, and nothing else: what a rule leaves out comes from elsewhere.
  void print_set(const Message& message, const std::string& indent) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (schema::key_of(*field).kind() == spancast::config::PATTERN) continue;
      if (schema::is_section(*field)) {
        out_ << indent << field->name() << ":\n";
        print_set(message.GetReflection()->GetMessage(message, field), indent + "  ");
      } else {
        print_value(message, *field, indent);
      }
    }
  }

  Secrets secrets_;
  Notes notes_;
  std::ostringstream out_;
};

/// Code marks around what stands for itself; `|` would end a cell of the table.
std::string code(const std::string& text) { return "`" + text + "`"; }

void append_row(std::string& table, const std::string& full_key, const FieldDescriptor& field) {
  const std::string bounds = bounds_text(field);
  table += "| " + code(full_key) + " | " + code(default_text(field)) + " | " + bounds + " | " +
           schema::key_of(field).doc() + " |\n";
}

}  // namespace

std::string print_config_text(std::string_view name, std::string_view text, Environment environment,
                              Secrets secrets, const Machine& machine) {
  const Config config = load_config_text(name, text, environment, machine).config;
  Printer printer(secrets, notes_of(config));
  printer.comment("The configuration of spancast: every key with its value.", "");
  printer.comment(
      "Durations are numbers with us, ms, s, m or h (bare: seconds), sizes with B, KiB, MiB or GiB "
      "(bare: bytes). Every key but lists and maps can be overridden by a variable of the "
      "environment: viewer.max_lag by SPANCAST_VIEWER_MAX_LAG.",
      "");
  printer.print_all(read_config(name, text, environment).message, "", "");
  return printer.take();
}

std::string print_config(const std::optional<std::filesystem::path>& file, Environment environment,
                         Secrets secrets, const Machine& machine) {
  const auto [name, text] = read_config_file(file);
  return print_config_text(name, text, environment, secrets, machine);
}

std::string config_reference_markdown() {
  std::string table =
      "| key | default | allowed | what it does |\n"
      "|---|---|---|---|\n";
  schema::for_each_key([&](const std::string& full_key, const FieldDescriptor& field) {
    append_row(table, full_key, field);
  });
  const FieldDescriptor& paths = *schema::root().FindFieldByName("paths");
  table +=
      "| " + code("paths") + " | " + code("{}") + " | | " + schema::key_of(paths).doc() + " |\n";
  return table;
}

}  // namespace control
