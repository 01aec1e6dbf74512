#include "relay/media/container/fmp4/init.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/container/fmp4/box.hpp"
#include "relay/media/container/fmp4/sample_entry.hpp"
#include "relay/media/timescale.hpp"

namespace fmp4 {
namespace {

using Bytes = std::span<const std::byte>;

// The boxes of one `trak`; what they mean together is known at the end of the `moov`.
struct Trak {
  std::optional<std::uint32_t> id;         // tkhd
  std::optional<std::uint32_t> timescale;  // mdhd
  std::string language;                    // mdhd
  std::optional<media::Kind> kind;         // hdlr
  std::optional<Bytes> stsd;
  std::optional<Bytes> elst;
};

base::Result<void> checked(const base::ByteReader& reader) {
  if (!reader.ok()) return Errc::truncated_box;
  return {};
}

// Three letters of five bits (8.4.2.3). Undetermined is no language, nor is a QuickTime number.
std::string unpack_language(std::uint16_t packed) {
  std::string language;
  for (const int shift : {10, 5, 0}) {
    const int letter = packed >> shift & 0x1F;
    if (letter < 1 || letter > 26) return {};
    language.push_back(static_cast<char>('a' + letter - 1));
  }
  return language == "und" ? std::string{} : language;
}

// 8.3.2
base::Result<void> read_tkhd(Bytes payload, Trak& trak) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  reader.skip(full.version == 0 ? 8 : 16);
  trak.id = reader.u32();
  return checked(reader);
}

// 8.2.2 and 8.4.2 begin alike.
std::uint32_t read_timescale(base::ByteReader& reader) noexcept {
  const FullBox full(reader);
  reader.skip(full.version == 0 ? 8 : 16);
  const std::uint32_t timescale = reader.u32();
  reader.skip(full.version == 0 ? 4 : 8);  // duration
  return timescale;
}

base::Result<void> read_mdhd(Bytes payload, Trak& trak) {
  base::ByteReader reader(payload);
  trak.timescale = read_timescale(reader);
  trak.language = unpack_language(reader.u16());
  return checked(reader);
}

// 8.4.3
base::Result<void> read_hdlr(Bytes payload, Trak& trak) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  reader.skip(4);
  switch (reader.u32()) {
    case fourcc("vide"):
      trak.kind = media::Kind::video;
      break;
    case fourcc("soun"):
      trak.kind = media::Kind::audio;
      break;
    default:
      trak.kind = media::Kind::data;
      break;
  }
  return checked(reader);
}

base::Result<void> read_minf(Bytes payload, Trak& trak) {
  return for_each_box(payload, [&](const Box& inner) -> base::Result<void> {
    if (inner.type != fourcc("stbl")) return {};
    return for_each_box(inner.payload, [&](const Box& box) -> base::Result<void> {
      if (box.type == fourcc("stsd")) trak.stsd = box.payload;
      return {};
    });
  });
}

base::Result<void> read_trak(Bytes payload, Trak& trak) {
  return for_each_box(payload, [&](const Box& outer) -> base::Result<void> {
    switch (outer.type) {
      case fourcc("tkhd"):
        return read_tkhd(outer.payload, trak);
      case fourcc("edts"):
        return for_each_box(outer.payload, [&](const Box& box) -> base::Result<void> {
          if (box.type == fourcc("elst")) trak.elst = box.payload;
          return {};
        });
      case fourcc("mdia"):
        return for_each_box(outer.payload, [&](const Box& box) -> base::Result<void> {
          if (box.type == fourcc("mdhd")) return read_mdhd(box.payload, trak);
          if (box.type == fourcc("hdlr")) return read_hdlr(box.payload, trak);
          if (box.type == fourcc("minf")) return read_minf(box.payload, trak);
          return {};
        });
      default:
        return {};
    }
  });
}

