relay_fuzzer(chunker chunker.cpp DEPENDS relay::media)
