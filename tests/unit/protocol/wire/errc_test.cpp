#include "relay/protocol/wire/errc.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace wire {

TEST_CASE("every refusal has its own sentence that fits a Bye") {
  std::vector<std::string> sentences;
  for (int errc = 1; errc <= static_cast<int>(Errc::flood); ++errc) {
    sentences.push_back(make_error_code(static_cast<Errc>(errc)).message());
    CHECK(sentences.back() != "unknown error");
    CHECK(sentences.back().size() <= detail_bytes_max);
  }
  std::sort(sentences.begin(), sentences.end());
  CHECK(std::adjacent_find(sentences.begin(), sentences.end()) == sentences.end());
}

TEST_CASE("a refusal has the reason that tells the peer most") {
  CHECK(reason_of(make_error_code(Errc::bad_envelope)) == ByeReason::bad_message);
  CHECK(reason_of(make_error_code(Errc::envelope_too_large)) == ByeReason::too_large);
  CHECK(reason_of(make_error_code(Errc::payload_too_large)) == ByeReason::too_large);
  CHECK(reason_of(make_error_code(Errc::too_many_tracks)) == ByeReason::too_many_tracks);
  CHECK(reason_of(make_error_code(Errc::bad_token)) == ByeReason::bad_token);
  CHECK(reason_of(make_error_code(Errc::bad_sequence)) == ByeReason::bad_sequence);
  CHECK(reason_of(make_error_code(Errc::bad_checksum)) == ByeReason::bad_checksum);
  CHECK(reason_of(make_error_code(Errc::flood)) == ByeReason::flood);
  CHECK(reason_of({}) == ByeReason::bad_message);
}

}  // namespace wire
