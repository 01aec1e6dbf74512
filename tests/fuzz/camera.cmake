if(SPANCAST_CLIENTS)
  relay_fuzzer(access_units access_units.cpp DEPENDS relay::client_camera_frames)
  relay_fuzzer(onvif onvif.cpp DEPENDS relay::client_camera)
endif()
