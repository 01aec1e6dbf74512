#include "client/camera/http_output.hpp"

#include <utility>

namespace client::camera {
namespace {

media::Container container_of(const Url& url) {
  return url.extension() == "ts" ? media::Container::mpegts : media::Container::fmp4;
}

HttpPublisher::Settings settings_of(const Options& options) {
  HttpPublisher::Settings settings;
  settings.url = options.url;
  settings.content_type =
      container_of(options.url) == media::Container::mpegts ? "video/mp2t" : "video/mp4";
  settings.backoff.retries = options.retries;
  settings.waiting_bytes_max = options.keep.bytes;
  return settings;
}

}  // namespace

HttpOutput::HttpOutput(const Options& options, Inbox& inbox)
    : inbox_(inbox),
      events_(inbox),
      writer_(container_of(options.url)),
      publisher_(settings_of(options), events_) {}

void HttpOutput::set_tracks(std::span<const media::Track> tracks) {
  if (writer_.set_tracks(tracks)) {
    inbox_.push(FailureEvent{
        0,
        {ExitCode::source, "none of the tracks fits into what the URL ends in; try .mp4"},
        FailureEvent::Cure::none});
  }
  publisher_.set_header(writer_.header());
}

void HttpOutput::add(const Chunk& chunk) {
  if (auto bytes = writer_.write(chunk)) publisher_.add(std::move(*bytes), chunk.sync);
}

}  // namespace client::camera
