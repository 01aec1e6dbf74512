#include "relay/disk/store.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/folders.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/segment_scan.hpp"

namespace disk {
namespace {

// Of indices: some 500 000 chunks, as 1 200 segments of 4 s with audio and video have.
constexpr std::size_t table_bytes_max = 16 << 20;
// A recorder has one job at a time, and a viewer or clip too; beyond, they are refused.
constexpr std::size_t jobs_waiting_max = 16'384;

Store::Options with_normal_root(Store::Options options) {
  options.root = normal_root(options.root);
  return options;
}

// The folder of a lock and a catalog.
const std::filesystem::path& make_root(const std::filesystem::path& root) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) {
    throw std::runtime_error("cannot make " + root.string() +
                             " (recording.root): " + error.message());
  }
  return root;
}

std::unique_ptr<Catalog> open_catalog(const std::filesystem::path& root, base::Log& log) {
  auto catalog = Catalog::open(root);
  if (!catalog) {
    throw std::runtime_error("cannot open the catalog of " + root.string() + ": " +
                             catalog.error().message());
  }
  if (const auto& aside = (*catalog)->set_aside_as(); !aside.empty()) {
    log.warning("the catalog of recordings was damaged",
                {{"kept_as", aside.string()}, {"detail", "it is made anew from the files"}});
  } else if ((*catalog)->is_new()) {
    log.info("new catalog of recordings", {{"root", root.string()}});
  }
  return std::move(*catalog);
}

}  // namespace

Store::Store(Options options, base::Log& log)
    : options_(with_normal_root(std::move(options))),
      log_(log),
      folder_lock_(make_root(options_.root)),
      catalog_(open_catalog(options_.root, log)),
      write_lane_("disk.write", std::max(options_.pool_threads / 4, 1U), jobs_waiting_max),
      read_lane_("disk.read", std::max(options_.pool_threads / 4, 1U), jobs_waiting_max),
      tables_(table_bytes_max) {
  auto known = catalog_->newest_ones();
  if (!known) {
    throw std::runtime_error("cannot read the catalog of " + options_.root.string() + ": " +
                             known.error().message());
  }
  for (Segment& segment : *known) {
    std::string stream = segment.stream;
    newest_.emplace(std::move(stream), std::move(segment));
  }
}

Store::~Store() {
  if (const auto done = catalog_->commit(); !done) {
    log_.warning("the catalog of recordings was not written",
                 {{"root", options_.root.string()}, {"error", done.error().message()}});
  }
}

std::optional<Segment> Store::newest(const std::string& stream) const {
  const std::lock_guard lock(lock_);
  const auto found = newest_.find(stream);
  if (found == newest_.end()) return std::nullopt;
  return found->second;
}

void Store::set_newest(const Segment& segment) {
  const std::lock_guard lock(lock_);
  Segment& known = newest_[segment.stream];
  if (known.stream.empty() || known.start <= segment.start) known = segment;
}

void Store::drop_newest(const Segment& segment, const std::optional<Segment>& before) {
  const std::lock_guard lock(lock_);
  const auto known = newest_.find(segment.stream);
  if (known == newest_.end() || known->second.id != segment.id) return;
  if (before) {
    known->second = *before;
  } else {
    newest_.erase(known);
  }
}

base::Utc Store::next_start(const std::string& stream, base::Utc utc) const {
  const std::lock_guard lock(lock_);
  const auto known = newest_.find(stream);
  if (known == newest_.end()) return utc;
  return std::max(utc, known->second.start + std::chrono::microseconds(1));
}

void Store::publish(std::shared_ptr<const SegmentTable> table) {
  RELAY_ASSERT(table->segment.id > 0);
  const std::lock_guard lock(lock_);
  published_[table->segment.id].swap(table);
}

void Store::retract(std::int64_t id) {
  const std::lock_guard lock(lock_);
  published_.erase(id);
}

std::shared_ptr<const SegmentTable> Store::published(std::int64_t id) const {
  const std::lock_guard lock(lock_);
  const auto found = published_.find(id);
  return found == published_.end() ? nullptr : found->second;
}

Store::TableResult Store::table(const Segment& segment) {
  if (auto open = published(segment.id)) return open;
  if (!segment.is_open) return read_table(segment);
  // It was closed a moment ago; or nobody writes it: a crash left it so, and its recovery is to
  // come. Or it is so new that nothing was published yet.
  const auto now = catalog_->get(segment.id);
  if (!now) return now.error();
  if (*now && !(*now)->is_open) return read_table(**now);
  if (auto open = published(segment.id)) return open;
  return scan_table(segment);
}

Store::TableResult Store::read_table(const Segment& segment) {
  if (auto kept = tables_.find(segment.id); kept && !kept->segment.is_open) return kept;
  auto index = read_index(segment_path(options_.root, segment.stream, segment.start));
  if (!index) return scan_table(segment);
  if (index->segment.first != segment.first || index->chunks.empty()) return Errc::bad_index;
  index->segment.id = segment.id;
  index->segment.stream = segment.stream;
  index->segment.start = segment.start;
  auto table = std::make_shared<const SegmentTable>(std::move(*index));
  tables_.keep(table);
  return table;
}

// What is kept of one that somebody may still write, or recovery will cut, counts while the file is
// as long as it was then.
Store::TableResult Store::scan_table(const Segment& segment) {
  const auto file = segment_path(options_.root, segment.stream, segment.start);
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(file, error);
  if (error) return base::Error(error);
  if (auto kept = tables_.find(segment.id); kept && kept->segment.bytes == bytes) return kept;
  auto scan = scan_segment(file, segment.stream);
  if (!scan) return scan.error();
  if (scan->table.segment.first != segment.first) return Errc::bad_index;
  scan->table.segment.id = segment.id;
  scan->table.segment.start = segment.start;
  scan->table.segment.is_open = segment.is_open;
  auto table = std::make_shared<const SegmentTable>(std::move(scan->table));
  tables_.keep(table);
  return table;
}

void Store::hold(std::int64_t id) {
  const std::lock_guard lock(lock_);
  ++held_[id];
}

void Store::release(std::int64_t id) {
  const std::lock_guard lock(lock_);
  const auto found = held_.find(id);
  RELAY_ASSERT(found != held_.end());
  if (--found->second == 0) held_.erase(found);
}

bool Store::is_held(std::int64_t id) const {
  const std::lock_guard lock(lock_);
  return held_.contains(id);
}

}  // namespace disk
