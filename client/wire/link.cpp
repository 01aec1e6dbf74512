#include "client/wire/link.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace client {
namespace {

Ending::Cause cause_of(const wire::Close& close) noexcept {
  switch (close.reason) {
    case wire::ByeReason::ended:
    case wire::ByeReason::until:
      return Ending::Cause::done;
    default:
      return Ending::Cause::refused;
  }
}

std::string sentence(const wire::Close& close) {
  std::string text = close.by_peer ? "the relay says " : "ended with ";
  text += name_of(close.reason);
  if (!close.detail.empty()) text += ": " + close.detail;
  return text;
}

}  // namespace

Link::Link(memory::BlockPool& pool, Settings settings, Events& events)
    : pool_(pool),
      settings_(std::move(settings)),
      events_(events),
      backoff_(settings_.backoff),
      random_(std::random_device{}()),
      context_(1),
      retry_timer_(context_),
      work_(context_.get_executor()) {}

Link::~Link() { stop(); }

void Link::start() {
  boost::asio::post(context_, [this] { connect(); });
  thread_ = std::thread([this] { context_.run(); });
}

void Link::stop() {
  if (!thread_.joinable()) return;
  context_.stop();
  thread_.join();
}

void Link::connect() {
  closing_.reset();
  Connection::Events& events = *this;
  connection_ = std::make_unique<Connection>(context_, pool_, settings_.connection, events);
  connection_->hold(is_held_);
  connection_->open(first_address_);
}

void Link::send(wire::Encoded message) {
  if (connection_) connection_->send(std::move(message));
}

void Link::hold(bool is_held) {
  is_held_ = is_held;
  if (connection_) connection_->hold(is_held);
}

void Link::close(const wire::Close& close) {
  if (!connection_ || closing_) return;
  closing_ = close;
  connection_->close();
}

void Link::leave() {
  is_leaving_ = true;
  if (connection_) return connection_->close();
  retry_timer_.cancel();
  end({Ending::Cause::done, wire::ByeReason::unspecified, {}});
}

void Link::on_open(const std::string& address) {
  // What is closed before it is open says nothing.
  if (!is_leaving_) events_.on_open(address);
}

void Link::on_closed(const Connection::Lost& lost) {
  connection_.reset();
  if (is_leaving_) return end({Ending::Cause::done, wire::ByeReason::unspecified, {}});
  if (closing_ && is_final(closing_->reason)) {
    return end({cause_of(*closing_), closing_->reason, sentence(*closing_)});
  }
  if (lost.is_final)
    return end({Ending::Cause::refused, wire::ByeReason::unspecified, lost.reason});
  // Where one address was of no use, another one is asked first.
  ++first_address_;
  if (closing_) return retry(sentence(*closing_), closing_->retry_after);
  retry(lost.reason, lost.retry_after);
}

void Link::retry(const std::string& reason, base::Duration at_least) {
  const auto wait = backoff_.next(at_least, random_());
  if (!wait) return end({Ending::Cause::unreachable, wire::ByeReason::unspecified, reason});
  retry_timer_.expires_after(*wait);
  retry_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !is_leaving_) connect();
  });
  events_.on_lost(reason, *wait);
}

void Link::end(Ending ending) {
  if (std::exchange(has_ended_, true)) return;
  work_.reset();
  events_.on_end(ending);
}

}  // namespace client