// 8.6.6: empty edits delay the track, the first normal one says where in it presentation begins.
// Later ones do not exist in a live stream.
base::Result<std::int64_t> read_shift(Bytes elst, std::uint32_t timescale,
                                      std::uint32_t movie_timescale) {
  base::ByteReader reader(elst);
  const FullBox full(reader);
  const std::uint32_t count = reader.u32();
  const std::size_t entry_bytes = full.version == 0 ? 12 : 20;
  if (!reader.ok() || count > reader.remaining() / entry_bytes) return Errc::truncated_box;
  std::int64_t empty = 0;  // in the movie's timescale
  std::int64_t media_time = 0;
  for (std::uint32_t index = 0; index < count; ++index) {
    const std::uint64_t duration = full.version == 0 ? reader.u32() : reader.u64();
    const std::int64_t time = full.version == 0 ? static_cast<std::int32_t>(reader.u32())
                                                : static_cast<std::int64_t>(reader.u64());
    reader.skip(4);  // media_rate
    if (time != -1) {
      media_time = time;
      break;
    }
    if (duration >> 62 != 0 || !is_believable(empty, movie_timescale)) return Errc::bad_time;
    empty += static_cast<std::int64_t>(duration);
  }
  if (!is_believable(empty, movie_timescale)) return Errc::bad_time;
  if (media_time < 0 || !is_believable(media_time, timescale)) return Errc::bad_time;
  return media::rescale(empty, timescale, movie_timescale) - media_time;
}

bool is_timescale(std::uint32_t value) noexcept { return value > 0 && value <= timescale_max; }

struct Trex {
  std::uint32_t track_id = 0;
  SampleDefaults defaults;
};

// 8.8.3
base::Result<void> read_trex(Bytes payload, std::vector<Trex>& list) {
  base::ByteReader reader(payload);
  const FullBox full(reader);
  Trex trex;
  trex.track_id = reader.u32();
  trex.defaults.description_index = reader.u32();
  trex.defaults.duration = reader.u32();
  trex.defaults.size = reader.u32();
  trex.defaults.flags = reader.u32();
  list.push_back(trex);
  return checked(reader);
}

class MoovParser {
 public:
  base::Result<Movie> parse(Bytes payload) {
    auto read = for_each_box(payload, [this](const Box& box) { return on_box(box); });
    if (!read) return read.error();
    if (!is_fragmented_) return Errc::not_fragmented;
    if (!is_timescale(timescale_)) return Errc::bad_timescale;
    for (const Trak& trak : traks_) {
      if (auto added = add_track(trak); !added) return added.error();
    }
    return std::move(movie_);
  }

 private:
  base::Result<void> on_box(const Box& box) {
    switch (box.type) {
      case fourcc("mvhd"): {
        base::ByteReader reader(box.payload);
        timescale_ = read_timescale(reader);
        return checked(reader);
      }
      case fourcc("trak"):
        if (traks_.size() == tracks_max) return Errc::too_many_tracks;
        return read_trak(box.payload, traks_.emplace_back());
      case fourcc("mvex"):
        is_fragmented_ = true;
        return for_each_box(box.payload, [this](const Box& inner) -> base::Result<void> {
          if (inner.type == fourcc("trex")) return read_trex(inner.payload, trexes_);
          return {};
        });
      default:
        return {};
    }
  }

  base::Result<void> add_track(const Trak& trak) {
    if (!trak.id || !trak.timescale || !trak.kind || !trak.stsd) return Errc::incomplete_moov;
    const auto has_id = [&](const media::Track& other) { return other.id == *trak.id; };
    if (*trak.id == 0 || std::any_of(movie_.tracks.begin(), movie_.tracks.end(), has_id)) {
      return Errc::bad_track_id;
    }
    if (!is_timescale(*trak.timescale)) return Errc::bad_timescale;
    media::Track& track = movie_.tracks.emplace_back();
    track.id = *trak.id;
    track.kind = *trak.kind;
    track.language = trak.language;
    track.timescale = *trak.timescale;
    auto read = read_sample_description(*trak.stsd, track, movie_.nal_formats.emplace_back());
    if (!read) return read;
    TrackContext& context = movie_.contexts.emplace_back();
    for (const Trex& trex : trexes_) {
      if (trex.track_id == track.id) context.defaults = trex.defaults;
    }
    if (!trak.elst) return {};
    const auto shift = read_shift(*trak.elst, track.timescale, timescale_);
    if (!shift) return shift.error();
    context.shift = *shift;
    return {};
  }

  Movie movie_;
  std::uint32_t timescale_ = 0;
  bool is_fragmented_ = false;
  std::vector<Trak> traks_;
  std::vector<Trex> trexes_;
};

}  // namespace

base::Result<Movie> parse_moov(Bytes payload) { return MoovParser().parse(payload); }

}  // namespace fmp4
