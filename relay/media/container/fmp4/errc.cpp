#include "relay/media/container/fmp4/errc.hpp"

namespace fmp4 {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::no_moov:
      return "no movie header (moov) in 1 MiB of MP4, or none before the first fragment";
    case Errc::mdat_before_moov:
      return "media data before the movie header (moov): not a fragmented MP4";
    case Errc::mdat_without_moof:
      return "media data without a movie fragment (moof) before it: the moov must be empty";
    case Errc::not_fragmented:
      return "the movie header has no mvex box: not a fragmented MP4";
    case Errc::moov_too_big:
      return "the movie header (moov) is larger than 1 MiB";
    case Errc::moof_too_big:
      return "a movie fragment header (moof) is larger than 4 MiB";
    case Errc::box_too_big:
      return "a box without samples is larger than 64 MiB";
    case Errc::bad_box_size:
      return "a box has an impossible size";
    case Errc::truncated_box:
      return "a box ends before what it must hold";
    case Errc::incomplete_moov:
      return "a track of the movie header misses its tkhd, mdhd, hdlr or stsd box";
    case Errc::too_many_tracks:
      return "the movie has more than 16 tracks";
    case Errc::bad_track_id:
      return "a track number is zero or used twice";
    case Errc::bad_timescale:
      return "a timescale is zero or above 2^30";
    case Errc::bad_config:
      return "the decoder configuration of a track is missing or makes no sense";
    case Errc::config_too_big:
      return "the parameter sets of a track are larger than 4 KiB";
    case Errc::unknown_track:
      return "a fragment names a track that the movie header does not have";
    case Errc::other_description:
      return "a fragment uses a second sample description of its track";
    case Errc::bad_time:
      return "a timestamp is beyond 136 years";
    case Errc::bad_offset:
      return "the place of a sample lies outside any file";
    case Errc::too_many_samples:
      return "a fragment has more than 16384 samples";
    case Errc::sample_too_big:
      return "a sample is larger than 16 MiB";
    case Errc::fragment_too_big:
      return "the samples of a fragment end more than 64 MiB behind its header";
    case Errc::overlapping_samples:
      return "two samples of a fragment overlap";
    case Errc::sample_outside_mdat:
      return "a sample lies outside the media data (mdat) of its fragment";
    case Errc::too_scattered:
      return "a fragment was received in too many small pieces";
    case Errc::bad_nal_units:
      return "the lengths of a sample's NAL units do not add up to the sample";
  }
  return "unknown error";
}

}  // namespace fmp4
