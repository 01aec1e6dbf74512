#include "client/camera/unit_joiner.hpp"

#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace client::camera {

void UnitJoiner::join_at(GstPad* pad, media::Codec codec) {
  const auto what =
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  gst_pad_add_probe(pad, what, &UnitJoiner::on_data, new UnitJoiner(codec),
                    [](void* self) { delete static_cast<UnitJoiner*>(self); });
}

// A buffer is taken here and goes on, when its picture is complete, through this probe again. An
// event stays behind what came before it.
GstPadProbeReturn UnitJoiner::on_data(GstPad* pad, GstPadProbeInfo* info, void* self) noexcept {
  auto& joiner = *static_cast<UnitJoiner*>(self);
  if (joiner.is_pushing_) return GST_PAD_PROBE_OK;
  if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) != 0) {
    const unsigned type = GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info));
    if ((type & unsigned{GST_EVENT_TYPE_SERIALIZED}) != 0) joiner.push(pad);
    return GST_PAD_PROBE_OK;
  }
  if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) != 0) {
    GstBufferList* list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
    for (guint index = 0; index < gst_buffer_list_length(list); ++index) {
      joiner.add(pad, gst::Pointer<GstBuffer>(gst_buffer_ref(gst_buffer_list_get(list, index))));
    }
    gst_buffer_list_unref(list);
  } else {
    joiner.add(pad, gst::Pointer<GstBuffer>(GST_PAD_PROBE_INFO_BUFFER(info)));
  }
  info->data = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = joiner.flow_;
  return GST_PAD_PROBE_HANDLED;
}

void UnitJoiner::add(GstPad* pad, gst::Pointer<GstBuffer> piece) {
  GstMapInfo map;
  if (!gst_buffer_map(piece.get(), &map, GST_MAP_READ)) return;
  const AccessUnits::Bytes bytes = std::as_bytes(std::span(map.data, map.size));
  // The parser would leave them out and go on by those before.
  if (units_.has_broken_sets(bytes)) {
    gst_buffer_unmap(piece.get(), &map);
    return complain(pad);
  }
  std::optional<base::Duration> pts;
  if (GST_BUFFER_PTS_IS_VALID(piece.get())) {
    pts = base::Duration(static_cast<std::int64_t>(GST_BUFFER_PTS(piece.get())));
  }
  const bool has_marker = GST_BUFFER_FLAG_IS_SET(piece.get(), GST_BUFFER_FLAG_MARKER) != 0;
  const auto verdict = units_.add(pts, has_marker, bytes);
  const bool joins = verdict.continues && held_;
  if (joins) {
    append(piece.get(), bytes,
           verdict.is_behind_slice ? units_.slices_of(bytes) : std::vector{bytes});
  }
  gst_buffer_unmap(piece.get(), &map);
  if (!joins) {
    push(pad);
    held_ = std::move(piece);
  }
  if (verdict.completes) push(pad);
}

void UnitJoiner::complain(GstPad* pad) {
  if (std::exchange(has_complained_, true)) return;
  const gst::Pointer<GstElement> element(gst_pad_get_parent_element(pad));
  if (!element) return;
  GST_ELEMENT_ERROR(element.get(), STREAM, DECODE, ("parameter sets that make no sense"),
                    (nullptr));
}

void UnitJoiner::append(GstBuffer* piece, AccessUnits::Bytes bytes,
                        const std::vector<AccessUnits::Bytes>& parts) {
  GstBuffer* whole = gst_buffer_make_writable(held_.release());
  for (const AccessUnits::Bytes part : parts) {
    const auto begin = static_cast<gsize>(part.data() - bytes.data());
    whole = gst_buffer_append_region(whole, gst_buffer_ref(piece), static_cast<gssize>(begin),
                                     static_cast<gssize>(part.size()));
  }
  held_.reset(whole);
}

void UnitJoiner::push(GstPad* pad) {
  if (!held_) return;
  is_pushing_ = true;
  flow_ = gst_pad_push(pad, held_.release());
  is_pushing_ = false;
}

}  // namespace client::camera
