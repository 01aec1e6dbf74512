#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/disk/catalog.hpp"
#include "relay/disk/commands.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/progress.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

// Of segments that are read from the catalog at once.
constexpr std::size_t page = 10'000;

struct Recorded {
  std::string stream;
  base::Utc from{};
  base::Utc to{};
  base::Duration length{};  // without gaps
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
  std::uint64_t gaps = 0;
  base::Duration gap_length{};
  bool is_open = false;
};

std::runtime_error failure(const std::filesystem::path& root, const base::Error& error) {
  return std::runtime_error("cannot read the catalog of " + root.string() + ": " + error.message());
}

// As far as it is on the disk now; the catalog learns of that when it is closed.
void look_into(const std::filesystem::path& root, Segment& segment) {
  const auto scan = scan_segment(segment_path(root, segment.stream, segment.start), segment.stream);
  if (!scan) return;
  segment.chunks = scan->table.segment.chunks;
  segment.end = std::max(segment.start, scan->table.segment.end);
  segment.bytes = scan->table.segment.bytes;
}

void add(Recorded& recorded, const Segment& segment, wire::Position wanted) {
  const bool is_first = recorded.segments == 0;
  if (is_first) recorded.from = recorded.to = segment.start;
  if (!is_first && gap_before(segment, wanted) != GapReason::none) {
    ++recorded.gaps;
    recorded.gap_length += std::max(segment.start - recorded.to, base::Utc::duration::zero());
  }
  const base::Utc begin = std::max(segment.start, recorded.to);  // they may overlap
  recorded.length += std::max(segment.end - begin, base::Utc::duration::zero());
  recorded.to = std::max(recorded.to, segment.end);
  ++recorded.segments;
  recorded.bytes += segment.bytes;
  recorded.is_open = segment.is_open;
}

Recorded read_stream(const std::filesystem::path& root, Catalog& catalog,
                     const std::string& stream) {
  Recorded recorded;
  recorded.stream = stream;
  wire::Position wanted;
  base::Utc from = base::Utc::min();
  for (;;) {
    auto segments = catalog.starting_from(stream, from, page);
    if (!segments) throw failure(root, segments.error());
    for (Segment& segment : *segments) {
      if (segment.is_open) look_into(root, segment);
      add(recorded, segment, wanted);
      wanted = segment.next();
    }
    if (segments->size() < page) return recorded;
    from = segments->back().start + base::Utc::duration(1);
  }
}

void print_table(const std::vector<Recorded>& all, std::ostream& out) {
  using Row = std::array<std::string, 7>;
  std::vector<Row> rows = {{"stream", "from", "to", "length", "segments", "size", "gaps"}};
  for (const Recorded& one : all) {
    std::string gaps = std::to_string(one.gaps);
    if (one.gaps > 0) gaps += " (" + to_length(one.gap_length) + ")";
    rows.push_back({one.stream, base::to_iso8601(one.from),
                    base::to_iso8601(one.to) + (one.is_open ? "+" : ""), to_length(one.length),
                    std::to_string(one.segments), to_size(one.bytes), std::move(gaps)});
  }
  Row::size_type widths[7] = {};
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::string space(widths[column] - row[column].size(), ' ');
      const bool is_number = column >= 3;
      line += is_number ? space + row[column] : row[column] + space;
      if (column + 1 < row.size()) line += "  ";
    }
    out << line << '\n';
  }
}

void print_json(const std::vector<Recorded>& all, std::ostream& out) {
  out << "{\"recordings\":[";
  const char* comma = "";
  for (const Recorded& one : all) {
    out << comma << "{\"stream\":\"" << base::escape_json(one.stream) << "\",\"from\":\""
        << base::to_iso8601(one.from) << "\",\"to\":\"" << base::to_iso8601(one.to)
        << "\",\"open\":" << (one.is_open ? "true" : "false")
        << ",\"seconds\":" << base::to_seconds(one.length) << ",\"segments\":" << one.segments
        << ",\"bytes\":" << one.bytes << ",\"gaps\":" << one.gaps
        << ",\"gap_seconds\":" << base::to_seconds(one.gap_length) << '}';
    comma = ",";
  }
  out << "]}\n";
}

}  // namespace

void list_recordings(const std::filesystem::path& root, bool as_json, std::ostream& out) {
  if (!std::filesystem::exists(root / "catalog.sqlite")) {
    throw std::runtime_error("there is no catalog of recordings in " + root.string() +
                             "; `spancast recordings reindex` makes one of the files");
  }
  const auto catalog = Catalog::read(root);
  if (!catalog) throw failure(root, catalog.error());
  const auto sums = (*catalog)->sums();
  if (!sums) throw failure(root, sums.error());
  std::vector<Recorded> all;
  for (const Catalog::Sum& sum : *sums) {
    Recorded recorded = read_stream(root, **catalog, sum.stream);
    if (recorded.segments > 0) all.push_back(std::move(recorded));
  }
  if (as_json) return print_json(all, out);
  if (all.empty()) {
    out << "nothing is recorded in " << root.string() << '\n';
    return;
  }
  print_table(all, out);
}

}  // namespace disk
