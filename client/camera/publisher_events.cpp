#include "client/camera/publisher_events.hpp"

#include <chrono>

namespace client::camera {

void PublisherEvents::on_connected(const std::string& address) { address_ = address; }

void PublisherEvents::on_accepted() { inbox_.push(NoticeEvent{"publishing to " + address_}); }

void PublisherEvents::on_lost(const std::string& reason, base::Duration retry_in) {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(retry_in).count();
  inbox_.push(NoticeEvent{reason + "; trying again in " + std::to_string(wait) + " ms"});
}

void PublisherEvents::on_spill_error(const std::string& text) { inbox_.push(NoticeEvent{text}); }

void PublisherEvents::on_end(const Ending& ending) { inbox_.push(OutputEndEvent{ending}); }

}  // namespace client::camera
