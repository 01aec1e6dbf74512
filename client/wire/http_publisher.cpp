#include "client/wire/http_publisher.hpp"

#include <array>
#include <charconv>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "client/wire/peer_text.hpp"

namespace client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr std::chrono::seconds patience{5};  // to connect, and for the answer at the end
// Nobody says that a body is accepted: it is if it was not refused for so long.
constexpr std::chrono::milliseconds refusal_wait{300};

// What the same request would be answered again.
bool is_final(http::status status) noexcept {
  switch (status) {
    case http::status::bad_request:
    case http::status::unauthorized:
    case http::status::forbidden:
    case http::status::not_found:
    case http::status::method_not_allowed:
    case http::status::uri_too_long:
    case http::status::unsupported_media_type:
    case http::status::request_header_fields_too_large:
      return true;
    default:
      return false;
  }
}

std::string chunk_head(std::size_t bytes) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), bytes, 16).ptr;
  return std::string(digits.begin(), end) + "\r\n";
}

}  // namespace

class HttpPublisher::Impl {
 public:
  Impl(Settings settings, Publisher::Events& events)
      : settings_(std::move(settings)),
        events_(events),
        backoff_(settings_.backoff),
        random_(std::random_device{}()),
        resolver_(context_),
        timer_(context_),
        work_(context_.get_executor()) {
    asio::post(context_, [this] { connect(); });
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Impl() {
    context_.stop();
    thread_.join();
  }

  void set_header(std::string header);
  void add(std::string bytes, bool sync);
  void finish();
  Publisher::Stats stats() const;

 private:
  using Header = std::shared_ptr<const std::string>;  // shared with the chunks that need it
  struct Entry {
    Header header;
    std::string bytes;
    bool sync = false;
  };
  // An operation of a connection that is gone reports to nobody.
  struct Socket {
    explicit Socket(asio::io_context& context) : stream(context) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
  };
  using SharedSocket = std::shared_ptr<Socket>;  // with its operations

  void connect();
  void send_head(const SharedSocket& socket);
  void read_response(const SharedSocket& socket);
  void on_response(const SharedSocket& socket, error_code error);
  void pump();
  void write(Entry entry);
  void on_written();
  void write_end();
  void lose(const std::string& reason, bool may_retry = true, base::Duration at_least = {});
  void end(Ending ending);
  std::optional<Entry> take();
  bool is_current(const SharedSocket& socket) const noexcept { return socket_ == socket; }
  void drop_to_sync();

  Settings settings_;
  Publisher::Events& events_;

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;  // bounded by `waiting_bytes_max`
  Header header_ = std::make_shared<const std::string>();
  bool is_open_ = false;    // entries are taken
  bool needs_sync_ = true;  // a body begins
  bool is_finishing_ = false;
  Publisher::Stats stats_;

  // Of the network thread.
  Backoff backoff_;
  std::mt19937_64 random_;
  asio::io_context context_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SharedSocket socket_;
  std::string head_;  // what is being written
  Entry writing_;
  std::string writing_head_;
  Header sent_header_;  // that the body began with
  bool is_writing_ = false;
  bool has_ended_body_ = false;
  bool has_ended_ = false;
  base::Time opened_{};
  bool is_accepted_ = false;  // on this connection
  std::uint64_t accepted_ = 0;
  std::thread thread_;
};

void HttpPublisher::Impl::set_header(std::string header) {
  const std::lock_guard lock(mutex_);
  header_ = std::make_shared<const std::string>(std::move(header));
}

void HttpPublisher::Impl::add(std::string bytes, bool sync) {
  {
    const std::lock_guard lock(mutex_);
    ++stats_.chunks;
    stats_.bytes += bytes.size();
    // Nobody wants to see later what nobody could get now.
    if (!is_open_ && sync) {
      stats_.lost += entries_.size();
      stats_.kept_bytes = 0;
      entries_.clear();
    }
    stats_.kept_bytes += bytes.size();
    entries_.push_back({header_, std::move(bytes), sync});
    if (stats_.kept_bytes > settings_.waiting_bytes_max) drop_to_sync();
  }
  asio::post(context_, [this] { pump(); });
}

// The oldest, up to a chunk that a decoder can go on with; all if there is none.
void HttpPublisher::Impl::drop_to_sync() {
  do {
    stats_.kept_bytes -= entries_.front().bytes.size();
    ++stats_.lost;
    entries_.pop_front();
  } while (!entries_.empty() &&
           (!entries_.front().sync || stats_.kept_bytes > settings_.waiting_bytes_max));
  if (entries_.empty()) needs_sync_ = true;
}

void HttpPublisher::Impl::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_finishing_ = true;
  }
  asio::post(context_, [this] { pump(); });
}

