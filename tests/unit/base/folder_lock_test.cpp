#include "relay/base/folder_lock.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace base {
namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "spancast-lock-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("a folder is locked until the lock goes") {
  const Folder folder;
  std::optional<FolderLock> first(folder.path);
  CHECK_THROWS_AS(FolderLock(folder.path), FolderInUse);
  CHECK_FALSE(first->is_lost());
  first.reset();
  CHECK_NOTHROW(FolderLock(folder.path));
}

TEST_CASE("a lock whose file was removed or replaced is lost") {
  const Folder folder;
  const FolderLock first(folder.path);
  std::filesystem::remove(folder.path / "lock");
  CHECK(first.is_lost());
  const FolderLock second(folder.path);
  CHECK(first.is_lost());
  CHECK_FALSE(second.is_lost());
}

TEST_CASE("a folder that is not there cannot be locked") {
  const Folder folder;
  CHECK_THROWS_AS(FolderLock(folder.path / "none"), std::runtime_error);
}

}  // namespace base
