relay_fuzzer(disk_clip disk_clip.cpp DEPENDS relay::disk)
relay_fuzzer(disk_segment disk_segment.cpp DEPENDS relay::disk)
relay_fuzzer(segment_path segment_path.cpp DEPENDS relay::disk)
