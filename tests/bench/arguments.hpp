#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// The command line of a benchmark program: `--name value` or `--name`. A mistake ends the process
/// with status 2, because a figure measured with a misspelled option is worse than none.
class Arguments {
 public:
  Arguments(int argc, char** argv);

  std::string text(const std::string& name, const std::string& fallback);
  std::int64_t number(const std::string& name, std::int64_t fallback);
  std::vector<std::int64_t> numbers(const std::string& name, std::int64_t fallback);
  bool flag(const std::string& name);

  /// Call it after the last option was asked for: refuses what nobody asked for.
  void finish() const;

 private:
  std::map<std::string, std::string> given_;
};

}  // namespace bench
