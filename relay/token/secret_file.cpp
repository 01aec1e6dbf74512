#include "relay/token/secret_file.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "relay/base/assert.hpp"

namespace token {
namespace {

using Path = std::filesystem::path;
using Secret = std::array<unsigned char, 32>;

constexpr std::string_view head = "spancast-secret-1 ";
constexpr std::size_t check_bytes = 8;
constexpr std::size_t line_bytes = head.size() + 2 * sizeof(Secret) + 1 + 2 * check_bytes + 1;

/// A descriptor that is closed when it goes.
class File {
 public:
  explicit File(int number) noexcept : number_(number) {}
  ~File() {
    if (number_ >= 0) close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(const char* what, const Path& file, int error) {
  throw std::system_error(error, std::generic_category(),
                          std::string("cannot ") + what + " the secret " + file.string());
}

std::string to_hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

std::string to_line(const Secret& secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  RELAY_ASSERT(SHA256(secret.data(), secret.size(), digest.data()) != nullptr);
  return std::string(head) + to_hex(secret) + ' ' + to_hex(std::span(digest).first(check_bytes)) +
         '\n';
}

int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;  // another character makes another line
}

// Whatever is not the line of the secret in it is damaged.
std::optional<Secret> parse(std::string_view line) {
  if (line.size() != line_bytes) return std::nullopt;
  Secret secret{};
  line.remove_prefix(head.size());
  for (std::size_t at = 0; at < secret.size(); ++at) {
    secret[at] = static_cast<unsigned char>(digit(line[2 * at]) << 4 | digit(line[2 * at + 1]));
  }
  return secret;
}

std::string read_line(const File& opened, const Path& file) {
  std::string text(line_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(opened.number(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", file, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

// Nothing when there is no such file.
std::optional<std::string> load(const Path& file) {
  // Not to wait for whoever writes to a pipe of that name.
  const File opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.is_open() && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (!opened.is_open() || fstat(opened.number(), &status) != 0) fail("read", file, errno);
  if (!S_ISREG(status.st_mode)) {
    throw std::runtime_error("the secret " + file.string() + " is not a file");
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777U);
    throw std::runtime_error("others may use the secret " + file.string() + " (its mode is " +
                             mode + "): chmod 600 it, or remove it for a new one");
  }
  const std::string line = read_line(opened, file);
  const auto secret = parse(line);
  if (!secret || to_line(*secret) != line) {
    throw std::runtime_error("the secret " + file.string() +
                             " is damaged: put its copy back, or remove it for a new one, which "
                             "makes all tokens invalid");
  }
  return std::string(reinterpret_cast<const char*>(secret->data()), secret->size());
}

int write_all(int number, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t taken = write(number, text.data(), text.size());
    if (taken < 0 && errno != EINTR) return errno;
    if (taken > 0) text.remove_prefix(static_cast<std::size_t>(taken));
  }
  return fsync(number) != 0 ? errno : 0;
}

// Whoever looks for `file` sees all of it or none. Nothing when somebody else was first: an error
// number otherwise, or 0.
int publish(const std::string& draft, const Path& file) noexcept {
  if (link(draft.c_str(), file.c_str()) != 0 && errno != EEXIST) return errno;
  const Path folder = file.has_parent_path() ? file.parent_path() : Path(".");
  const File opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !opened.is_open() || fsync(opened.number()) != 0 ? errno : 0;
}

void make(const Path& file) {
  Secret secret{};
  RELAY_ASSERT(RAND_bytes(secret.data(), static_cast<int>(secret.size())) == 1);
  std::string draft = file.string() + ".XXXXXX";
  const File opened(mkostemp(draft.data(), O_CLOEXEC));  // of mode 0600
  if (!opened.is_open()) fail("make", file, errno);
  int error = write_all(opened.number(), to_line(secret));
  if (error == 0) error = publish(draft, file);
  unlink(draft.c_str());
  if (error != 0) fail("make", file, error);
}

}  // namespace

std::string load_or_make_secret(const Path& file) {
  if (auto secret = load(file)) return *std::move(secret);
  make(file);
  if (auto secret = load(file)) return *std::move(secret);
  fail("read", file, ENOENT);
}

}  // namespace token
