relay_fuzzer(websocket websocket.cpp DEPENDS relay::websocket)
