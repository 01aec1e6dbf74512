relay_fuzzer(config config.cpp DEPENDS relay::config)
