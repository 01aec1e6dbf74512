#include "relay/control/api.hpp"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <map>

#include "schemas/api.pb.h"

namespace control {
namespace {

std::string to_hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

spancast::Track::Kind to_proto(media::Kind kind) {
  switch (kind) {
    case media::Kind::video:
      return spancast::Track::video;
    case media::Kind::audio:
      return spancast::Track::audio;
    case media::Kind::data:
      return spancast::Track::data;
  }
  return spancast::Track::unknown;
}

void fill(spancast::Track& out, const media::Track& track) {
  out.set_id(track.id);
  out.set_kind(to_proto(track.kind));
  if (track.codec != media::Codec::unknown) out.set_codec(std::string(name(track.codec)));
  out.set_width(track.width);
  out.set_height(track.height);
  if (track.kind == media::Kind::video) {
    out.set_frame_rate(static_cast<double>(track.rate.per_1000_s()) / 1000);
  }
  out.set_sample_rate(track.sample_rate);
  out.set_channels(track.channels);
}

spancast::Recording::State to_proto(disk::RecordingState state) {
  switch (state) {
    case disk::RecordingState::recording:
      return spancast::Recording::recording;
    case disk::RecordingState::lagging:
      return spancast::Recording::lagging;
    case disk::RecordingState::failed:
      return spancast::Recording::failed;
    case disk::RecordingState::stopped:
      return spancast::Recording::stopped;
  }
  return spancast::Recording::unknown;
}

void fill(spancast::Recording& out, const disk::RecordingStatus& status) {
  out.set_state(to_proto(status.state));
  out.set_detail(status.detail);
  out.set_bytes(status.bytes);
  out.set_waiting_bytes(status.waiting_bytes);
  out.set_segments(status.segments);
  out.set_gap_seconds(base::to_seconds(status.gaps));
}

void fill(spancast::Stream& out, const StreamReport& report) {
  const StreamReport::Home& home = *report.home;
  out.set_epoch(to_hex(home.epoch));
  out.set_live(home.publisher.has_value());
  if (home.publisher) {
    out.mutable_publisher()->set_age_seconds(base::to_seconds(home.publisher->age));
    out.mutable_publisher()->set_idle_seconds(base::to_seconds(home.publisher->idle));
    out.mutable_publisher()->set_bytes(home.publisher->bytes);
    out.mutable_publisher()->set_protocol(home.publisher->protocol);
  }
  for (const media::Track& track : home.tracks) fill(*out.add_tracks(), track);
  if (const double seconds = base::to_seconds(home.tail_length); seconds > 0) {
    out.set_bitrate(
        static_cast<std::uint64_t>(static_cast<double>(report.tail_bytes) * 8 / seconds));
  }
  out.mutable_tail()->set_seconds(base::to_seconds(home.tail_length));
  out.mutable_tail()->set_bytes(report.tail_bytes);
  out.mutable_tail()->set_chunks(home.next_sequence - home.first_sequence);
  out.mutable_tail()->set_first_sequence(home.first_sequence);
  out.mutable_tail()->set_next_sequence(home.next_sequence);
  if (home.recording) fill(*out.mutable_recording(), *home.recording);
}

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json, options));
  return json + "\n";
}

}  // namespace

std::string streams_json(std::span<const WorkerReport> workers) {
  std::map<std::string, spancast::Stream> streams;
  for (const WorkerReport& worker : workers) {
    for (const StreamReport& report : worker.streams) {
      spancast::Stream& out = streams[report.path];
      out.set_path(report.path);
      out.set_viewers(out.viewers() + report.viewers);
      if (report.home) fill(out, report);
    }
  }
  spancast::StreamList list;
  for (auto& [path, stream] : streams) *list.add_streams() = std::move(stream);
  return to_json(list);
}

std::string timeline_json(const disk::Timeline& timeline) {
  spancast::Timeline out;
  out.set_stream(timeline.stream);
  for (const disk::Timeline::Span& span : timeline.spans) {
    spancast::Span& told = *out.add_spans();
    told.set_from(base::to_iso8601(span.from));
    told.set_to(base::to_iso8601(span.to));
    told.set_open(span.is_open);
  }
  for (const disk::Timeline::Gap& gap : timeline.gaps) {
    spancast::Gap& told = *out.add_gaps();
    told.set_from(base::to_iso8601(gap.from));
    told.set_to(base::to_iso8601(gap.to));
    told.set_seconds(base::to_seconds(gap.to - gap.from));
    told.set_reason(disk::name_of(gap.reason));
  }
  if (timeline.next) out.set_next(base::to_iso8601(*timeline.next));
  return to_json(out);
}

std::string usage_json(const usage::Page& page) {
  spancast::UsageList out;
  for (const usage::Entry& entry : page.entries) {
    spancast::Usage& told = *out.add_usage();
    told.set_day(usage::to_text(entry.day));
    told.set_stream(entry.stream);
    told.set_bytes_in(entry.sums.bytes_in);
    told.set_bytes_out(entry.sums.bytes_out);
    told.set_viewer_ms(entry.sums.viewer_ms);
  }
  if (page.next) out.set_next(base::to_iso8601(*page.next));
  return to_json(out);
}

std::string sessions_json(const SessionPage& page) {
  spancast::SessionList out;
  for (const SessionReport& session : page.sessions) {
    spancast::Session& told = *out.add_sessions();
    told.set_id(session.id);
    told.set_kind(session.is_publisher ? spancast::Session::publisher : spancast::Session::viewer);
    told.set_stream(session.stream);
    told.set_protocol(session.protocol);
    told.set_start(base::to_iso8601(session.start));
    told.set_bytes(session.bytes);
    told.set_connected(!session.lease);
    if (session.lease) told.set_lease(base::to_iso8601(*session.lease));
    told.set_expires(base::to_iso8601(session.expires));
  }
  if (page.has_more) out.set_next(page.sessions.back().id);
  return to_json(out);
}

std::string revocations_json(const RevocationPage& page) {
  spancast::RevocationList out;
  for (const RevocationReport& revocation : page.revocations) {
    spancast::Revocation& told = *out.add_revocations();
    told.set_id(revocation.id);
    told.set_expires(base::to_iso8601(revocation.expires));
  }
  if (page.has_more) out.set_next(page.revocations.back().id);
  return to_json(out);
}

}  // namespace control
