relay_fuzzer(state_record state_record.cpp DEPENDS relay::state)
