#include "client/player/frame_numbers.hpp"

#include "client/media/frame_number.hpp"

namespace client {

void FrameNumbers::add(std::uint32_t number) noexcept {
  constexpr std::uint32_t range = frame_number::number_max + 1;
  if (!counts_) {
    counts_ = Counts{number, number, 0, 0, 0};
    return;
  }
  // Modulo 2^24: what is less than half of that ahead is newer.
  const std::uint32_t ahead = (number - counts_->last) % range;
  if (ahead == 0) {
    ++counts_->repeated;
  } else if (ahead < range / 2) {
    counts_->last = number;
    counts_->missing += ahead - 1;
    // The last one was there; those between it and the new one are not.
    missing_ = ahead < remembered ? missing_ << ahead : 0;
    const std::uint64_t between =
        ahead > remembered ? ~std::uint64_t{0} : (std::uint64_t{1} << (ahead - 1)) - 1;
    missing_ |= between;
  } else {
    const std::uint32_t behind = range - ahead - 1;
    const std::uint64_t bit = behind < remembered ? std::uint64_t{1} << behind : 0;
    if ((missing_ & bit) != 0) {
      missing_ &= ~bit;
      --counts_->missing;
      ++counts_->out_of_order;
    } else {
      ++counts_->repeated;
    }
  }
}

}  // namespace client
