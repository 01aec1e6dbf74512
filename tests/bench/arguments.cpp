#include "tests/bench/arguments.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace bench {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

std::int64_t to_number(const std::string& name, const std::string& text) {
  std::size_t used = 0;
  std::int64_t value = 0;
  try {
    value = std::stoll(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size()) refuse("--" + name + ": not a number: " + text);
  return value;
}

}  // namespace

Arguments::Arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.size() < 3 || !name.starts_with("--")) refuse("not an option: " + name);
    std::string value;
    if (i + 1 < argc && !std::string(argv[i + 1]).starts_with("--")) value = argv[++i];
    given_[name.substr(2)] = value;
  }
}

std::string Arguments::text(const std::string& name, const std::string& fallback) {
  const auto found = given_.extract(name);
  return found.empty() ? fallback : found.mapped();
}

std::int64_t Arguments::number(const std::string& name, std::int64_t fallback) {
  const std::string value = text(name, "");
  return value.empty() ? fallback : to_number(name, value);
}

std::vector<std::int64_t> Arguments::numbers(const std::string& name, std::int64_t fallback) {
  const std::string value = text(name, "");
  if (value.empty()) return {fallback};
  std::vector<std::int64_t> list;
  for (std::size_t from = 0; from <= value.size();) {
    const std::size_t comma = std::min(value.find(',', from), value.size());
    list.push_back(to_number(name, value.substr(from, comma - from)));
    from = comma + 1;
  }
  return list;
}

bool Arguments::flag(const std::string& name) { return !given_.extract(name).empty(); }

void Arguments::finish() const {
  if (!given_.empty()) refuse("unknown option: --" + given_.begin()->first);
}

}  // namespace bench
