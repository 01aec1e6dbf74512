#include "relay/disk/write_batch.hpp"

#include <span>
#include <system_error>
#include <utility>

#include "relay/disk/index_box.hpp"

namespace disk {

void WriteBatch::write(memory::WindowList bytes) {
  if (steps_.empty() || !std::holds_alternative<Write>(steps_.back())) steps_.emplace_back(Write{});
  auto& step = std::get<Write>(steps_.back());
  for (const memory::Window& window : bytes) {
    // Never written to: pwritev() takes the same type for reading and writing.
    buffers_.push_back({const_cast<std::byte*>(window.data()), window.size()});
  }
  step.buffers += bytes.count();
  ++step.chunks;
  bytes_ += bytes.bytes();
  held_.push_back(std::move(bytes));
}

void WriteBatch::clear() noexcept {
  steps_.clear();
  buffers_.clear();
  held_.clear();
  bytes_ = 0;
}

WriteOutcome SegmentWriter::run(WriteBatch& batch) {
  WriteOutcome outcome;
  std::span<iovec> buffers(batch.buffers());
  for (const WriteBatch::Step& step : batch.steps()) {
    base::Result<void> done;
    if (const auto* open = std::get_if<WriteBatch::Open>(&step)) {
      done = run(*open, outcome);
    } else if (const auto* write = std::get_if<WriteBatch::Write>(&step)) {
      const std::uint64_t before = file_.bytes();
      done = file_.write(buffers.first(write->buffers));
      buffers = buffers.subspan(write->buffers);
      outcome.bytes += file_.bytes() - before;
    } else if (const auto* close = std::get_if<WriteBatch::Close>(&step)) {
      done = run(*close, outcome);
    } else if (const auto* remove = std::get_if<WriteBatch::Remove>(&step)) {
      file_.close();
      std::error_code ignored;
      std::filesystem::remove(remove->file, ignored);
    } else {
      done = sync(outcome);
    }
    if (!done) {
      outcome.error = done.error();
      break;
    }
    ++outcome.steps;
  }
  outcome.file_bytes = file_.bytes();
  return outcome;
}

base::Result<void> SegmentWriter::run(const WriteBatch::Open& open, WriteOutcome& outcome) {
  using Folders = SegmentFile::Folders;
  const auto folder = open.file.parent_path();
  const Folders durable = folder == folder_ ? Folders::last : Folders::all;
  auto file =
      SegmentFile::create(root_, open.file, open.head, is_durable_ ? durable : Folders::none);
  if (!file) return file.error();
  file_ = std::move(*file);
  folder_ = folder;
  outcome.bytes += file_.bytes();
  return {};
}

base::Result<void> SegmentWriter::run(const WriteBatch::Close& close, WriteOutcome& outcome) {
  if (close.cuts) {
    save(close, outcome);
  } else {
    const std::string index = write_index(*close.table);
    if (const auto done = file_.write(index); !done) return done;
    outcome.bytes += index.size();
    if (is_durable_) {
      if (const auto done = sync(outcome); !done) return done;
    }
  }
  outcome.closed_bytes.push_back(file_.bytes());
  file_.close();
  return {};
}

// A file without an index can be read, too: more slowly.
void SegmentWriter::save(const WriteBatch::Close& close, WriteOutcome& outcome) {
  const std::uint64_t end = close.table->segment.bytes;
  if (!file_.cut(end)) return;
  const std::string index = write_index(*close.table);
  if (file_.write(index)) {
    outcome.bytes += index.size();
  } else {
    static_cast<void>(file_.cut(end));
  }
  if (is_durable_) static_cast<void>(sync(outcome));
}

base::Result<void> SegmentWriter::sync(WriteOutcome& outcome) {
  const auto done = file_.sync();
  if (done) ++outcome.syncs;
  return done;
}

}  // namespace disk
