#include "client/wire/connection.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>

#include "client/wire/peer_text.hpp"
#include "relay/memory/block_writer.hpp"

namespace client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using beast::error_code;

constexpr char subprotocol[] = "spancast.v1";
// Beast masks what we send in a buffer of this size and writes it from there: a frame of usual
// video is one write.
constexpr std::size_t write_buffer_bytes = 128 * 1024;
constexpr std::size_t read_bytes_least = 4096;
constexpr std::chrono::milliseconds farewell{500};

// What the same request would be answered again. Others may pass: a relay that drains or is full, a
// balancer that has none behind it.
bool is_final_status(unsigned status) noexcept {
  switch (status) {
    case 400:
    case 401:
    case 403:
    case 405:
    case 414:
    case 426:
    case 431:
      return true;
    default:
      return false;
  }
}

}  // namespace

class Connection::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& context, memory::BlockPool& pool, Settings settings, Events& events)
      : settings_(std::move(settings)),
        events_(&events),
        writer_(pool),
        resolver_(context),
        idle_timer_(context),
        farewell_timer_(context),
        context_(context) {}

  void open(unsigned first_address);
  bool has_room() const noexcept { return state_ == State::open && !is_writing_ && queue_.empty(); }
  void send(wire::Encoded message);
  void close();
  void hold(bool is_held);
  void drop();

 private:
  enum class State : std::uint8_t { opening, open, closing, closed };
  using Socket = websocket::stream<beast::tcp_stream>;

  void on_resolved(error_code error, const tcp::resolver::results_type& results);
  void try_next();
  void on_connected(error_code error);
  void on_handshake(error_code error);
  void fail_address(const std::string& what, bool is_final, base::Duration retry_after);
  void configure();
  void read();
  void on_read(error_code error, std::size_t bytes);
  void write();
  void on_written(error_code error);
  void shut();
  void watch_silence();
  void on_tick();
  void end(std::string reason, bool is_final = false, base::Duration retry_after = {});
  std::string name_of(error_code error) const;

  Settings settings_;
  Events* events_;  // null: dropped
  memory::BlockWriter writer_;
  tcp::resolver resolver_;
  asio::steady_timer idle_timer_;
  asio::steady_timer farewell_timer_;
  asio::io_context& context_;
  std::optional<Socket> socket_;
  websocket::response_type response_;

  std::vector<tcp::endpoint> addresses_;
  unsigned first_address_ = 0;
  std::size_t tried_ = 0;
  bool all_final_ = true;
  std::string failures_;
  base::Duration retry_after_{};

  State state_ = State::opening;
  std::span<std::byte> space_;
  memory::WindowList message_;
  std::deque<wire::Encoded> queue_;
  std::optional<wire::Encoded> writing_;
  std::vector<asio::const_buffer> buffers_;
  bool is_writing_ = false;
  bool is_reading_ = false;
  bool is_pinging_ = false;
  bool is_held_ = false;
  bool has_heard_ = false;
  unsigned silent_ticks_ = 0;
};

void Connection::Impl::open(unsigned first_address) {
  first_address_ = first_address;
  error_code error;
  const auto address = asio::ip::make_address(settings_.url.host, error);
  if (!error) {  // no thread of the resolver's for that
    addresses_.emplace_back(address, settings_.url.port);
    asio::post(context_, [self = shared_from_this()] { self->try_next(); });
    return;
  }
  resolver_.async_resolve(
      settings_.url.host, std::to_string(settings_.url.port), tcp::resolver::numeric_service,
      [self = shared_from_this()](error_code failure, const tcp::resolver::results_type& results) {
        self->on_resolved(failure, results);
      });
}

void Connection::Impl::on_resolved(error_code error, const tcp::resolver::results_type& results) {
  if (state_ == State::closed) return;
  if (error) return end("cannot find the host " + settings_.url.host + ": " + error.message());
  for (const auto& result : results) addresses_.push_back(result.endpoint());
  if (addresses_.empty()) return end("the host " + settings_.url.host + " has no address");
  try_next();
}

