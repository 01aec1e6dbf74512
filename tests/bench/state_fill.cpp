// Fills the state of a relay that is to be started: streams with their publishers, as a kill leaves
// them, and viewers who have left and have a lease; two records for each of either.
//   state_fill FOLDER SECRET STREAMS VIEWERS
#include <cstdio>
#include <cstdlib>
#include <string>

#include "relay/state/session_records.hpp"
#include "relay/state/timestamp.hpp"
#include "relay/token/signer.hpp"
#include "schemas/session.pb.h"

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t epoch = 0xf00d'0000'0000'0001;
constexpr std::uint64_t sequence = 100'000;

class Fill {
 public:
  Fill(const char* folder, const char* secret)
      : keys_(token::derive_keys(secret)), store_({folder, {}}, log_) {}

  void add_stream(std::size_t number) {
    const std::string path = path_of(number);
    spancast::session::StreamRecord record;
    record.set_path(path);
    record.set_epoch(epoch);
    record.set_next_sequence(sequence);
    for (const char* codec : {"h264", "aac"}) {
      auto& track = *record.add_tracks();
      track.set_codec(codec);
      track.set_timescale(90'000);
      track.set_config(std::string(45, '\x42'));
    }
    record.mutable_timeline()->set_end_time(sequence * 3600);
    *record.mutable_last_utc() = state::to_timestamp(now_);
    store_.set(state::Kind::stream, path, record);
    state::put_publisher(store_, token(token::Kind::publisher, path), entry(path));
  }

  void add_viewer(std::size_t number, std::size_t streams) {
    const std::string path = path_of(number % streams);
    const std::string text = token(token::Kind::viewer, path);
    state::put_viewer(store_, text, entry(path));
    state::put_lease(store_, {text, path, state::Holder::viewer, now_ + 1h});
  }

  bool commit() { return store_.commit(); }

 private:
  static std::string path_of(std::size_t number) { return "live/" + std::to_string(number); }
  std::string token(token::Kind kind, const std::string& path) const {
    return token::issue(keys_, {kind, path}, now_ + 24h, token::random_id());
  }
  state::SessionEntry entry(const std::string& path) const {
    return {path, now_, now_, 1'000'000, {epoch, sequence}, {}};
  }

  base::Log log_{base::LogLevel::warning, base::LogFormat::text};
  base::Utc now_ = base::utc_now();
  token::Keys keys_;
  state::Store store_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("state_fill FOLDER SECRET STREAMS VIEWERS\n", stderr);
    return 2;
  }
  Fill fill(argv[1], argv[2]);
  const std::size_t streams = std::strtoul(argv[3], nullptr, 10);
  const std::size_t viewers = std::strtoul(argv[4], nullptr, 10);
  for (std::size_t number = 0; number < streams; ++number) fill.add_stream(number);
  for (std::size_t number = 0; number < viewers; ++number) fill.add_viewer(number, streams);
  return fill.commit() ? 0 : 1;
}
