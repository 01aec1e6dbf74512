#pragma once

#include <span>
#include <string>
#include <string_view>

#include "relay/usage/ledger.hpp"

namespace usage {

/// `day,stream,bytes_in,bytes_out,viewer_ms` and a line for each row, ended with CR LF (RFC 4180).
std::string to_csv(std::span<const Entry> entries);

/// A field as it stands in a line: in quotes where it must be.
std::string csv_field(std::string_view text);

}  // namespace usage
