#include "relay/state/errc.hpp"

namespace state {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::bad_checksum:
      return "the bytes are not those that were written: another checksum";
    case Errc::bad_record:
      return "it is no record of its kind";
    case Errc::no_version:
      return "it has no schema_version";
    case Errc::no_migration:
      return "it is of a version that nothing here migrates";
    case Errc::too_large:
      return "it is too large";
    case Errc::bad_export:
      return "this is no export of state, or it is cut";
    case Errc::newer_database:
      return "the database was written by a newer version of Spancast";
    case Errc::folder_in_use:
      return "the folder is used by another relay";
    case Errc::read_only:
      return "the database can only be read";
    case Errc::not_locked:
      return "the folder cannot be made or locked";
  }
  return "unknown error";
}

}  // namespace state
