#include "client/wire/spill_file.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <deque>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tests/unit/protocol/wire/messages.hpp"

namespace client {
namespace {

struct Rig {
  std::vector<std::string> errors;
  wire::test::Memory memory;
  std::string folder = std::filesystem::temp_directory_path().string();

  SpillFile make(std::uint64_t bytes_max) {
    return SpillFile(folder, bytes_max,
                     [this](const std::string& text) { errors.push_back(text); });
  }
  bool push(SpillFile& file, const std::string& text) {
    return file.push(memory.put_cut(text, 100'000));
  }
  static std::string read(SpillFile& file, std::size_t index) {
    return wire::test::text_of(file.read(index).value());
  }
};

}  // namespace

TEST_CASE_FIXTURE(Rig, "what goes round and round in the file comes out as it went in") {
  SpillFile file = make(1000);
  std::deque<std::string> twin;
  std::size_t bytes = 0;
  for (unsigned number = 0; number < 500; ++number) {
    const std::string text(1 + number * 37 % 300, static_cast<char>('a' + number % 26));
    while (bytes + text.size() > 1000) {
      CHECK_FALSE(push(file, text));
      bytes -= twin.front().size();
      twin.pop_front();
      file.pop();
    }
    REQUIRE(push(file, text));
    bytes += text.size();
    twin.push_back(text);
    for (std::size_t index = 0; index < twin.size(); ++index)
      CHECK(read(file, index) == twin[index]);
  }
  CHECK(errors.empty());
}

TEST_CASE_FIXTURE(Rig, "a chunk larger than a block is read whole and an empty one too") {
  SpillFile file = make(4 << 20);
  std::string large(300'000, 'x');
  for (std::size_t at = 0; at < large.size(); ++at)
    large[at] = static_cast<char>(at * 7 + at / 251);
  REQUIRE(push(file, large));
  REQUIRE(file.push({}));
  REQUIRE(push(file, "small"));
  CHECK(read(file, 0) == large);
  CHECK(read(file, 1).empty());
  CHECK(read(file, 2) == "small");
}

TEST_CASE_FIXTURE(Rig, "what is read and not sent yet bounds what is read") {
  SpillFile file = make(4 << 20);
  REQUIRE(push(file, std::string(1 << 20, 'x')));
  std::vector<memory::WindowList> reading;
  while (auto payload = file.read(0)) {
    reading.push_back(std::move(*payload));
    REQUIRE(reading.size() <= 32);
  }
  CHECK(reading.size() >= 16);  // the largest chunk of the wire
  reading.clear();
  CHECK(file.read(0).has_value());
  CHECK(errors.empty());
}

TEST_CASE_FIXTURE(Rig, "where the disk is full the file goes round in what it has") {
  signal(SIGXFSZ, SIG_IGN);  // as the program does
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  SpillFile file = make(4 << 20);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::vector<bool> taken;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    taken.push_back(push(file, std::string(300, letter)));
  }
  file.pop();
  taken.push_back(push(file, std::string(300, 'e')));
  taken.push_back(push(file, std::string(300, 'f')));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(taken == std::vector<bool>{true, true, true, false, true, false});
  for (const char letter : {'b', 'c', 'e'}) {
    CHECK(read(file, 0) == std::string(300, letter));
    file.pop();
  }
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("File too large") != std::string::npos);
}

TEST_CASE_FIXTURE(Rig, "a folder that is not there is an error at the start") {
  folder = "/there/is/no/such/folder";
  CHECK_THROWS_AS(make(1000), std::system_error);
}

}  // namespace client
