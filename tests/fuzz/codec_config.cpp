// Feeds one input to every parser of small codec headers and records. What one of them accepts is
// made again, and must be accepted and say the same.
#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/media/codec/aac.hpp"
#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/av1.hpp"
#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/h264_config.hpp"
#include "relay/media/codec/h265.hpp"
#include "relay/media/codec/h265_config.hpp"
#include "relay/media/codec/mp3.hpp"
#include "relay/media/codec/opus.hpp"

namespace {

using Bytes = std::span<const std::byte>;

void check_size(std::optional<codec::VideoSize> size) {
  if (!size) return;
  RELAY_ASSERT(size->width > 0 && size->width <= codec::picture_side_max);
  RELAY_ASSERT(size->height > 0 && size->height <= codec::picture_side_max);
}

void check_h264(Bytes input) {
  const auto config = codec::h264::parse_config(input);
  if (!config) return;
  std::size_t total = 0;
  for (const auto& sps : config->sps) {
    total += sps.size();
    check_size(codec::h264::parse_sps(codec::copy_without_emulation(Bytes(sps).subspan(1))));
  }
  for (const auto& pps : config->pps) total += pps.size();
  RELAY_ASSERT(total <= input.size());
  const auto made = codec::h264::make_config(*config);
  RELAY_ASSERT(made.empty() == config->sps.empty());
  if (made.empty()) return;
  const auto again = codec::h264::parse_config(made);
  RELAY_ASSERT(again && again->length_bytes == 4);
  RELAY_ASSERT(again->sps == config->sps && again->pps == config->pps);
  RELAY_ASSERT(codec::h264::make_config(*again) == made);
}

void check_h265(Bytes input) {
  const auto config = codec::h265::parse_config(input);
  if (!config) return;
  std::size_t total = 0;
  for (const auto* list : {&config->vps, &config->sps, &config->pps}) {
    for (const auto& nal : *list) total += nal.size();
  }
  RELAY_ASSERT(total <= input.size());
  const auto made = codec::h265::make_config(*config);
  if (!made) return;
  const auto again = codec::h265::parse_config(*made);
  RELAY_ASSERT(again && again->length_bytes == 4);
  RELAY_ASSERT(again->vps == config->vps && again->sps == config->sps);
  RELAY_ASSERT(again->pps == config->pps && codec::h265::make_config(*again) == made);
}

void check_aac(Bytes input) {
  if (const auto header = codec::aac::parse_adts(input)) {
    RELAY_ASSERT(header->frame_bytes >= header->header_bytes && header->sample_rate > 0);
    const auto config = codec::aac::parse_config(codec::aac::make_config(*header));
    RELAY_ASSERT(config.has_value() == (header->channel_config != 0));
    RELAY_ASSERT(!config || (config->object_type == header->object_type &&
                             config->sample_rate == header->sample_rate &&
                             config->channels == header->channels));
  }
  const auto config = codec::aac::parse_config(input);
  if (!config) return;
  RELAY_ASSERT(config->sample_rate > 0);
  const auto made = codec::aac::make_adts(*config, input.size() % 8185);
  if (!codec::aac::fits_adts(*config)) return;
  const auto header = codec::aac::parse_adts(made);
  RELAY_ASSERT(header && header->frame_bytes == input.size() % 8185 + made.size());
  RELAY_ASSERT(header->object_type == config->object_type);
  RELAY_ASSERT(header->rate_index == config->rate_index);
  RELAY_ASSERT(header->channel_config == config->channel_config);
}

void check_opus(Bytes input) {
  RELAY_ASSERT(codec::opus::packet_duration(input) <= 5760);
  if (const auto config = codec::opus::parse_config(input)) {
    const auto made = codec::opus::make_config(*config);
    RELAY_ASSERT(made.empty() == (config->channels > codec::opus::channels_max));
    const auto again = codec::opus::parse_config(made);
    RELAY_ASSERT(made.empty() ||
                 (again && again->channels == config->channels &&
                  again->pre_skip == config->pre_skip && again->input_rate == config->input_rate));
  }
  if (const auto header = codec::opus::parse_control_header(input)) {
    RELAY_ASSERT(header->header_bytes <= input.size());
    const auto again =
        codec::opus::parse_control_header(codec::opus::make_control_header(header->payload_bytes));
    RELAY_ASSERT(again && again->payload_bytes == header->payload_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  check_h264(input);
  check_h265(input);
  check_aac(input);
  check_opus(input);
  check_size(codec::av1::parse_config(input));
  const auto head = input.first(std::min(input.size(), codec::av1::config_bytes_max));
  if (const auto made = codec::av1::make_config(head)) {
    const auto picture = codec::av1::parse_config(*made);
    RELAY_ASSERT(picture);
    check_size(picture);
  }
  if (const auto header = codec::mp3::parse_header(input)) {
    RELAY_ASSERT(header->frame_bytes > codec::mp3::header_bytes && header->sample_rate > 0);
  }
  // Parameter sets as a scanner hands them on.
  check_size(codec::h264::parse_sps(input));
  check_size(codec::h265::parse_sps(input));
  const auto h264 = codec::h264::parse_format(input);
  RELAY_ASSERT(!h264 || h264->chroma_format_idc <= 3);
  const auto h265 = codec::h265::parse_format(input);
  RELAY_ASSERT(!h265 || (h265->chroma_format_idc <= 3 && h265->temporal_layers <= 7));
  return 0;
}
