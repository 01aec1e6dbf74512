// The whole relay but for its threads and the network: two workers with their servers, turned by
// hand, their listeners on Unix sockets, and a clock that only the input moves. Input: pairs of
// bytes, what to do and how much, and between them what clients send. Every answer must be
// well-formed and all media in it whole; in the end nobody may be left: no session, no stream, no
// block, no handle.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/protocol/websocket/writer.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/writer.hpp"
#include "relay/server/worker_server.hpp"
#include "tests/fuzz/answers_check.hpp"
#include "tests/fuzz/fake_system.hpp"

namespace {

constexpr std::string_view yaml = R"(
http: {connections: 6, header_timeout: 2s}
memory: {arena: 4MiB, block: 16KiB}
stream: {max: 3, tail: 2s, tail_bytes: 256KiB}
publisher: {grace: 1s, idle: 500ms, ahead: 5s}
viewer: {max_lag: 1s, stall_timeout: 3s}
paths: {"closed/*": {publisher: {allow: [none]}}}
)";

const control::Config& config() {
  static const control::Config loaded =
      control::load_config_text("fuzz", yaml, {}, {.cpus = 2, .descriptors_max = 20'000}).config;
  return loaded;
}

constexpr std::array<std::string_view, 18> requests = {
    "PUT /a.ts HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n",
    "PUT /a.mp4 HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET /a.ts HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /a.mp4 HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /a.ts HTTP/1.0\r\n\r\n",
    "GET /a.mp4?slow=disconnect&max_lag=200ms HTTP/1.0\r\n\r\n",
    "GET /a.ts?wait=10s&slow=catch_up HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /a.mp4?wait=2s&flush=100ms HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
    "POST /a.ts HTTP/1.0\r\n\r\n",
    "PUT /b.ts HTTP/1.1\r\nHost: r\r\nContent-Length: 3760\r\nExpect: 100-continue\r\n\r\n",
    "PUT /closed/b.ts HTTP/1.1\r\nHost: r\r\nContent-Length: 376\r\n\r\n",
    "HEAD /a.ts HTTP/1.1\r\nHost: r\r\n\r\n",
    "OPTIONS /a.ts HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /api/v1/streams HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: r\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: spancast.v1\r\n\r\n",
    "GET /closed/b HTTP/1.1\r\nHost: r\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: spancast.v1\r\n\r\n"};

wire::Tracks make_tracks(std::uint32_t version) {
  wire::Track video;
  video.codec = version % 2 == 0 ? "vp9" : "h264";
  video.width = 16;
  video.height = 16;
  wire::Track audio;
  audio.codec = "opus";
  audio.timescale = audio.sample_rate = 48'000;
  audio.channels = 2;
  return {version, {video, audio}};
}

// A frame as a client sends it.
std::string to_frame(websocket::Opcode opcode, std::string payload) {
  constexpr websocket::MaskKey key{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  const auto header = websocket::frame_header(opcode, payload.size());
  std::string frame(reinterpret_cast<const char*>(header.bytes().data()), header.size());
  frame[1] = static_cast<char>(frame[1] | 0x80);
  frame.append(reinterpret_cast<const char*>(key.data()), key.size());
  websocket::unmask(std::as_writable_bytes(std::span(payload)), key, 0);
  return frame + payload;
}

/// A listening Unix socket with a name that the kernel chose.
struct Door {
  Door() : socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address.sun_family = AF_UNIX;
    RELAY_ASSERT(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  }
  int connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    RELAY_ASSERT(::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    return fd;
  }
  sockaddr_un address{};
  socklen_t size = 0;
  int socket;  // the listener closes it
};

class Client {
 public:
  explicit Client(int fd) : fd_(fd) {}
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text) {
    // The word may be cut by the sends.
    asked_.append(text);
    if (asked_.find("HEAD") != std::string::npos) answers_.on_head_asked();
    asked_.erase(0, asked_.size() - std::min<std::size_t>(asked_.size(), 3));
    static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  /// False when there was nothing more.
  bool read(std::size_t limit) {
    static std::array<char, 65536> buffer;
    const ssize_t size = ::recv(fd_, buffer.data(), std::min(limit, buffer.size()), MSG_DONTWAIT);
    if (size > 0) answers_.feed({buffer.data(), static_cast<std::size_t>(size)});
    // A response that is not taken has as long as a head has to come.
    const bool was_slow = base::monotonic_now() - opened_ >= config().http.header_timeout;
    if (size == 0) answers_.end(was_slow);
    return size > 0;
  }
  std::uint64_t epoch = 1;
  std::uint64_t next = 0;    ///< the number of its next chunk
  std::uint32_t tracks = 1;  ///< their version
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  const fuzz::AnswersCheck& answers() const { return answers_; }

 private:
  int fd_;
  base::Time opened_ = base::monotonic_now();
  std::string asked_;  // its end
  fuzz::AnswersCheck answers_;
};

memory::Arena& arena() {
  static memory::Arena arena(config().arena_bytes, config().block_bytes);
  return arena;
}

class Game {
 public:
  explicit Game(std::span<const std::byte> input) : input_(input) {
    std::vector<stream::StreamTable::Peer> peers;
    std::vector<stream::Relief::Peer> reliefs;
    for (unsigned index = 0; index < workers; ++index) {
      loops_[index] = std::make_unique<loop::Worker>(index);
      servers_[index] = std::make_unique<server::WorkerServer>(*loops_[index], shared_);
      servers_[index]->listen(doors_[index].socket, index == 0 ? admin_door_.socket : -1);
      shared_.servers.push_back(servers_[index].get());
      peers.push_back({&loops_[index]->mailbox(), &servers_[index]->table()});
      reliefs.push_back({&loops_[index]->mailbox(), &servers_[index]->relief()});
    }
    for (const auto& server : servers_) {
      server->table().set_peers(peers);
      server->relief().set_peers(reliefs);
    }
    shared_.workers_with_viewers = shared_.workers_with_sessions = workers;
  }

  void play() {
    for (int steps = 0; steps < 300 && input_.size() >= 2; ++steps) {
      const auto action = std::to_integer<std::uint8_t>(input_[0]);
      const auto amount = std::to_integer<std::uint8_t>(input_[1]);
      input_ = input_.subspan(2);
      act(action % 16, clients_[action / 16 % clients_.size()], amount);
      if (action >= 128) turn();
    }
  }

  void end() {
    for (const auto& client : clients_) {
      if (client) finish(*client);
    }
    for (auto& client : clients_) client.reset();
    // Lingering connections, abandoned streams, ended streams that somebody may still read.
    for (int round = 0; round < 5; ++round) pass(std::chrono::seconds(40));
    RELAY_ASSERT(shared_.connections == 0);
    for (const auto& server : servers_) {
      const control::WorkerReport report = server->report();
      RELAY_ASSERT(report.connections == 0 && report.publishers == 0);
      RELAY_ASSERT(report.streams.empty() && report.bytes_pinned == 0);
    }
    if (!draining_) check_healthy();
    for (const auto& loop : loops_) loop->mailbox().close();
    for (auto& server : servers_) server.reset();
    for (auto& loop : loops_) loop.reset();
    RELAY_ASSERT(arena().free_count() == arena().block_count());
  }

 private:
  static constexpr unsigned workers = 2;

  void act(int action, std::unique_ptr<Client>& client, std::uint8_t amount) {
    switch (action) {
      case 0:
        return open(client, amount);
      case 9:
        return pass(std::chrono::milliseconds(20 * amount));
      case 10:
        return pass(std::chrono::milliseconds(500 * (amount % 64)));
      case 11:
        return drain(amount);
      case 12:
        return turn_one(amount % workers);
      default:
        if (!client) open(client, amount);
        if (!client) return;
        return act_on(action, client, amount);
    }
  }
  void act_on(int action, std::unique_ptr<Client>& client, std::uint8_t amount) {
    switch (action) {
      case 1:
        return client->send(requests[amount % requests.size()]);
      case 2:
        return client->send(take(amount));
      case 3:
        return send_chunk(*client, take(amount * 8u));
      case 4:
        return send_chunk(*client, take(188u * (1 + amount % 16u)));
      case 5:
        return client->send(take(188u * (1 + amount % 16u)));
      case 6:
        return client->half_close();
      case 7:
        static_cast<void>(client->read(amount * 64u));
        return;
      case 8:
        return read_all(*client);
      case 13:
        if (amount >= 128) return send_wire(*client, amount % 16, amount / 16 % 8);
        return client->send("0\r\n\r\n");
      case 14:
        return open(client, amount);
      default:
        return client.reset();
    }
  }

  std::string_view take(std::size_t size) {
    const auto part = input_.first(std::min(size, input_.size()));
    input_ = input_.subspan(part.size());
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  void send_chunk(Client& client, std::string_view payload) {
    if (payload.empty()) return;
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", payload.size());
    client.send(std::string(size).append(payload).append("\r\n"));
  }

  // What a camera or a player says; `more` is some of what it says it with.
  void send_wire(Client& client, unsigned kind, unsigned more) {
    const wire::Position position{client.epoch, client.next};
    const wire::Position other{1 + more % 3, more * 2};
    switch (kind) {
      case 0: {
        client.epoch = 1 + more % 3;
        client.tracks = 1 + more;
        wire::Hello hello;
        hello.epoch = client.epoch;
        hello.token = more % 2 == 0 ? "mine" : "";
        hello.tracks = make_tracks(client.tracks);
        hello.first_sequence = hello.sync_sequence = hello.next_sequence = client.next;
        return send_message(client, hello);
      }
      case 1:
        return send_message(client, wire::Play{wire::Live{}, {}, {}, {}, {}, {}});
      case 2:
        return send_message(client,
                            wire::Play{other, other.next(), wire::Slow::catch_up, {}, {}, {}});
      case 3:
      case 4:
      case 5:
        return send_wire_chunk(client, kind == 3 || client.next == 0, more);
      case 6:
        return send_message(client, wire::Seek{other, more});
      case 7:
        return send_message(client, wire::Pause{});
      case 8:
        return send_message(client, wire::Resume{});
      case 9:
        client.next += more;
        return send_message(client, wire::Gap{position, {client.epoch, client.next}, {}, {}, {}});
      case 10:
        client.tracks = 1 + more;
        return send_message(client, make_tracks(client.tracks));
      case 11:
        return send_message(client, wire::Bye{wire::ByeReason::ended, {}, {}});
      case 12:
        return client.send(to_frame(websocket::Opcode::ping, "?"));
      case 13:
        return client.send(to_frame(websocket::Opcode::close, std::string("\x03\xe8", 2)));
      case 14:
        return client.send(to_frame(websocket::Opcode::binary, std::string(take(more * 4))));
      default:
        return send_message(client, wire::Seek{base::Utc{}, more});
    }
  }
  void send_message(Client& client, const wire::Message& message) {
    client.send(to_frame(websocket::Opcode::binary, wire::write_header(message)));
  }
  void send_wire_chunk(Client& client, bool sync, unsigned more) {
    const std::string_view payload = take(1 + more * 64u);
    wire::Chunk chunk;
    chunk.position = {client.epoch, client.next};
    chunk.utc = base::utc_now();
    chunk.sync = sync;
    chunk.tracks_version = client.tracks;
    media::Sample sample;
    sample.sync = sync;
    sample.dts = sample.pts = static_cast<std::int64_t>(client.next) * 3'000;
    sample.duration = 3'000;
    sample.payload.push_back(
        memory::Window::on_static(std::as_bytes(std::span(payload.data(), payload.size()))));
    chunk.samples.push_back(std::move(sample));
    chunk.checksum = wire::checksum_of(chunk.samples);
    ++client.next;
    client.send(to_frame(websocket::Opcode::binary, wire::write_header(chunk).append(payload)));
  }

  void open(std::unique_ptr<Client>& client, std::uint8_t amount) {
    client.reset();
    if (draining_) return turn();  // nobody listens: a client of a relay that is going
    const Door& door = amount % 8 == 7 ? admin_door_ : doors_[amount % workers];
    client = std::make_unique<Client>(door.connect());
    turn();
    for (const auto& loop : loops_) fuzz::shrink_send_buffers(*loop);
  }
  void drain(std::uint8_t amount) {
    if (amount != 100 || std::exchange(draining_, true)) return;
    shared_.draining = true;
    for (const auto& server : servers_) server->announce_drain();
    turn();
    for (const auto& server : servers_) server->drain(base::monotonic_now());
    turn();
  }

  void turn_one(unsigned index) { uv_run(loops_[index]->uv(), UV_RUN_NOWAIT); }
  // Twice: what one worker asks the other is answered, and what was ended is swept.
  void turn() {
    for (int time = 0; time < 2; ++time) {
      for (unsigned index = 0; index < workers; ++index) turn_one(index);
    }
  }
  void pass(std::chrono::milliseconds time) {
    fuzz::pass_time(time);
    turn();
  }

  void read_all(Client& client) {
    for (int round = 0; round < 20 && client.read(65536); ++round) turn();
  }
  // A client that takes what is there and leaves.
  void finish(Client& client) {
    read_all(client);
    client.half_close();
    turn();
    read_all(client);
  }

  void check_healthy() {
    Client client(doors_[1].connect());
    turn();
    client.send("GET /healthz HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n");
    turn();
    read_all(client);
    RELAY_ASSERT(client.answers().last_status() == 200);
  }

  static base::Log& log() {
    static base::Log log(base::LogLevel::error, base::LogFormat::text);
    return log;
  }

  std::span<const std::byte> input_;
  stream::Directory directory_{config().streams_max};
  server::Sessions sessions_{token::derive_keys("a secret of the fuzzer", {}),
                             {config().session_ttl, config().token_lifetime},
                             nullptr,
                             server::Moment::now()};
  server::UsageBook usage_{nullptr, log()};
  server::Shared shared_{.config = config(),
                         .log = log(),
                         .arena = arena(),
                         .directory = directory_,
                         .state = nullptr,
                         .known_streams = nullptr,
                         .sessions = sessions_,
                         .usage = usage_,
                         .store = nullptr,
                         .clips = nullptr,
                         .started = base::utc_now()};
  std::array<Door, workers> doors_;
  Door admin_door_;
  std::array<std::unique_ptr<loop::Worker>, workers> loops_;
  std::array<std::unique_ptr<server::WorkerServer>, workers> servers_;
  std::array<std::unique_ptr<Client>, 8> clients_;
  bool draining_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::signal(SIGPIPE, SIG_IGN);  // as the relay's main does
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::reset_time();
  Game game(std::as_bytes(std::span(data, size)));
  game.play();
  game.end();
  return 0;
}
