#pragma once

#include <string>
#include <vector>

#include "client/player/phase.hpp"
#include "client/player/presenter.hpp"
#include "client/player/report.hpp"

namespace client {

/// In a few words, for a title: `live 0.2 s`, `-30 s`, `reconnecting in 2 s`.
std::string state_text(const Phase& phase, const Presenter::View& view, base::Time now);

/// What the statistics show, a line each.
struct Statistics {
  std::string url;
  Presenter::View view;
  Report report;
  std::string decoders;
  std::uint64_t drops = 0;
  std::uint64_t bits_per_second = 0;
  base::Duration asked_latency{};
};
std::vector<std::string> to_lines(const Statistics& statistics);

}  // namespace client
