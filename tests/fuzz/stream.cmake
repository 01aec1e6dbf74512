relay_fuzzer(stream_log stream_log.cpp DEPENDS relay::stream)
