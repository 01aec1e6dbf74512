#include "relay/media/container/mpegts/errc.hpp"

namespace mpegts {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::no_sync:
      return "no MPEG-TS packets found in up to 64 KiB";
    case Errc::no_pat:
      return "no program association table found in up to 1 MiB of MPEG-TS";
    case Errc::too_many_tracks:
      return "the program has more than 16 tracks";
  }
  return "unknown error";
}

}  // namespace mpegts
