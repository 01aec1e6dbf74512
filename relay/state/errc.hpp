#pragma once

#include "relay/base/result.hpp"

namespace state {

/// What a store or a record may turn out to be. What SQLite and the system say is their own error.
enum class Errc {
  bad_checksum = 1,
  bad_record,    ///< no message of its kind
  no_version,    ///< its schema_version is 0
  no_migration,  ///< from an older version
  too_large,
  bad_export,      ///< what is to be imported is no export, or cut
  newer_database,  ///< its layout is unknown here
  folder_in_use,   ///< another relay has taken it
  read_only,
  not_locked,  ///< the folder cannot be locked, or cannot be made
};

const char* describe(Errc errc) noexcept;

}  // namespace state

RELAY_ERROR_CODES(state)
