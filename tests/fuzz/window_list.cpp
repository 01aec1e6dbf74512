// Plays WindowList, BlockWriter and Parcel against plain vectors of bytes. Input: pairs of bytes,
// what to do and how much. At the end every block must be free again.

#include "relay/memory/window_list.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/errc.hpp"
#include "relay/memory/parcel.hpp"

namespace {

using Twin = std::vector<std::byte>;
constexpr std::size_t lists = 3;
constexpr std::size_t blocks = 12;

struct Side {
  explicit Side(memory::Arena& arena) : pool(arena), writer(pool) {}

  memory::BlockPool pool;
  memory::BlockWriter writer;
  std::array<memory::WindowList, lists> list;
};

class Game {
 public:
  void play(std::uint8_t action, std::uint8_t amount) {
    const std::size_t which = action / 16 % lists;
    auto& list = side_.list[which];
    auto& twin = twins_[which];
    const std::size_t bytes = std::min(twin.size(), std::size_t{amount} * 37);
    const auto middle = twin.begin() + static_cast<std::ptrdiff_t>(bytes);
    switch (action % 8) {
      case 0:
        return write(list, twin, 1 + amount * 16u);
      case 1:
        return copy_header(list, twin, amount % 65u);
      case 2:
        return skip(amount);
      case 3:
        list.drop_front(bytes);
        twin.erase(twin.begin(), middle);
        return;
      case 4:
        return take_to_next(which, bytes);
      case 5:
        return send(list, amount);
      case 6:
        return look(list, twin, amount);
      default:
        if (amount % 4 != 0) return side_.writer.let_go();
        list.clear();
        twin.clear();
    }
  }

  void check() const {
    for (std::size_t which = 0; which < lists; ++which) {
      const auto& list = side_.list[which];
      Twin shown;
      for (const memory::Window& window : list) {
        RELAY_ASSERT(!window.empty() && window.hold()->count > 0);
        shown.insert(shown.end(), window.bytes().begin(), window.bytes().end());
      }
      RELAY_ASSERT(shown == twins_[which]);
      RELAY_ASSERT(list.bytes() == shown.size());
    }
  }

  void end() {
    for (auto* side : {&side_, &other_}) {
      for (auto& list : side->list) list.clear();
      side->writer.let_go();
      RELAY_ASSERT(side->pool.held_count() == 0);
      side->pool.give_back_ready();
    }
    RELAY_ASSERT(arena_.free_count() == blocks);
  }

 private:
  void write(memory::WindowList& list, Twin& twin, std::size_t size) {
    const auto space = side_.writer.space(std::min<std::size_t>(size, 4096));
    if (!space) return check_full(space.error());
    const auto bytes = space->first(std::min(size, space->size()));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(next_++ % 253);
    side_.writer.advance(bytes.size());
    list.push_back(side_.writer.window(bytes));
    twin.insert(twin.end(), bytes.begin(), bytes.end());
  }
  void copy_header(memory::WindowList& list, Twin& twin, std::size_t size) {
    const Twin header(size, static_cast<std::byte>(next_++ % 253));
    auto window = side_.writer.copy_header(header);
    if (!window) return check_full(window.error());
    list.push_back(std::move(*window));
    twin.insert(twin.end(), header.begin(), header.end());
  }
  // Framing that stays behind in the block.
  void skip(std::size_t size) {
    if (const auto space = side_.writer.space(size); space) side_.writer.advance(size);
  }
  void take_to_next(std::size_t which, std::size_t bytes) {
    auto& from = twins_[which];
    auto& to = twins_[(which + 1) % lists];
    const auto middle = from.begin() + static_cast<std::ptrdiff_t>(bytes);
    const auto taken = side_.list[which].take_front(bytes);
    RELAY_ASSERT(taken.bytes() == bytes);
    side_.list[(which + 1) % lists].append(taken);
    to.insert(to.end(), from.begin(), middle);
    from.erase(from.begin(), middle);
  }
  // To the other worker and there into the same list; nobody compares it, the blocks are counted.
  void send(const memory::WindowList& list, std::uint8_t amount) {
    for (const memory::Window& window : list) {
      memory::Parcel parcel(window);
      if (amount % 2 == 0) other_.list[0].push_back(parcel.open(other_.pool));
    }
    if (amount % 4 == 0) other_.list[0].clear();
  }
  static void look(const memory::WindowList& list, const Twin& twin, std::size_t from) {
    std::array<std::byte, 64> out;
    const std::size_t copied = list.copy_out(from, out);
    RELAY_ASSERT(copied == std::min(out.size(), twin.size() - std::min(from, twin.size())));
    for (std::size_t index = 0; index < copied; ++index) {
      RELAY_ASSERT(out[index] == twin[from + index]);
    }
  }
  // Full means that every block is held, or kept ready by the other worker.
  void check_full(const base::Error& error) const {
    RELAY_ASSERT(error == make_error_code(memory::Errc::arena_full));
    RELAY_ASSERT(side_.pool.ready_count() == 0);
    RELAY_ASSERT(side_.pool.held_count() + other_.pool.held_count() + other_.pool.ready_count() >=
                 blocks);
  }

  memory::Arena arena_{blocks * 4096, 4096};
  Side side_{arena_};
  Side other_{arena_};
  std::array<Twin, lists> twins_;
  unsigned next_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Game game;
  for (std::size_t index = 0; index + 1 < std::min<std::size_t>(size, 512); index += 2) {
    game.play(data[index], data[index + 1]);
    game.check();
  }
  game.end();
  return 0;
}
