#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "relay/memory/window.hpp"

namespace test {

/// Calls `check(head, tail)` for every place at which the network could cut `bytes`, the end
/// included (an empty tail). `bytes` outlives the call.
template <class Check>
void at_every_cut(std::span<const std::byte> bytes, Check&& check) {
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    check(memory::Window::on_static(bytes.first(cut)),
          memory::Window::on_static(bytes.subspan(cut)));
  }
}

}  // namespace test
