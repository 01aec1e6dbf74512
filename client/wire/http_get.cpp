#include "client/wire/http_get.hpp"

#include <random>
#include <thread>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "client/wire/peer_text.hpp"
#include "relay/memory/block_writer.hpp"

namespace client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr std::size_t read_bytes_least = 4096;
constexpr std::size_t buffer_bytes_max = 64 * 1024;
// Of an answer that is no stream: what is shown of it.
constexpr std::size_t refusal_bytes_max = 512;

}  // namespace

class HttpGet::Impl {
 public:
  Impl(memory::BlockPool& pool, Settings settings, Events& events)
      : settings_(std::move(settings)),
        events_(events),
        backoff_(settings_.backoff),
        random_(std::random_device{}()),
        writer_(pool) {
    asio::post(context_, [this] { resolve(); });
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Impl() {
    context_.stop();
    thread_.join();
  }
  void hold(bool is_held) {
    asio::post(context_, [this, is_held] {
      is_held_ = is_held;
      if (!is_held_ && is_streaming_) read();
    });
  }

 private:
  using Parser = http::response_parser<http::buffer_body>;

  void resolve();
  void connect(const tcp::resolver::results_type& results);
  void ask(const tcp::endpoint& peer);
  void on_head(error_code error);
  void refuse();
  void read();
  void on_read(error_code error);
  void arm();
  void retry(const std::string& reason);
  void end(Ending::Cause cause, std::string detail);

  Settings settings_;
  Events& events_;
  Backoff backoff_;
  std::mt19937_64 random_;
  asio::io_context context_{1};
  tcp::resolver resolver_{context_};
  asio::steady_timer retry_timer_{context_};
  asio::steady_timer deadline_timer_{context_};
  std::optional<beast::tcp_stream> stream_;
  memory::BlockWriter writer_;
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_{buffer_bytes_max};
  std::optional<Parser> parser_;
  std::string peer_;
  std::string refusal_;
  std::span<std::byte> space_;
  bool is_streaming_ = false;
  bool is_reading_ = false;
  bool is_held_ = false;
  bool has_ended_ = false;
  std::thread thread_;
};

void HttpGet::Impl::resolve() {
  resolver_.async_resolve(
      settings_.url.host, std::to_string(settings_.url.port), tcp::resolver::numeric_service,
      [this](error_code error, const tcp::resolver::results_type& results) {
        if (!error) return connect(results);
        retry("cannot find the host " + settings_.url.host + ": " + error.message());
      });
}

void HttpGet::Impl::connect(const tcp::resolver::results_type& results) {
  stream_.emplace(context_);
  stream_->expires_after(settings_.patience);
  stream_->async_connect(results, [this](error_code error, const tcp::endpoint& peer) {
    if (!error) return ask(peer);
    retry(settings_.url.authority() + ": " + error.message());
  });
}

void HttpGet::Impl::ask(const tcp::endpoint& peer) {
  peer_ = to_text(peer);
  request_ = {http::verb::get, settings_.url.target, 11};
  request_.set(http::field::host, settings_.url.authority());
  request_.set(http::field::user_agent, "spancast");
  buffer_.clear();
  parser_.emplace();
  parser_->body_limit(boost::none);
  refusal_.clear();
  http::async_write(*stream_, request_, [this](error_code error, std::size_t) {
    if (error) return retry(peer_ + ": " + error.message());
    http::async_read_header(*stream_, buffer_, *parser_,
                            [this](error_code failure, std::size_t) { on_head(failure); });
  });
}

void HttpGet::Impl::on_head(error_code error) {
  if (error) return retry(peer_ + ": " + error.message());
  if (parser_->get().result() != http::status::ok) return refuse();
  backoff_.succeed();
  is_streaming_ = true;
  events_.on_connected(peer_);
  read();
}

// Why not stands in the body.
void HttpGet::Impl::refuse() {
  refusal_.resize(refusal_bytes_max);
  parser_->get().body() = {refusal_.data(), refusal_.size(), true};
  http::async_read(*stream_, buffer_, *parser_, [this](error_code, std::size_t) {
    refusal_.resize(refusal_bytes_max - parser_->get().body().size);
    const unsigned status = parser_->get().result_int();
    const std::string line = first_line(refusal_);
    const std::string reason = peer_ + " answered " + std::to_string(status) + " " +
                               std::string(parser_->get().reason()) +
                               (line.empty() ? "" : ": " + line);
    if (status == 503) return retry(reason);
    end(Ending::Cause::refused, reason);
  });
}

void HttpGet::Impl::read() {
  if (is_reading_ || is_held_ || has_ended_) return;
  const auto space = writer_.space(read_bytes_least);
  if (!space) return end(Ending::Cause::unreachable, "no memory for what the relay sends");
  space_ = *space;
  parser_->get().body() = {space_.data(), space_.size(), true};
  stream_->expires_after(settings_.silence);
  is_reading_ = true;
  http::async_read_some(*stream_, buffer_, *parser_,
                        [this](error_code error, std::size_t) { on_read(error); });
}

void HttpGet::Impl::on_read(error_code error) {
  is_reading_ = false;
  if (error == http::error::need_buffer) error = {};
  const auto bytes = space_.first(space_.size() - parser_->get().body().size);
  if (!bytes.empty()) {
    writer_.advance(bytes.size());
    const auto taken = events_.on_body(writer_.window(bytes));
    if (!taken)
      return end(Ending::Cause::refused, "the stream is damaged: " + taken.error().message());
  }
  if (error) return end(Ending::Cause::unreachable, "the connection was lost: " + error.message());
  if (parser_->is_done()) return end(Ending::Cause::done, "the stream has ended");
  arm();
  read();
}

void HttpGet::Impl::arm() {
  const auto deadline = events_.deadline();
  if (!deadline) {
    deadline_timer_.cancel();
    return;
  }
  deadline_timer_.expires_at(*deadline);
  deadline_timer_.async_wait([this](error_code error) {
    if (error || has_ended_) return;
    events_.on_time(base::monotonic_now());
    arm();
  });
}

void HttpGet::Impl::retry(const std::string& reason) {
  const auto wait = backoff_.next({}, random_());
  if (!wait) return end(Ending::Cause::unreachable, reason);
  stream_.reset();
  retry_timer_.expires_after(*wait);
  retry_timer_.async_wait([this](error_code error) {
    if (!error) resolve();
  });
  events_.on_lost(reason, *wait);
}

void HttpGet::Impl::end(Ending::Cause cause, std::string detail) {
  if (std::exchange(has_ended_, true)) return;
  deadline_timer_.cancel();
  if (stream_) stream_->close();
  events_.on_end({cause, wire::ByeReason::unspecified, std::move(detail)});
}

HttpGet::HttpGet(memory::BlockPool& pool, Settings settings, Events& events)
    : impl_(std::make_unique<Impl>(pool, std::move(settings), events)) {}
HttpGet::~HttpGet() = default;
void HttpGet::hold(bool is_held) { impl_->hold(is_held); }

}  // namespace client
