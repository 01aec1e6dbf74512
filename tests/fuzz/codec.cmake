relay_fuzzer(codec_config codec_config.cpp DEPENDS relay::media_codec)
