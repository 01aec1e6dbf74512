relay_fuzzer(mpegts_reader mpegts_reader.cpp DEPENDS relay::mpegts)
relay_fuzzer(mpegts_samples mpegts_samples.cpp DEPENDS relay::mpegts)
