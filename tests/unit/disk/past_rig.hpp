#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/disk/past_table.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "relay/stream/place.hpp"
#include "tests/unit/disk/store_rig.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/stream/stream_rig.hpp"
#include "tests/unit/stream/wire_rig.hpp"

namespace disk::test {

/// The past streams of a worker over recordings, a live stream, and viewers over the wire that go
/// where they are told.
class PastRig : public StoreRig, public PastHost {
 public:
  PastRig() : table(std::make_unique<PastTable>(worker, *store, maker.pool, fanout, *this)) {}
  ~PastRig() override {
    viewers.clear();
    table.reset();
  }

  Live find_live(const std::string&) noexcept override {
    return {is_here ? live.get() : nullptr, is_published};
  }
  const stream::PathPolicy& policy_of(const std::string&) noexcept override { return policy; }
  void on_past_answer(PastAsker asker, const PastAnswer& answer) noexcept override {
    answers[asker].push_back(answer);
    if (asker < viewers.size()) seat(*viewers[asker], answer);
  }

  /// A viewer over the wire that asks; its number is who asks.
  ::test::WireViewer& watch(const wire::Start& start, bool syncs_only = false,
                            std::optional<wire::Position> until = {}) {
    auto& viewer = *viewers.emplace_back(
        std::make_unique<::test::WireViewer>(maker, ::test::WireRig::patient(), start, until));
    viewer.goes_elsewhere = true;
    viewer.on_gone = [this, number = viewers.size() - 1, syncs_only](wire::Position next) {
      ask(number, next, syncs_only);
    };
    ask(viewers.size() - 1, start, syncs_only);
    return viewer;
  }
  void ask(PastAsker asker, const wire::Start& start, bool syncs_only = false) {
    table->ask({asker, "live/cam", media::Container::wire, start, syncs_only});
  }
  void seat(::test::WireViewer& viewer, const PastAnswer& answer) {
    if (answer.kind == PastAnswer::Kind::past) {
      viewer.cursor.enter(audience(*answer.stream, answer.sequence),
                          {answer.sequence, false, to_wire(answer.gap)});
    } else if (answer.kind == PastAnswer::Kind::live) {
      const auto place = stream::find_exactly(live->log(), answer.position);
      REQUIRE(place);
      viewer.cursor.enter(audience(*live, *place), {*place, false, {}});
    }
  }
  static stream::Audience& audience(stream::Stream& stream, std::uint64_t sequence) {
    return stream.feed_at(media::Container::wire, stream::Framing::websocket, sequence)
        ->audience(base::Duration::zero());
  }

  /// The live stream gets a chunk like those that are recorded.
  void go_live(std::uint64_t epoch, std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; ++begin) {
      stream::Chunk chunk = make_chunk({.epoch = epoch, .first = begin}, 0);
      chunk.sync = begin % 10 == 0;
      chunk.sequence = live->log().end();
      live->append(std::move(chunk));
    }
    is_here = is_published = true;
  }

  /// Turns of the loop until `done()`, without waiting. The clock runs five times as fast as ours.
  template <class Done>
  void run_until(Done done) {
    loop::TurnEnd turning(worker, {nullptr, [](void*) noexcept {}});
    turning.keep_turning(true);
    ::test::run_until(worker, [&] {
      turn();
      return done();
    });
  }
  void turn() {
    now = began + 5 * (base::monotonic_now() - began);
    while (fanout.run(now).now) {
    }
    table->run(now);
    while (fanout.run(now).now) {
    }
  }
  void run_for(base::Duration time) {
    const base::Time end = now + time;
    run_until([&] { return now >= end; });
  }
  /// What a viewer is told until a story ends like that.
  std::string told_until(::test::WireViewer& viewer, const std::string& last) {
    run_until([&] { return viewer.story.ends_with(last); });
    return viewer.take();
  }
  /// `E5 E6 E7` for E, 5, 8.
  static std::string chunks(char epoch, std::uint64_t begin, std::uint64_t end) {
    std::string text;
    for (; begin < end; ++begin) {
      if (!text.empty()) text += ' ';
      text += epoch + std::to_string(begin);
    }
    return text;
  }

  /// Of the tracks that everything has.
  std::uint32_t live_version() const {
    return wire::version_of(wire::from_media(tracks_->tracks, 1).tracks);
  }

  loop::Worker worker{0};
  stream::Fanout fanout;
  stream::PathPolicy policy{{std::chrono::seconds(15), 1 << 20}, {}, {}};
  std::unique_ptr<stream::Stream> live =
      std::make_unique<stream::Stream>("live/cam", policy, fanout, maker.pool, 7);
  bool is_here = false;       // on this worker
  bool is_published = false;  // anywhere
  const base::Time began = base::monotonic_now();
  base::Time now = began;
  std::unique_ptr<PastTable> table;
  std::map<PastAsker, std::vector<PastAnswer>> answers;
  std::vector<std::unique_ptr<::test::WireViewer>> viewers;
};

}  // namespace disk::test
