#pragma once

#include <gst/gst.h>

#include <vector>

#include "client/camera/access_units.hpp"
#include "client/gst/pointer.hpp"

namespace client::camera {

/// Puts the pieces that leave a depayloader together, as AccessUnits says; parameter sets that make
/// no sense are an error of its element. Belongs to the pad, and lives on its streaming thread.
class UnitJoiner {
 public:
  /// `pad`: of what gives out H.264 or H.265 behind start codes.
  static void join_at(GstPad* pad, media::Codec codec);

 private:
  explicit UnitJoiner(media::Codec codec) noexcept : units_(codec) {}

  static GstPadProbeReturn on_data(GstPad* pad, GstPadProbeInfo* info, void* self) noexcept;
  void add(GstPad* pad, gst::Pointer<GstBuffer> piece);
  // `parts` of the `bytes` of the piece.
  void append(GstBuffer* piece, AccessUnits::Bytes bytes,
              const std::vector<AccessUnits::Bytes>& parts);
  void push(GstPad* pad);
  void complain(GstPad* pad);

  AccessUnits units_;
  gst::Pointer<GstBuffer> held_;
  GstFlowReturn flow_ = GST_FLOW_OK;
  bool is_pushing_ = false;
  bool has_complained_ = false;
};

}  // namespace client::camera
