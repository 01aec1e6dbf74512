relay_fuzzer(mpegts_reader mpegts_reader.cpp DEPENDS relay::mpegts)
