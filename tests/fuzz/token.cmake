relay_fuzzer(token token.cpp DEPENDS relay::token)
