#include "relay/media/codec/parameter_sets.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/bit_reader.hpp"
#include "relay/media/codec/byte_writer.hpp"
#include "relay/media/codec/h264_config.hpp"
#include "relay/media/codec/h265.hpp"
#include "relay/media/codec/h265_config.hpp"

namespace codec {

std::optional<ParameterSets::Kind> ParameterSets::kind_of(std::byte header) const noexcept {
  if (codec_ == media::Codec::h265) {
    switch (h265::nal_type(header)) {
      case h265::NalType::vps:
        return Kind::vps;
      case h265::NalType::sps:
        return Kind::sps;
      case h265::NalType::pps:
        return Kind::pps;
      default:
        return std::nullopt;
    }
  }
  if (h264::nal_type(header) == h264::NalType::sps) return Kind::sps;
  if (h264::nal_type(header) == h264::NalType::pps) return Kind::pps;
  return std::nullopt;
}

bool ParameterSets::take(std::span<const std::byte> nal) {
  if (nal.empty() || nal.size() > set_bytes_max) return false;
  const auto kind = kind_of(nal[0]);
  if (!kind) return false;
  Sets& sets = sets_[static_cast<std::size_t>(*kind)];
  // They are repeated with every sync frame and hardly ever change: this is the usual way out.
  for (const Set& set : sets) {
    if (std::ranges::equal(set.nal, nal)) return false;
  }
  auto parsed = parse(*kind, nal);
  if (!parsed) return false;
  std::erase_if(sets, [&parsed](const Set& set) { return set.id == parsed->id; });
  if (sets.size() == sets_max) sets.pop_back();
  sets.insert(sets.begin(), std::move(*parsed));
  return true;
}

std::optional<ParameterSets::Set> ParameterSets::parse(Kind kind,
                                                       std::span<const std::byte> nal) const {
  const std::size_t header_bytes = codec_ == media::Codec::h265 ? 2 : 1;
  if (nal.size() <= header_bytes) return std::nullopt;
  const auto rbsp = copy_without_emulation(nal.subspan(header_bytes));
  BitReader bits(rbsp);
  Set set;
  switch (kind) {
    case Kind::vps:
      set.id = bits.bits(4);
      break;
    case Kind::sps:
      if (codec_ == media::Codec::h265) {
        const auto id = h265::parse_sps_id(rbsp);
        if (!id) return std::nullopt;
        set.id = *id;
      } else {
        set.fields = h264::parse_field_syntax(rbsp);
        if (!set.fields) return std::nullopt;
        set.id = set.fields->sps_id;
      }
      break;
    case Kind::pps:
      set.id = bits.ue();
      set.sps_id = bits.ue();
      break;
  }
  if (!bits.ok()) return std::nullopt;
  set.nal.assign(nal.begin(), nal.end());
  return set;
}

bool ParameterSets::is_complete() const noexcept {
  const bool has_vps = codec_ != media::Codec::h265 || !of(Kind::vps).empty();
  return has_vps && !of(Kind::sps).empty() && !of(Kind::pps).empty();
}

std::vector<std::byte> ParameterSets::make_config() const {
  if (codec_ == media::Codec::h265) {
    h265::Config config;
    config.vps = nals(Kind::vps);
    config.sps = nals(Kind::sps);
    config.pps = nals(Kind::pps);
    return h265::make_config(config).value_or(std::vector<std::byte>{});
  }
  h264::Config config;
  config.sps = nals(Kind::sps);
  config.pps = nals(Kind::pps);
  return h264::make_config(config);
}

std::optional<VideoSize> ParameterSets::size() const {
  if (of(Kind::sps).empty()) return std::nullopt;
  const std::span<const std::byte> nal = of(Kind::sps).front().nal;
  if (codec_ == media::Codec::h265) {
    return h265::parse_sps(copy_without_emulation(nal.subspan(2)));
  }
  return h264::parse_sps(copy_without_emulation(nal.subspan(1)));
}

std::vector<std::byte> ParameterSets::make_prefix() const {
  ByteWriter out;
  for (const Sets& sets : sets_) {
    for (const Set& set : sets) {
      out.u32(static_cast<std::uint32_t>(set.nal.size()));
      out.append(set.nal);
    }
  }
  return out.take();
}

std::optional<h264::Picture> ParameterSets::parse_slice(std::span<const std::byte> nal) const {
  const auto slice = copy_without_emulation(nal);
  const auto pps_id = h264::parse_slice_pps_id(slice);
  if (!pps_id) return std::nullopt;
  const auto pps = std::ranges::find(of(Kind::pps), *pps_id, &Set::id);
  if (pps == of(Kind::pps).end()) return std::nullopt;
  const auto sps = std::ranges::find(of(Kind::sps), pps->sps_id, &Set::id);
  if (sps == of(Kind::sps).end()) return std::nullopt;
  return h264::parse_slice(slice, *sps->fields);
}

std::vector<std::vector<std::byte>> ParameterSets::nals(Kind kind) const {
  std::vector<std::vector<std::byte>> out;
  for (const Set& set : of(kind)) out.push_back(set.nal);
  return out;
}

}  // namespace codec
