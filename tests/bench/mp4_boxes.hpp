#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace bench {

/// Writes boxes (ISO/IEC 14496-12, 4.2) to the end of a buffer; a box gets its size when it is
/// closed.
class BoxWriter {
 public:
  explicit BoxWriter(std::vector<std::byte>& out) : out_(out) {}

  void open(std::string_view type);
  void open_full(std::string_view type, std::uint8_t version, std::uint32_t flags);
  void close();

  void put(std::size_t bytes, std::uint64_t value);  ///< big-endian
  void put(std::string_view text);
  void put(std::span<const std::byte> bytes);
  void put_zeros(std::size_t bytes);
  void overwrite(std::size_t at, std::uint32_t value);
  std::size_t size() const { return out_.size(); }

 private:
  std::vector<std::byte>& out_;
  std::vector<std::size_t> open_;
};

/// One track of the initialisation segment.
struct Mp4Track {
  std::uint32_t id;
  std::uint32_t timescale;
  bool is_video;
};

/// ftyp and moov for fragments, with the parameter sets of CodedFrames.
void put_init_segment(BoxWriter& boxes, std::span<const Mp4Track> tracks);

}  // namespace bench
