#include "tests/bench/source.hpp"

#include <cstdio>
#include <cstdlib>

#include "tests/bench/mp4_source.hpp"
#include "tests/bench/ts_source.hpp"
#include "tests/bench/wire_source.hpp"

namespace bench {

std::unique_ptr<Source> make_source(Container container, const SourceOptions& options) {
  if (container == Container::mp4) return std::make_unique<Mp4Source>(options);
  if (container == Container::wire) return std::make_unique<WireSource>(options);
  return std::make_unique<TsSource>(options);
}

Container container_named(std::string_view name) {
  if (name == "mpegts") return Container::mpegts;
  if (name == "mp4") return Container::mp4;
  if (name == "wire") return Container::wire;
  std::fprintf(stderr, "--container: mpegts, mp4 or wire\n");
  std::exit(2);
}

std::string_view file_suffix(Container container) {
  if (container == Container::wire) return "";
  return container == Container::mp4 ? ".mp4" : ".ts";
}

std::string_view content_type(Container container) {
  return container == Container::mp4 ? "video/mp4" : "video/mp2t";
}

}  // namespace bench