Publisher::Stats HttpPublisher::Impl::stats() const {
  const std::lock_guard lock(mutex_);
  Publisher::Stats stats = stats_;
  stats.unsent = entries_.size();
  stats.connected = is_open_;
  return stats;
}

void HttpPublisher::Impl::connect() {
  has_ended_body_ = false;
  is_writing_ = false;
  is_accepted_ = false;
  sent_header_.reset();
  socket_ = std::make_shared<Socket>(context_);
  resolver_.async_resolve(
      settings_.url.host, std::to_string(settings_.url.port),
      [this, socket = socket_](error_code error, const tcp::resolver::results_type& results) {
        if (!is_current(socket)) return;
        if (error) return lose("cannot resolve " + settings_.url.host + ": " + error.message());
        socket->stream.expires_after(patience);
        socket->stream.async_connect(results, [this, socket](error_code failed,
                                                             const tcp::endpoint& endpoint) {
          if (!is_current(socket)) return;
          if (failed) {
            return lose("cannot connect to " + settings_.url.authority() + ": " + failed.message());
          }
          error_code ignored;
          socket->stream.socket().set_option(tcp::no_delay(true), ignored);
          events_.on_connected(to_text(endpoint));
          send_head(socket);
        });
      });
}

void HttpPublisher::Impl::send_head(const SharedSocket& socket) {
  head_ = "PUT " + settings_.url.target + " HTTP/1.1\r\nHost: " + settings_.url.authority() +
          "\r\nUser-Agent: spancast-camera\r\nContent-Type: " + settings_.content_type +
          "\r\nTransfer-Encoding: chunked\r\n\r\n";
  is_writing_ = true;
  socket->stream.expires_after(patience);
  asio::async_write(socket->stream, asio::buffer(head_),
                    [this, socket](error_code error, std::size_t) {
                      if (!is_current(socket)) return;
                      is_writing_ = false;
                      if (error) return lose("the connection broke: " + error.message());
                      {
                        const std::lock_guard lock(mutex_);
                        is_open_ = true;
                        needs_sync_ = true;
                      }
                      opened_ = base::monotonic_now();
                      socket->stream.expires_never();
                      read_response(socket);
                      pump();
                    });
}

// An answer before the end of the body says why the relay does not want it.
void HttpPublisher::Impl::read_response(const SharedSocket& socket) {
  http::async_read(socket->stream, socket->buffer, socket->response,
                   [this, socket](error_code error, std::size_t) { on_response(socket, error); });
}

void HttpPublisher::Impl::on_response(const SharedSocket& socket, error_code error) {
  if (!is_current(socket)) return;
  if (error) {
    if (has_ended_body_) return lose("no answer to the end of the stream");
    return lose("the connection broke: " + error.message());
  }
  const auto& response = socket->response.get();
  const std::string detail =
      std::to_string(response.result_int()) + " " +
      first_line(response.body().empty() ? std::string(response.reason()) : response.body());
  if (response.result_int() >= 400) {
    return lose("the relay refused: " + detail, !is_final(response.result()),
                retry_after_of(response[http::field::retry_after]));
  }
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    is_over = has_ended_body_ && is_finishing_ && entries_.empty();
  }
  if (is_over) return end({Ending::Cause::done, wire::ByeReason::unspecified, {}});
  if (has_ended_body_) {  // another header begins another body
    socket_.reset();
    return connect();
  }
  lose("the relay ended the request: " + detail);
}

// What comes next; nothing if there is nothing, or if the body has to end first.
std::optional<HttpPublisher::Impl::Entry> HttpPublisher::Impl::take() {
  const std::lock_guard lock(mutex_);
  while (needs_sync_ && !entries_.empty() && !entries_.front().sync) {
    stats_.kept_bytes -= entries_.front().bytes.size();
    ++stats_.lost;
    entries_.pop_front();
  }
  if (entries_.empty()) return std::nullopt;
  needs_sync_ = false;
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  stats_.kept_bytes -= entry.bytes.size();
  return entry;
}

