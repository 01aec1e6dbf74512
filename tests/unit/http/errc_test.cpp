#include "relay/http/errc.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace http {

TEST_CASE("every error has its own sentence and a status") {
  std::set<std::string> sentences;
  constexpr int count = static_cast<int>(Errc::expectation_failed);
  for (int errc = 1; errc <= count; ++errc) {
    const base::Error error = make_error_code(static_cast<Errc>(errc));
    CHECK(error.message() != "unknown error");
    CHECK(status_of(error) >= 400);
    sentences.insert(error.message());
  }
  CHECK(sentences.size() == count);
}

TEST_CASE("the status follows from the error") {
  CHECK(status_of(Errc::bad_request) == 400);
  CHECK(status_of(Errc::bad_body_length) == 400);
  CHECK(status_of(Errc::head_too_large) == 431);
  CHECK(status_of(Errc::version_not_supported) == 505);
  CHECK(status_of(Errc::expectation_failed) == 417);
}

}  // namespace http
