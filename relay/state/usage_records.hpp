#pragma once

#include <cstdint>
#include <span>

#include "relay/usage/ledger.hpp"

namespace state {

class Store;

/// Gives a ledger the rows that a store has. Returns how many records were left out: those that
/// contradict their own keys, and would come back under others.
std::uint64_t restore_usage(const Store& store, usage::Ledger& ledger);

/// Gives a store what has changed. Any thread, one at a time; does not block on the disk.
void save_usage(Store& store, std::span<const usage::Change> changes);

}  // namespace state