void HttpPublisher::Impl::pump() {
  bool is_finishing = false;
  bool is_other = false;
  {
    const std::lock_guard lock(mutex_);
    if (!is_open_ || is_writing_ || has_ended_body_ || !socket_) return;
    is_finishing = is_finishing_ && entries_.empty();
    is_other = sent_header_ && !entries_.empty() && *entries_.front().header != *sent_header_;
  }
  if (is_finishing || is_other) return write_end();
  if (auto entry = take()) write(std::move(*entry));
}

void HttpPublisher::Impl::write(Entry entry) {
  writing_ = std::move(entry);
  if (!sent_header_) {
    sent_header_ = writing_.header;
    writing_.bytes.insert(0, *sent_header_);
  }
  writing_head_ = chunk_head(writing_.bytes.size());
  const std::array<asio::const_buffer, 3> buffers{
      asio::buffer(writing_head_), asio::buffer(writing_.bytes), asio::buffer("\r\n", 2)};
  is_writing_ = true;
  const SharedSocket socket = socket_;
  socket->stream.expires_after(settings_.idle);
  asio::async_write(socket->stream, buffers, [this, socket](error_code error, std::size_t) {
    if (!is_current(socket)) return;
    is_writing_ = false;
    // What broke the connection is often said in an answer, which is read by the other operation.
    if (error) return lose("the connection broke: " + error.message());
    on_written();
    pump();
  });
}

void HttpPublisher::Impl::on_written() {
  {
    const std::lock_guard lock(mutex_);
    ++stats_.acknowledged;
    if (is_accepted_ || base::monotonic_now() - opened_ < refusal_wait) return;
    if (accepted_++ > 0) ++stats_.reconnects;
  }
  is_accepted_ = true;
  backoff_.succeed();
  events_.on_accepted();
}

void HttpPublisher::Impl::write_end() {
  has_ended_body_ = true;
  is_writing_ = true;
  const SharedSocket socket = socket_;
  socket->stream.expires_after(patience);
  asio::async_write(socket->stream, asio::buffer("0\r\n\r\n", 5),
                    [this, socket](error_code error, std::size_t) {
                      if (!is_current(socket)) return;
                      is_writing_ = false;
                      if (error) return lose("the connection broke: " + error.message());
                      timer_.expires_after(patience);
                      timer_.async_wait([this, socket](error_code cancelled) {
                        if (!cancelled && is_current(socket)) {
                          lose("no answer to the end of the stream");
                        }
                      });
                    });
}

void HttpPublisher::Impl::lose(const std::string& reason, bool may_retry, base::Duration at_least) {
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    is_over = is_finishing_ && entries_.empty();
  }
  error_code ignored;
  if (socket_) socket_->stream.socket().close(ignored);
  socket_.reset();
  timer_.cancel();
  if (!may_retry) {
    return end({Ending::Cause::refused, wire::ByeReason::unspecified, reason});
  }
  const auto wait = backoff_.next(at_least, random_());
  if (!wait) return end({Ending::Cause::unreachable, wire::ByeReason::unspecified, reason});
  events_.on_lost(reason, *wait);
  if (is_over) return end({Ending::Cause::done, wire::ByeReason::unspecified, reason});
  timer_.expires_after(*wait);
  timer_.async_wait([this](error_code cancelled) {
    if (!cancelled) connect();
  });
}

void HttpPublisher::Impl::end(Ending ending) {
  if (std::exchange(has_ended_, true)) return;
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
  }
  socket_.reset();
  timer_.cancel();
  events_.on_end(ending);
}

HttpPublisher::HttpPublisher(Settings settings, Publisher::Events& events)
    : impl_(std::make_unique<Impl>(std::move(settings), events)) {}
HttpPublisher::~HttpPublisher() = default;
void HttpPublisher::set_header(std::string header) { impl_->set_header(std::move(header)); }
void HttpPublisher::add(std::string bytes, bool sync) { impl_->add(std::move(bytes), sync); }
void HttpPublisher::finish() { impl_->finish(); }
Publisher::Stats HttpPublisher::stats() const { return impl_->stats(); }

}  // namespace client
