relay_fuzzer(wire_relay wire_relay.cpp DEPENDS relay::wire)
relay_fuzzer(wire_client wire_client.cpp DEPENDS relay::wire)
