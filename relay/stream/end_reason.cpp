#include "relay/stream/end_reason.hpp"

namespace stream {

const char* name_of(ViewerEnd end) noexcept {
  switch (end) {
    case ViewerEnd::stream_end:
      return "stream_end";
    case ViewerEnd::client:
      return "client";
    case ViewerEnd::error:
      return "error";
    case ViewerEnd::stalled:
      return "stalled";
    case ViewerEnd::slow:
      return "slow";
    case ViewerEnd::pinned:
      return "pinned";
    case ViewerEnd::drain:
      return "drain";
    case ViewerEnd::tracks:
      return "tracks";
    case ViewerEnd::until:
      return "until";
    case ViewerEnd::not_found:
      return "not_found";
    case ViewerEnd::bad_message:
      return "bad_message";
    case ViewerEnd::revoked:
      return "revoked";
    case ViewerEnd::expired:
      return "expired";
  }
  return "unknown";
}

const char* name_of(PublisherEnd end) noexcept {
  switch (end) {
    case PublisherEnd::finished:
      return "finished";
    case PublisherEnd::truncated:
      return "truncated";
    case PublisherEnd::broken:
      return "broken";
    case PublisherEnd::bad_body:
      return "bad_body";
    case PublisherEnd::bad_media:
      return "bad_media";
    case PublisherEnd::replaced:
      return "replaced";
    case PublisherEnd::drain:
      return "drain";
    case PublisherEnd::memory:
      return "memory";
    case PublisherEnd::bad_message:
      return "bad_message";
    case PublisherEnd::unwatched:
      return "unwatched";
    case PublisherEnd::stalled:
      return "stalled";
    case PublisherEnd::revoked:
      return "revoked";
    case PublisherEnd::expired:
      return "expired";
  }
  return "unknown";
}

}  // namespace stream
