relay_fuzzer(fmp4_reader fmp4_reader.cpp DEPENDS relay::fmp4)
