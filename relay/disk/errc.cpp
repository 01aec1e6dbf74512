#include "relay/disk/errc.hpp"

namespace disk {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::bad_head:
      return "the file does not begin as a recorded segment does";
    case Errc::bad_record:
      return "the box before a chunk makes no sense";
    case Errc::bad_checksum:
      return "the bytes are not those that were written: another checksum";
    case Errc::other_record:
      return "there is another chunk than the one that should be there";
    case Errc::cut_record:
      return "the file ends inside a chunk";
    case Errc::bad_index:
      return "the index does not fit the file";
    case Errc::no_index:
      return "the file has no index: it was not closed";
    case Errc::nothing_valid:
      return "the file has no whole chunk";
    case Errc::foreign_bytes:
      return "something else lies where a chunk should be";
    case Errc::newer_catalog:
      return "the catalog was written by a newer version of Spancast";
    case Errc::nothing_recorded:
      return "nothing is recorded of that time";
    case Errc::nothing_fits:
      return "none of its tracks fits MP4";
    case Errc::clip_too_large:
      return "the clip has too many frames: a shorter one is possible";
  }
  return "unknown error";
}

}  // namespace disk
