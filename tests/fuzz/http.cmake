relay_fuzzer(http_head http_head.cpp DEPENDS relay::http)
relay_fuzzer(http_body http_body.cpp DEPENDS relay::http_body)
relay_fuzzer(http_target http_target.cpp DEPENDS relay::http)
relay_fuzzer(http_range http_range.cpp DEPENDS relay::http)
