#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "client/wire/url.hpp"
#include "relay/base/time.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace client {

/// One WebSocket with the subprotocol `spancast.v1` to the first address of a name that answers:
/// whole binary messages in and out. Belongs to the thread that runs the context, which must be
/// destroyed before the pool.
class Connection {
 public:
  struct Settings {
    Url url;
    std::size_t message_bytes_max = 0;                  ///< of what the peer sends
    base::Duration idle = std::chrono::seconds(3);      ///< silence, in spite of a ping: lost
    base::Duration patience = std::chrono::seconds(5);  ///< for each address to answer
  };

  /// Why there is no connection.
  struct Lost {
    std::string reason;            ///< a sentence for people
    bool is_final = false;         ///< every address said that it will not, whenever it is asked
    base::Duration retry_after{};  ///< what the peer asked for
  };

  /// May call the connection, and may destroy it.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_open(const std::string& address) = 0;
    virtual void on_message(memory::WindowList message) = 0;
    /// All that was sent has left: there is room for more.
    virtual void on_room() = 0;
    /// Once; nothing after it. Also after `close()`.
    virtual void on_closed(const Lost& lost) = 0;
  };

  Connection(boost::asio::io_context& context, memory::BlockPool& pool, Settings settings,
             Events& events);
  /// Drops it; no event comes any more.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Tries the addresses one after the other, the one with this index (modulo their number) first.
  void open(unsigned first_address);
  /// Open, and nothing waits to be sent. What is sent besides waits here, so ask first.
  bool has_room() const noexcept;
  void send(wire::Encoded message);
  /// Closes once all was sent; waits for the peer's part for at most half a second.
  void close();
  /// While held nothing is read, and silence means nothing.
  void hold(bool is_held);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with its operations, which end on a later turn
};

}  // namespace client
