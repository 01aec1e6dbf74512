relay_fuzzer(log_line log_line.cpp DEPENDS relay::base)
