#include "relay/media/container/mpegts/packet_walk.hpp"

#include "tests/unit/media/container/mpegts/sample_rig.hpp"

TEST_CASE("packets are found with their places however windows are cut") {
  memory::Arena arena(1 << 20, 4096);
  memory::BlockPool pool(arena);
  test::Receiver receiver(pool);
  test::Bytes bytes(188 * 5 + 100);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(at % 251);
  for (const std::size_t step : {1U, 2U, 187U, 188U, 189U, 376U, 500U, 5000U}) {
    const auto list = receiver.receive(bytes, step);
    std::size_t at = 0;
    mpegts::walk_packets(list, [&](mpegts::PacketBytes packet, mpegts::PacketPlace place) {
      CHECK(std::equal(packet.begin(), packet.end(),
                       bytes.begin() + static_cast<std::ptrdiff_t>(at)));
      CHECK(list[place.window].bytes()[place.offset] == bytes[at]);
      at += 188;
      return true;
    });
    CHECK(at == 188 * 5);  // what is no whole packet is left out
    at = 0;
    mpegts::walk_packets(list, [&](mpegts::PacketBytes, mpegts::PacketPlace) {
      ++at;
      return at < 3;
    });
    CHECK(at == 3);
  }
}
