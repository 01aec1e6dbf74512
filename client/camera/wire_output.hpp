#pragma once

#include <vector>

#include "client/camera/inbox.hpp"
#include "client/camera/options.hpp"
#include "client/camera/output.hpp"
#include "client/camera/publisher_events.hpp"

namespace client::camera {

/// Publishes over the Spancast wire.
class WireOutput : public Output {
 public:
  /// Throws std::system_error when the memory of the keep cannot be had.
  WireOutput(const Options& options, Inbox& inbox);

  void set_tracks(std::span<const media::Track> tracks) override;
  void add(const Chunk& chunk) override;
  void skip() override { publisher_.skip(); }
  void finish() override { publisher_.finish(); }
  Publisher::Stats stats() const override { return publisher_.stats(); }

 private:
  PublisherEvents events_;
  std::vector<Publisher::Frame> frames_;  // of the chunk being passed on
  Publisher publisher_;
};

}  // namespace client::camera
