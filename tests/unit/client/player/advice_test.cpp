#include "client/player/advice.hpp"

#include <doctest/doctest.h>

namespace client {

TEST_CASE("what goes wrong is said with what to do") {
  const Url url = *parse_url("spancast://relay/live/cam");
  CHECK(with_advice("cannot find the host relay: Host not found", url) ==
        "cannot find the host relay: Host not found (check how the name is spelled, and the "
        "network)");
  CHECK(with_advice("127.0.0.1:1 refused the connection", url).ends_with("check host and port)"));
  CHECK(with_advice("127.0.0.1:1: Connection refused", url).ends_with("check host and port)"));
  CHECK(with_advice("the relay says not_found", url) ==
        "live/cam: nobody publishes it: start its camera, or check its name (the relay says "
        "not_found)");
  CHECK(with_advice("the relay says ended", url) == "the relay says ended");
}

}  // namespace client
