relay_fuzzer(config config.cpp DEPENDS relay::config)
relay_fuzzer(access access.cpp DEPENDS relay::config)
relay_fuzzer(path_pattern path_pattern.cpp DEPENDS relay::config)