void Connection::Impl::try_next() {
  if (state_ != State::opening) return;
  if (tried_ == addresses_.size()) return end(failures_, all_final_, retry_after_);
  const std::size_t index = (first_address_ + tried_++) % addresses_.size();
  socket_.emplace(context_);
  auto& tcp = beast::get_lowest_layer(*socket_);
  tcp.expires_after(settings_.patience);
  tcp.async_connect(addresses_[index],
                    [self = shared_from_this()](error_code error) { self->on_connected(error); });
}

void Connection::Impl::configure() {
  error_code ignored;  // a connection that is slower, or fails at the next step
  auto& tcp = beast::get_lowest_layer(*socket_);
  tcp.socket().set_option(tcp::no_delay(true), ignored);
  // The time to connect counts on for the handshake; after it silence is watched here.
  socket_->set_option(
      websocket::stream_base::timeout{settings_.patience, websocket::stream_base::none(), false});
  socket_->set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(beast::http::field::sec_websocket_protocol, subprotocol);
    request.set(beast::http::field::user_agent, "spancast");
  }));
  socket_->read_message_max(settings_.message_bytes_max);
  socket_->auto_fragment(false);
  socket_->binary(true);
  socket_->write_buffer_bytes(write_buffer_bytes);
  socket_->control_callback([this](websocket::frame_type, beast::string_view) {
    has_heard_ = true;  // runs inside of a read, so this is still there
  });
}

void Connection::Impl::on_connected(error_code error) {
  if (state_ != State::opening) return;
  if (error) return fail_address(name_of(error), false, {});
  configure();
  response_ = {};
  socket_->async_handshake(
      response_, settings_.url.authority(), settings_.url.target,
      [self = shared_from_this()](error_code failure) { self->on_handshake(failure); });
}

void Connection::Impl::on_handshake(error_code error) {
  if (state_ != State::opening) return;
  if (error == websocket::error::upgrade_declined) {
    const unsigned status = response_.result_int();
    const std::string line = first_line(response_.body());
    return fail_address(
        "answered " + std::to_string(status) + " " + first_line(std::string(response_.reason())) +
            (line.empty() ? "" : ": " + line),
        is_final_status(status), retry_after_of(response_[beast::http::field::retry_after]));
  }
  if (error) return fail_address(name_of(error), false, {});
  if (response_[beast::http::field::sec_websocket_protocol] != subprotocol) {
    return fail_address("speaks WebSocket but not spancast.v1; is it a Spancast relay?", true, {});
  }
  beast::get_lowest_layer(*socket_).expires_never();
  const tcp::endpoint peer = addresses_[(first_address_ + tried_ - 1) % addresses_.size()];
  state_ = State::open;
  watch_silence();
  read();
  events_->on_open(to_text(peer));
}

void Connection::Impl::fail_address(const std::string& what, bool is_final,
                                    base::Duration retry_after) {
  const tcp::endpoint peer = addresses_[(first_address_ + tried_ - 1) % addresses_.size()];
  failures_ += (failures_.empty() ? "" : "; ") + to_text(peer) + " " + what;
  all_final_ = all_final_ && is_final;
  retry_after_ = std::max(retry_after_, retry_after);
  try_next();
}

std::string Connection::Impl::name_of(error_code error) const {
  if (error == beast::error::timeout) {
    return "did not answer within " +
           std::to_string(
               std::chrono::duration_cast<std::chrono::milliseconds>(settings_.patience).count()) +
           " ms";
  }
  if (error == asio::error::connection_refused) return "refused the connection";
  if (error == asio::error::eof || error == beast::http::error::end_of_stream ||
      error == beast::http::error::partial_message) {
    return "closed the connection";
  }
  return "failed: " + error.message();
}

void Connection::Impl::read() {
  if (is_reading_ || is_held_ || state_ == State::closed) return;
  const auto space = writer_.space(read_bytes_least);
  if (!space) return end("no memory for what the relay sends");
  space_ = *space;
  is_reading_ = true;
  socket_->async_read_some(asio::buffer(space_.data(), space_.size()),
                           [self = shared_from_this()](error_code error, std::size_t bytes) {
                             self->on_read(error, bytes);
                           });
}

