#pragma once

#include "client/camera/container_writer.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/options.hpp"
#include "client/camera/output.hpp"
#include "client/camera/publisher_events.hpp"
#include "client/wire/http_publisher.hpp"

namespace client::camera {

/// Publishes the body of an HTTP PUT.
class HttpOutput : public Output {
 public:
  HttpOutput(const Options& options, Inbox& inbox);

  void set_tracks(std::span<const media::Track> tracks) override;
  void add(const Chunk& chunk) override;
  void skip() override {}  // the times say it
  void finish() override { publisher_.finish(); }
  Publisher::Stats stats() const override { return publisher_.stats(); }

 private:
  Inbox& inbox_;
  PublisherEvents events_;
  ContainerWriter writer_;
  HttpPublisher publisher_;
};

}  // namespace client::camera
