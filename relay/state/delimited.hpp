#pragma once

#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <iosfwd>
#include <optional>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/state/kind.hpp"

namespace state {

/// A row as a StoredRecord behind its length. `damage`: why it was set aside.
void write_delimited(std::ostream& out, const Row& row, std::string_view damage = {});

/// Reads what `write_delimited()` wrote, of an untrusted file.
class DelimitedReader {
 public:
  explicit DelimitedReader(std::istream& in) : in_(&in) {}
  /// Nothing: that was all. Errc::bad_export, too_large; then there is no next.
  base::Result<std::optional<Row>> next();

 private:
  google::protobuf::io::IstreamInputStream in_;
};

}  // namespace state
