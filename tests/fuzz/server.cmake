# They reach so many features that libFuzzer's default schedule would take most of the time.
relay_fuzzer(ingest ingest.cpp DEPENDS relay::session OPTIONS -entropic=0)
relay_fuzzer(session session.cpp DEPENDS relay::server OPTIONS -entropic=0)
if(SPANCAST_FUZZ)
  add_library(fuzz_parts STATIC answers_check.cpp fake_system.cpp)
  target_link_libraries(fuzz_parts PUBLIC relay::loop relay::wire relay::websocket)
  target_link_libraries(fuzz_ingest PRIVATE fuzz_parts)
  target_link_libraries(fuzz_session PRIVATE fuzz_parts)
endif()
