#pragma once

#include <string>

#include "client/camera/inbox.hpp"
#include "client/wire/publisher.hpp"

namespace client::camera {

/// What a publisher's network thread says goes into the inbox.
class PublisherEvents : public Publisher::Events {
 public:
  explicit PublisherEvents(Inbox& inbox) : inbox_(inbox) {}

  void on_connected(const std::string& address) override;
  void on_accepted() override;
  void on_lost(const std::string& reason, base::Duration retry_in) override;
  void on_spill_error(const std::string& text) override;
  void on_end(const Ending& ending) override;

 private:
  Inbox& inbox_;
  std::string address_;  // of the network thread
};

}  // namespace client::camera
