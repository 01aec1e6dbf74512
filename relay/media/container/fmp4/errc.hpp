#pragma once

#include "relay/base/result.hpp"

namespace fmp4 {

enum class Errc {
  no_moov = 1,
  mdat_before_moov,
  mdat_without_moof,
  not_fragmented,
  moov_too_big,
  moof_too_big,
  box_too_big,
  bad_box_size,
  truncated_box,
  incomplete_moov,
  too_many_tracks,
  bad_track_id,
  bad_timescale,
  bad_config,
  config_too_big,
  unknown_track,
  other_description,
  bad_time,
  bad_offset,
  too_many_samples,
  sample_too_big,
  fragment_too_big,
  overlapping_samples,
  sample_outside_mdat,
  too_scattered,
  bad_nal_units,
};

const char* describe(Errc errc) noexcept;

}  // namespace fmp4

RELAY_ERROR_CODES(fmp4)
