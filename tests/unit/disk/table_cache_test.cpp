#include "relay/disk/table_cache.hpp"

#include <doctest/doctest.h>

namespace disk {
namespace {

std::shared_ptr<const SegmentTable> make_table(std::int64_t id, std::size_t chunks) {
  auto table = std::make_shared<SegmentTable>();
  table->segment.id = id;
  table->chunks.resize(chunks);
  return table;
}

}  // namespace

TEST_CASE("the tables that were wanted last are kept up to so many bytes") {
  TableCache cache(3 * 100 * sizeof(ChunkEntry) + 3 * sizeof(SegmentTable));
  for (std::int64_t id = 1; id <= 3; ++id) cache.keep(make_table(id, 100));
  CHECK(cache.find(1));
  cache.keep(make_table(4, 100));
  CHECK(cache.find(1));
  CHECK(!cache.find(2));
  CHECK(cache.find(3));
  CHECK(cache.find(4));
  cache.keep(make_table(5, 200));
  CHECK(cache.find(5));
  CHECK(cache.find(4));
  CHECK(!cache.find(3));

  const auto other = make_table(4, 7);
  cache.keep(other);
  CHECK(cache.find(4) == other);
  cache.forget(4);
  cache.forget(4);
  CHECK(!cache.find(4));
  cache.forget(5);
  CHECK(cache.bytes() == 0);
  cache.keep(make_table(6, 1'000));  // larger than all of it
  CHECK(cache.bytes() == 0);
}

}  // namespace disk