void Connection::Impl::on_read(error_code error, std::size_t bytes) {
  is_reading_ = false;
  if (state_ == State::closed) return;
  if (error) {
    if (error == websocket::error::closed) return end("the relay closed the connection");
    return end("the relay at the other end " + name_of(error));
  }
  has_heard_ = true;
  const auto read_bytes = space_.first(bytes);
  writer_.advance(bytes);
  if (state_ == State::closing) return read();  // of no interest any more
  message_.push_back(writer_.window(read_bytes));
  if (!socket_->is_message_done()) return read();
  if (socket_->got_text()) return end("the relay sent text, which is not spancast.v1");
  // The next read comes first: the event may take its time, or be the end of this.
  memory::WindowList message = std::exchange(message_, {});
  read();
  if (events_ != nullptr && state_ == State::open) events_->on_message(std::move(message));
}

void Connection::Impl::send(wire::Encoded message) {
  if (state_ != State::open) return;
  queue_.push_back(std::move(message));
  write();
}

void Connection::Impl::write() {
  if (is_writing_ || state_ == State::closed) return;
  if (queue_.empty()) {
    if (state_ == State::closing) shut();
    return;
  }
  writing_ = std::move(queue_.front());
  queue_.pop_front();
  buffers_.clear();
  buffers_.emplace_back(writing_->header.data(), writing_->header.size());
  for (const memory::Window& window : writing_->payload) {
    buffers_.emplace_back(window.data(), window.size());
  }
  is_writing_ = true;
  socket_->async_write(buffers_, [self = shared_from_this()](error_code error, std::size_t) {
    self->on_written(error);
  });
}

void Connection::Impl::on_written(error_code error) {
  is_writing_ = false;
  writing_.reset();
  if (state_ == State::closed) return;
  if (error) return end("the relay at the other end " + name_of(error));
  write();
  if (events_ != nullptr && has_room()) events_->on_room();
}

void Connection::Impl::close() {
  if (state_ == State::opening) return end("closed");
  if (state_ != State::open) return;
  state_ = State::closing;
  farewell_timer_.expires_after(farewell);
  farewell_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->end("closed");
  });
  write();
}

void Connection::Impl::shut() {
  socket_->async_close(websocket::close_code::normal, [self = shared_from_this()](error_code) {
    if (!self->is_writing_) self->end("closed");
  });
}

void Connection::Impl::hold(bool is_held) {
  is_held_ = is_held;
  if (!is_held_ && state_ == State::open) read();
}

// A third of `idle` without a byte is a reason to ask; three thirds are the end.
void Connection::Impl::watch_silence() {
  idle_timer_.expires_after(settings_.idle / 3);
  idle_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && self->state_ == State::open) self->on_tick();
  });
}

void Connection::Impl::on_tick() {
  const bool has_heard = std::exchange(has_heard_, false);
  silent_ticks_ = has_heard || is_held_ ? 0 : silent_ticks_ + 1;
  if (silent_ticks_ >= 4) {
    return end("the relay at the other end has been silent for too long");
  }
  watch_silence();
  if (silent_ticks_ != 1 || std::exchange(is_pinging_, true)) return;
  socket_->async_ping({}, [self = shared_from_this()](error_code) { self->is_pinging_ = false; });
}

void Connection::Impl::drop() {
  events_ = nullptr;
  end({});
}

void Connection::Impl::end(std::string reason, bool is_final, base::Duration retry_after) {
  if (std::exchange(state_, State::closed) == State::closed) return;
  resolver_.cancel();
  idle_timer_.cancel();
  farewell_timer_.cancel();
  if (socket_) beast::get_lowest_layer(*socket_).close();
  queue_.clear();
  message_.clear();
  if (events_ != nullptr) {
    std::exchange(events_, nullptr)->on_closed({std::move(reason), is_final, retry_after});
  }
}

Connection::Connection(asio::io_context& context, memory::BlockPool& pool, Settings settings,
                       Events& events)
    : impl_(std::make_shared<Impl>(context, pool, std::move(settings), events)) {}
Connection::~Connection() { impl_->drop(); }
void Connection::open(unsigned first_address) { impl_->open(first_address); }
bool Connection::has_room() const noexcept { return impl_->has_room(); }
void Connection::send(wire::Encoded message) { impl_->send(std::move(message)); }
void Connection::close() { impl_->close(); }
void Connection::hold(bool is_held) { impl_->hold(is_held); }

}  // namespace client
