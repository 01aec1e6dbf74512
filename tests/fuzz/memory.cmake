relay_fuzzer(window_list window_list.cpp DEPENDS relay::memory)
