#include "relay/protocol/websocket/close_code.hpp"

#include <doctest/doctest.h>

namespace websocket {

TEST_CASE("close codes that may be sent are the registered ones and those of applications") {
  const auto expected = [](unsigned code) {  // RFC 6455, 7.4, and IANA's registry
    if (code < 1000) return false;
    if (code <= 1014) return code != 1004 && code != 1005 && code != 1006;
    return code >= 3000 && code <= 4999;
  };
  for (unsigned code = 0; code <= 0xffff; ++code) {
    if (may_be_sent(static_cast<CloseCode>(code)) != expected(code)) FAIL(code);
  }
}

TEST_CASE("each error has the close code of its kind") {
  CHECK(close_code(Errc::text_not_accepted) == CloseCode::unsupported_data);
  CHECK(close_code(Errc::bad_text) == CloseCode::invalid_payload);
  CHECK(close_code(Errc::bad_close_reason) == CloseCode::invalid_payload);
  CHECK(close_code(Errc::too_many_fragments) == CloseCode::policy_violation);
  CHECK(close_code(Errc::message_too_large) == CloseCode::message_too_big);
  CHECK(close_code(Errc::not_closed) == CloseCode::abnormal);
  for (const Errc errc : {Errc::reserved_bits, Errc::unknown_opcode, Errc::fragmented_control,
                          Errc::control_too_long, Errc::not_masked, Errc::length_not_minimal,
                          Errc::length_too_large, Errc::unexpected_continuation,
                          Errc::unfinished_message, Errc::bad_close_length, Errc::bad_close_code}) {
    CHECK(close_code(errc) == CloseCode::protocol_error);
  }
}

}  // namespace websocket
