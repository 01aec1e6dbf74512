#include "relay/state/commands.hpp"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <cstdio>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "relay/base/folder_lock.hpp"
#include "relay/base/logging.hpp"
#include "relay/state/delimited.hpp"
#include "relay/state/errc.hpp"
#include "relay/state/record.hpp"
#include "relay/state/record_file.hpp"

namespace state {
namespace {

using google::protobuf::Message;
using std::filesystem::path;

std::runtime_error failure(const path& folder, const base::Error& error) {
  return std::runtime_error("cannot read the state in " + folder.string() + ": " + error.message());
}

std::unique_ptr<RecordFile> open(const path& folder) {
  if (!std::filesystem::exists(RecordFile::path_in(folder))) {
    throw std::runtime_error("there is no state in " + folder.string());
  }
  auto file = RecordFile::open(folder, RecordFile::Access::read);
  if (!file) throw failure(folder, file.error());
  return std::move(*file);
}

std::vector<Row> read(const path& folder) {
  std::vector<Row> rows;
  if (const auto done = open(folder)->read(rows); !done) throw failure(folder, done.error());
  return rows;
}

// Tells tokens apart without giving them away; the same for a session and its lease.
std::string fingerprint(const Key& key) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", checksum_of({Kind{}, key.name}, ""));
  return text.data();
}

// Its name is no token.
bool is_name_shown(Kind kind) {
  return kind == Kind::stream || kind == Kind::usage || kind == Kind::revocation;
}

void hide_token(Message& record) {
  const auto* const field = record.GetDescriptor()->FindFieldByName("token");
  if (field != nullptr) record.GetReflection()->ClearField(&record, field);
}

std::size_t unknown_bytes(const Message& record) {
  const std::unique_ptr<Message> known(record.New());
  known->CopyFrom(record);
  known->DiscardUnknownFields();
  return record.ByteSizeLong() - known->ByteSizeLong();
}

std::string to_json(const Message& record) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(record, &json, options).ok()) return "null";
  return json;
}

void dump(const Row& row, Secrets secrets, std::ostream& out) {
  out << "{\"kind\":\"" << name_of(row.key.kind) << "\",";
  if (is_name_shown(row.key.kind)) {
    out << "\"name\":\"" << base::escape_json(row.key.name) << "\",";
  } else {
    out << "\"id\":\"" << fingerprint(row.key) << "\",";
  }
  if (make_record(row.key.kind) == nullptr) {
    out << "\"bytes\":" << row.record.size() << ",\"detail\":\"of a newer version\"}";
    return;
  }
  const auto decoded = decode(row);
  if (!decoded) {
    out << "\"bytes\":" << row.record.size() << ",\"damage\":\""
        << base::escape_json(decoded.error().message()) << "\"}";
    return;
  }
  Message& record = *decoded->record;
  if (const auto bytes = unknown_bytes(record); bytes > 0) {
    out << "\"unknown_bytes\":" << bytes << ',';
  }
  if (secrets == Secrets::hidden) hide_token(record);
  out << "\"record\":" << to_json(record) << '}';
}

std::uint64_t import_all(RecordFile& file, std::istream& in, const path& folder) {
  DelimitedReader reader(in);
  std::uint64_t count = 0;
  const auto require = [&](const base::Result<void>& done) {
    if (!done) {
      file.roll_back();
      throw std::runtime_error("cannot write the state in " + folder.string() + ": " +
                               done.error().message());
    }
  };
  require(file.begin());
  for (;; ++count) {
    const auto row = reader.next();
    if (!row) {
      file.roll_back();
      throw std::runtime_error("record " + std::to_string(count + 1) + " of the import: " +
                               row.error().message() + "; nothing was imported");
    }
    if (!*row) break;
    require(file.put((*row)->key, (*row)->record, (*row)->checksum));
  }
  require(file.commit());
  return count;
}

}  // namespace

void dump_state(const path& folder, Secrets secrets, std::ostream& out) {
  const std::vector<Row> rows = read(folder);
  const char* comma = "";
  out << "{\"records\":[";
  for (const Row& row : rows) {
    out << comma << '\n';
    dump(row, secrets, out);
    comma = ",";
  }
  out << "\n]}\n";
}

bool check_state(const path& folder, std::ostream& out) {
  const auto file = open(folder);
  bool is_sound = true;
  const auto complain = [&](const std::string& what) {
    out << what << '\n';
    is_sound = false;
  };
  if (const auto wrong = file->check(); !wrong || !wrong->empty()) {
    complain("the database: " + (wrong ? *wrong : wrong.error().message()));
  }
  std::vector<Row> rows;
  if (const auto done = file->read(rows); !done)
    complain("the database: " + done.error().message());
  std::map<std::string, std::uint64_t> counts;
  for (const Row& row : rows) {
    ++counts[name_of(row.key.kind)];
    base::Error error;
    if (make_record(row.key.kind) == nullptr) {
      if (checksum_of(row.key, row.record) != row.checksum) error = Errc::bad_checksum;
    } else if (const auto decoded = decode(row); !decoded) {
      error = decoded.error();
    }
    const std::string name =
        is_name_shown(row.key.kind) ? base::escape_json(row.key.name) : fingerprint(row.key);
    if (error) complain(name_of(row.key.kind) + " " + name + ": " + error.message());
  }
  for (const auto& [kind, count] : counts) out << kind << ": " << count << '\n';
  out << (is_sound ? "the state is sound\n" : "the state is damaged\n");
  return is_sound;
}

void export_state(const path& folder, std::ostream& out, std::ostream& notes) {
  const auto rows = read(folder);
  for (const Row& row : rows) write_delimited(out, row);
  out.flush();
  if (!out) throw std::runtime_error("the export could not be written");
  notes << rows.size() << " records were exported\n";
}

void import_state(const path& folder, std::istream& in, std::ostream& notes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw std::runtime_error("cannot make " + folder.string() + ": " + error.message());
  const base::FolderLock lock(folder);
  const auto file = RecordFile::open(folder, RecordFile::Access::write);
  if (!file) throw failure(folder, file.error());
  notes << import_all(**file, in, folder) << " records were imported\n";
}

}  // namespace state
