#include "relay/token/secret_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace token {
namespace {

namespace fs = std::filesystem;

// Bytes 0 to 31; the last part by Python's hashlib.
const std::string known_line =
    "spancast-secret-1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
    "630dcd2966c43366\n";

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "spancast-token-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path file() const { return path / "secret"; }
  void write(std::string_view text, fs::perms mode = fs::perms::owner_read) const {
    fs::remove(file());
    std::ofstream(file(), std::ios::binary) << text;
    fs::permissions(file(), mode);
  }
  std::string read() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string refusal() const {
    try {
      load_or_make_secret(file());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "none";
  }

  fs::path path;
};

}  // namespace

TEST_CASE("a secret is made once and for its owner alone") {
  const Folder folder;
  const std::string secret = load_or_make_secret(folder.file());
  CHECK(secret.size() == 32);
  struct stat status {};
  REQUIRE(stat(folder.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(load_or_make_secret(folder.file()) == secret);
  // Nothing else is left behind.
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
  fs::remove(folder.file());
  CHECK(load_or_make_secret(folder.file()) != secret);
}

TEST_CASE("a secret that is there is read") {
  const Folder folder;
  folder.write(known_line);
  const std::string secret = load_or_make_secret(folder.file());
  REQUIRE(secret.size() == 32);
  for (std::size_t at = 0; at < 32; ++at) CHECK(secret[at] == static_cast<char>(at));
  CHECK(folder.read() == known_line);
}

TEST_CASE("of several that make it at once all get the same") {
  for (int round = 0; round < 20; ++round) {
    const Folder folder;
    std::vector<std::string> secrets(8);
    std::vector<std::thread> threads;
    for (std::string& secret : secrets) {
      threads.emplace_back([&] { secret = load_or_make_secret(folder.file()); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(std::set<std::string>(secrets.begin(), secrets.end()).size() == 1);
    CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
  }
}

TEST_CASE("a secret that others may use is refused and stays as it is") {
  const Folder folder;
  for (const unsigned mode : {0640U, 0604U, 0660U, 0602U, 0611U, 0777U}) {
    folder.write(known_line, static_cast<fs::perms>(mode));
    CAPTURE(mode);
    const std::string refusal = folder.refusal();
    CHECK(refusal.find("others may use the secret " + folder.file().string()) == 0);
    CHECK(refusal.find("chmod 600") != std::string::npos);
  }
  CHECK(folder.refusal().find("(its mode is 0777)") != std::string::npos);
  CHECK(folder.read() == known_line);
}

TEST_CASE("a damaged secret is refused and not replaced") {
  const Folder folder;
  const auto check_refused = [&](const std::string& text) {
    folder.write(text);
    CAPTURE(text);
    CHECK(folder.refusal().find("the secret " + folder.file().string() + " is damaged") == 0);
    CHECK(folder.read() == text);
  };
  for (std::size_t size = 0; size < known_line.size(); ++size) {
    check_refused(known_line.substr(0, size));
  }
  for (std::size_t at = 0; at < known_line.size(); ++at) {
    std::string text = known_line;
    text[at] = static_cast<char>(text[at] ^ 1);
    check_refused(text);
  }
  check_refused(known_line + "\n");
  check_refused(known_line + known_line);
  check_refused(std::string(known_line.size(), '\0'));
  check_refused(std::string(1 << 20, 'a'));
}

TEST_CASE("what cannot be read or made is named") {
  const Folder folder;
  fs::create_directory(folder.file());
  CHECK(folder.refusal() == "the secret " + folder.file().string() + " is not a file");
  fs::remove(folder.file());
  REQUIRE(mkfifo(folder.file().c_str(), 0600) == 0);
  CHECK(folder.refusal() == "the secret " + folder.file().string() + " is not a file");
  const fs::path nowhere = folder.path / "missing" / "secret";
  CHECK_THROWS_WITH_AS(
      load_or_make_secret(nowhere),
      ("cannot make the secret " + nowhere.string() + ": No such file or directory").c_str(),
      std::runtime_error);
}

}  // namespace token
