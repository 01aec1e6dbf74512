relay_fuzzer(stream_log stream_log.cpp DEPENDS relay::stream)
relay_fuzzer(stream_positions stream_positions.cpp DEPENDS relay::stream)
