#include "tests/unit/schemas/snapshot.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace schemas {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr const char* separator = " | ";
constexpr const char* reserved = " reserved";

std::string read_all(FILE* pipe) {
  std::string bytes;
  char part[4096];
  for (std::size_t size; (size = std::fread(part, 1, sizeof part, pipe)) > 0;) {
    bytes.append(part, size);
  }
  return bytes;
}

// What protoc says of all schemas, and of what they import.
google::protobuf::FileDescriptorSet compile(const std::filesystem::path& root) {
  const std::string command = "cd '" + root.string() + "' && " + SPANCAST_PROTOC +
                              " --proto_path=. --include_imports --descriptor_set_out=/dev/stdout "
                              "schemas/*.proto 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  const std::string said = read_all(pipe);
  google::protobuf::FileDescriptorSet set;
  if (pclose(pipe) != 0 || !set.ParseFromString(said)) throw std::runtime_error(said);
  return set;
}

// Numbers and names in order, each between spaces, in parentheses.
std::string list(const std::set<int>& numbers, const std::set<std::string>& names) {
  std::string text = "( ";
  for (const int number : numbers) text += std::to_string(number) + " ";
  for (const std::string& name : names) text += name + " ";
  return text + ")";
}

template <class Proto>
std::string reserved_of(const Proto& proto, int last) {
  std::set<int> numbers;
  for (const auto& range : proto.reserved_range()) {
    // Of messages without its end, of enums with it.
    for (int number = range.start(); number < range.end() + last; ++number) numbers.insert(number);
  }
  return list(numbers, {proto.reserved_name().begin(), proto.reserved_name().end()});
}

std::string type_of(const FieldDescriptor& field) {
  std::string type = field.is_repeated()            ? "repeated "
                     : field.has_optional_keyword() ? "optional "
                                                    : "";
  if (const auto* const oneof = field.real_containing_oneof()) {
    type += "oneof " + oneof->name() + " ";
  }
  if (field.message_type() != nullptr) return type + field.message_type()->full_name();
  if (field.enum_type() != nullptr) return type + field.enum_type()->full_name();
  return type + field.type_name();
}

void add(Snapshot& snapshot, const EnumDescriptor& type) {
  google::protobuf::EnumDescriptorProto proto;
  type.CopyTo(&proto);
  snapshot[type.full_name() + reserved] = reserved_of(proto, 1);
  for (int index = 0; index < type.value_count(); ++index) {
    const auto& value = *type.value(index);
    snapshot[type.full_name() + " " + std::to_string(value.number())] = "value " + value.name();
  }
}

void add(Snapshot& snapshot, const Descriptor& type) {
  google::protobuf::DescriptorProto proto;
  type.CopyTo(&proto);
  snapshot[type.full_name() + reserved] = reserved_of(proto, 0);
  for (int index = 0; index < type.field_count(); ++index) {
    const FieldDescriptor& field = *type.field(index);
    snapshot[type.full_name() + " " + std::to_string(field.number())] =
        type_of(field) + " " + field.name();
  }
  for (int index = 0; index < type.nested_type_count(); ++index) {
    add(snapshot, *type.nested_type(index));
  }
  for (int index = 0; index < type.enum_type_count(); ++index)
    add(snapshot, *type.enum_type(index));
}

std::string name_in(const std::string& line) { return line.substr(line.rfind(' ') + 1); }
std::string owner_of(const std::string& key) { return key.substr(0, key.rfind(' ')); }
std::string number_of(const std::string& key) { return key.substr(key.rfind(' ') + 1); }

bool has_word(const std::string& words, const std::string& word) {
  return words.find(" " + word + " ") != std::string::npos;
}

// By owner, the numbers of names.
std::map<std::string, std::string> names_of(const Snapshot& snapshot) {
  std::map<std::string, std::string> names;
  for (const auto& [key, line] : snapshot) {
    if (!key.ends_with(reserved)) names[owner_of(key) + " " + name_in(line)] = number_of(key);
  }
  return names;
}

void check_reserved(const std::string& key, const std::string& before, const std::string& now,
                    std::vector<std::string>& breaks) {
  std::istringstream words(before);
  for (std::string word; words >> word;) {
    if (word != "(" && word != ")" && !has_word(now, word)) {
      breaks.push_back(owner_of(key) + ": " + word +
                       " was reserved because it once meant something; reserve it again");
    }
  }
}

}  // namespace

Snapshot take_snapshot(const std::filesystem::path& root) {
  google::protobuf::DescriptorPool pool;
  const google::protobuf::FileDescriptorSet set = compile(root);
  Snapshot snapshot;
  for (const auto& proto : set.file()) {
    const auto* const file = pool.BuildFile(proto);
    if (file == nullptr) throw std::runtime_error("cannot read " + proto.name());
    if (!proto.name().starts_with("schemas/")) continue;
    for (int index = 0; index < file->message_type_count(); ++index) {
      add(snapshot, *file->message_type(index));
    }
    for (int index = 0; index < file->enum_type_count(); ++index) {
      add(snapshot, *file->enum_type(index));
    }
  }
  return snapshot;
}

Snapshot read_snapshot(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  Snapshot snapshot;
  for (std::string line; std::getline(file, line);) {
    const auto middle = line.find(separator);
    if (middle == std::string::npos) throw std::runtime_error(path.string() + ": " + line);
    snapshot[line.substr(0, middle)] = line.substr(middle + 3);
  }
  return snapshot;
}

void write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot) {
  std::ofstream file(path);
  for (const auto& [key, line] : snapshot) file << key << separator << line << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> find_breaks(const Snapshot& before, const Snapshot& now) {
  std::vector<std::string> breaks;
  const auto names_before = names_of(before);
  for (const auto& [name, number] : names_of(now)) {
    const auto known = names_before.find(name);
    if (known != names_before.end() && known->second != number) {
      breaks.push_back(name + " had the number " + known->second + " and has " + number +
                       "; give it the old number, or the new one another name");
    }
  }
  for (const auto& [key, line] : before) {
    const auto found = now.find(key);
    if (key.ends_with(reserved)) {
      if (found != now.end()) check_reserved(key, line, found->second, breaks);
    } else if (found != now.end() && found->second != line) {
      breaks.push_back(key + " was `" + line + "` and is `" + found->second +
                       "`; leave it as it was and add a field with a new number");
    } else if (found == now.end()) {
      const auto words = now.find(owner_of(key) + reserved);
      if (words == now.end()) continue;  // told below
      if (!has_word(words->second, number_of(key)) || !has_word(words->second, name_in(line))) {
        breaks.push_back(key + " was `" + line + "` and is gone; write `reserved " +
                         number_of(key) + "; reserved \"" + name_in(line) + "\";` in its place");
      }
    }
  }
  for (const auto& [key, line] : before) {
    if (key.ends_with(reserved) && !now.contains(key)) {
      breaks.push_back(owner_of(key) + " is gone; older peers and files have it: leave it there");
    }
  }
  return breaks;
}

}  // namespace schemas
