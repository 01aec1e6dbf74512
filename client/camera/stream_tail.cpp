#include "client/camera/stream_tail.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "client/camera/packages.hpp"
#include "client/gst/pointer.hpp"

namespace client::camera {
namespace {

// What RTP carries (the registry of RFC 4855) and passes on as it is.
struct Payload {
  std::string_view encoding;
  std::string_view depayloader;
  std::string_view media_type;
  int mpeg_version;
};
constexpr std::array<Payload, 8> payloads{{
    {"H264", "rtph264depay", "video/x-h264", 0},
    {"H265", "rtph265depay", "video/x-h265", 0},
    {"AV1", "rtpav1depay", "video/x-av1", 0},
    {"VP9", "rtpvp9depay", "video/x-vp9", 0},
    {"MPEG4-GENERIC", "rtpmp4gdepay", "audio/mpeg", 4},
    {"MP4A-LATM", "rtpmp4adepay", "audio/mpeg", 4},
    {"OPUS", "rtpopusdepay", "audio/x-opus", 0},
    {"MPA", "rtpmpadepay", "audio/mpeg", 1},
}};

// What it carries and we decode. Not by decodebin, which would hold up a live pipeline until it
// knows what there is.
struct Decoding {
  std::string_view encoding;
  std::string_view launch;
};
constexpr std::array<Decoding, 6> decodings{{
    {"PCMU", "rtppcmudepay ! mulawdec"},
    {"PCMA", "rtppcmadepay ! alawdec"},
    {"L16", "rtpL16depay"},
    {"L24", "rtpL24depay"},
    {"G722", "rtpg722depay ! avdec_g722"},
    {"JPEG", "rtpjpegdepay ! jpegdec"},
}};

int mpeg_version(const GstCaps* caps) {
  int version = 0;
  gst_structure_get_int(gst_caps_get_structure(caps, 0), "mpegversion", &version);
  return version;
}

std::string text_in(const GstCaps* caps, const char* field) {
  const char* text = gst_structure_get_string(gst_caps_get_structure(caps, 0), field);
  return text != nullptr ? text : "";
}

bool is_there(std::string_view element) {
  const gst::Pointer<GstElementFactory> factory(
      gst_element_factory_find(std::string(element).c_str()));
  return factory != nullptr;
}

// `what`: for people; `media`: video or audio.
StreamTail reencoding(const Plan& plan, const std::string& what, std::string_view media,
                      std::string_view decoding = "decodebin") {
  const bool is_video = media == "video";
  if (!plan.reencodes || (!is_video && media != "audio")) {
    return {{}, "a track is left out, the wire does not carry " + (what.empty() ? "it" : what)};
  }
  const std::string& encoding = is_video ? plan.video_encoding : plan.audio_encoding;
  if (encoding.empty()) {
    const char* usual = is_video ? "x264enc" : "avenc_aac";
    return {{},
            "a track is left out: there is no encoder for " + what +
                "; install the Debian package " + std::string(package_of(usual))};
  }
  return {std::string(decoding) + " ! " + encoding, what + " is decoded and encoded anew"};
}

StreamTail rtp_tail(const Plan& plan, const GstCaps* caps) {
  const std::string encoding = text_in(caps, "encoding-name");
  const auto found = std::ranges::find(payloads, encoding, &Payload::encoding);
  if (found == payloads.end()) {
    const auto decoding = std::ranges::find(decodings, encoding, &Decoding::encoding);
    return reencoding(plan, encoding, text_in(caps, "media"),
                      decoding != decodings.end() ? decoding->launch : "decodebin");
  }
  if (!is_there(found->depayloader)) {
    return {{}, "a track is left out: " + explain_missing(found->depayloader)};
  }
  std::string depayloader(found->depayloader);
  if (found->encoding == "H264" || found->encoding == "H265") {
    depayloader += " name=" + std::string(pieces_name) + " ! " + std::string(found->media_type) +
                   ",stream-format=byte-stream,alignment=au";
  }
  return {depayloader + " ! " + parsing(found->media_type, found->mpeg_version), {}};
}

}  // namespace

std::string caps_name(const GstCaps* caps) {
  if (caps == nullptr || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return {};
  return gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

StreamTail tail_for(const Plan& plan, const GstCaps* caps) {
  const std::string name = caps_name(caps);
  if (name == "application/x-rtp") return rtp_tail(plan, caps);
  const std::string media = name.substr(0, name.find('/'));
  const bool is_raw = name == "video/x-raw" || name == "audio/x-raw";
  const std::string& encoding = media == "video" ? plan.video_encoding : plan.audio_encoding;
  if (is_raw && !encoding.empty()) return {encoding, {}};
  std::string coded = name.empty() ? name : parsing(name, mpeg_version(caps));
  if (!coded.empty()) return {std::move(coded), {}};
  return reencoding(plan, name, media);
}

}  // namespace client::camera
