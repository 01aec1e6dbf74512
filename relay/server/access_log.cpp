#include "relay/server/access_log.hpp"

#include <utility>

#include "relay/http/shown_target.hpp"

namespace server {
namespace {

// A balancer asks twice a second: good answers would bury everything else.
base::LogLevel level_of(const Access& access) noexcept {
  const bool is_health = access.target == "/healthz" || access.target == "/readyz";
  return is_health && access.status == 200 ? base::LogLevel::debug : base::LogLevel::info;
}

}  // namespace

void AccessLog::begin(std::uint64_t session, const http::RequestHead& head, std::string request_id,
                      std::string peer, base::Time now) {
  Access& access = requests_[session];
  access.request_id = std::move(request_id);
  access.peer = std::move(peer);
  access.begun = now;
  if (!is_on_) return;
  access.method = http::cut_to_show(head.method_text);
  access.target = http::shown_target(head.target);
  access.user_agent = http::cut_to_show(head.user_agent);
}

void AccessLog::go_on(std::uint64_t session, Access access) {
  requests_.insert_or_assign(session, std::move(access));
}

const Access* AccessLog::find(std::uint64_t session) const noexcept {
  const auto found = requests_.find(session);
  return found == requests_.end() ? nullptr : &found->second;
}

std::string AccessLog::request_id(std::uint64_t session) const {
  const Access* access = find(session);
  return access == nullptr ? std::string() : access->request_id;
}

void AccessLog::move(std::uint64_t from, std::uint64_t to, unsigned status) {
  auto node = requests_.extract(from);
  if (node.empty()) return;
  node.key() = to;
  if (status != 0) node.mapped().status = status;
  requests_.insert(std::move(node));
}

void AccessLog::set_received(std::uint64_t session, std::uint64_t bytes) noexcept {
  const auto found = requests_.find(session);
  if (found != requests_.end()) found->second.received = bytes;
}

Access AccessLog::take(std::uint64_t session) {
  auto node = requests_.extract(session);
  return node.empty() ? Access() : std::move(node.mapped());
}

void AccessLog::forget_if_off(std::uint64_t session) noexcept {
  if (!is_on_) requests_.erase(session);
}

void AccessLog::end_all(base::Time now) {
  while (!requests_.empty()) end(requests_.begin()->first, 0, now);
}

void AccessLog::end(std::uint64_t session, unsigned status, std::uint64_t bytes, base::Time now) {
  const auto found = requests_.find(session);
  if (found == requests_.end()) return;
  found->second.status = status;
  end(session, bytes, now);
}

void AccessLog::end(std::uint64_t session, std::uint64_t bytes, base::Time now) {
  const auto node = requests_.extract(session);
  if (node.empty() || !is_on_) return;
  const Access& access = node.mapped();
  log_.write(level_of(access), "access",
             {{"method", access.method},
              {"target", access.target},
              {"status", access.status},
              {"bytes", bytes},
              {"received", access.received},
              {"seconds", base::to_seconds(now - access.begun)},
              {"peer", access.peer},
              {"request_id", access.request_id},
              {"user_agent", access.user_agent}});
}

}  // namespace server
