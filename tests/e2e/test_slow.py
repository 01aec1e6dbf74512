"""A stalled, a throttled and a healthy viewer side by side."""

import pytest

import client
import mp4
import mpegts
import tools

# Small, so that a viewer that stops reading is noticed soon and not hidden by the kernel.
BUFFER = 8192
RATE = 500_000  # bytes a second, a third of what the clip has


class Side:
    """The three, watching the same clip."""

    def __init__(self, relay, clip, query=""):
        target = f"/live/cam.ts?wait=20{query}"
        self.healthy = relay.watch(target)
        self.throttled = relay.watch(target, receive_buffer=BUFFER, rate=RATE)
        self.stalled = relay.watch(target, receive_buffer=BUFFER)
        self.publisher = relay.publish("/live/cam.ts", clip)
        self.stalled.wait_bytes(50_000).pause()


def settings(slow, **viewer):
    return {"viewer": {"slow": slow, "max_lag": "500ms", "stall_timeout": "2s", "unsent": "64KiB",
                       **viewer}}


def check_healthy(side, clip):
    """The others cost a healthy viewer nothing and the publisher no time."""
    assert side.publisher.wait().status == 200
    side.healthy.wait_end()
    assert side.healthy.complete
    assert bytes(side.healthy.body) == clip.watched_from_start


def check_skips(body, clip, folder):
    """Stretches of what was published, each joined at a keyframe; returns how many."""
    stretches = mpegts.runs(body, clip.data)
    cut = [end for _, end, _ in stretches if not mpegts.ends_whole(clip.data, end)]
    assert cut == [], "skipped in the middle of a frame"
    for begin, end, joined in stretches[1:]:
        assert {0, mpegts.pmt_pid(clip.data)} <= {mpegts.pid_of(packet) for packet in joined} or \
            mpegts.pid_of(clip.data[begin:begin + 188]) == 0, "no PAT and PMT before a join"
        marked = {mpegts.pid_of(packet) for packet in joined
                  if mpegts.announces_discontinuity(packet)}
        assert mpegts.video_pid(clip.data) in marked
        assert mpegts.first_video_is_key(
            clip.watched_from_start[:376] + clip.data[begin:end])
    tools.check_decodes(folder, body)
    return len(stretches)


def test_skip(start, media, tmp_path):
    clip = media.heavy
    relay = start(settings("skip"))
    side = Side(relay, clip)
    check_healthy(side, clip)
    # The throttled one stayed connected, saw no broken picture, and missed something.
    side.throttled.rate = None
    side.throttled.wait_end()
    assert side.throttled.complete
    body = bytes(side.throttled.body)
    assert check_skips(body, clip, tmp_path) > 1
    assert len(body) < len(clip.watched_from_start) * 0.8
    assert body.endswith(clip.data[-376:]), "the end of the stream was cut off"
    # The stalled one was closed, and what it got before that ends wherever the kernel was.
    side.stalled.resume()
    side.stalled.wait_end()
    assert not side.stalled.complete
    assert relay.metric("spancast_viewer_skips_total", reason="lag") > 0
    assert relay.metric("spancast_viewer_ends_total", reason="stalled") == 1
    relay.wait_log("reason=stalled")


@pytest.mark.parametrize("slow", ["skip", "disconnect", "catch_up"])
def test_the_same_choices_in_the_other_container(start, media, slow):
    """A viewer of .mp4 that is too slow: whole fragments, in order, each leap to a keyframe."""
    clip = media.heavy
    relay = start({"paths": {"live/*": settings("catch_up")}})
    viewer = relay.watch(f"/live/cam.mp4?wait=20&slow={slow}&max_lag=500ms&flush=50ms",
                         receive_buffer=BUFFER, rate=RATE)
    publisher = relay.publish("/live/cam.ts", clip)
    client.until(lambda: viewer.ended or publisher.sent > len(clip.data) * 0.9, what="a lag")
    viewer.rate = None
    viewer.wait_end()
    assert viewer.complete == (slow != "disconnect")
    frames = mp4.Movie(bytes(viewer.body), cut=slow == "disconnect").of("video").samples
    steps = [(after.dts - before.dts, after.sync) for before, after in zip(frames, frames[1:])]
    assert all(step > 0 for step, _ in steps)
    leaps = [sync for step, sync in steps if step > 1.5 * 90000 / 25]
    assert all(leaps)
    assert bool(leaps) == (slow == "skip")
    if slow == "catch_up":
        assert len(frames) == 25 * clip.seconds
    reason = {"skip": "stream_end", "catch_up": "stream_end", "disconnect": "slow"}[slow]
    assert relay.metric("spancast_viewer_ends_total", reason=reason) == 1


def test_a_stalled_viewer_that_wakes_up_goes_on_at_a_keyframe(start, media, tmp_path):
    clip = media.heavy
    relay = start(settings("skip", stall_timeout="30s"))
    side = Side(relay, clip)
    client.until(lambda: side.publisher.sent > len(clip.data) * 0.6, what="time passing")
    side.stalled.resume()
    check_healthy(side, clip)
    side.stalled.wait_end()
    assert side.stalled.complete
    assert check_skips(bytes(side.stalled.body), clip, tmp_path) == 2


def test_disconnect(start, media):
    clip = media.heavy
    relay = start(settings("disconnect"))
    side = Side(relay, clip)
    check_healthy(side, clip)
    side.throttled.rate = None
    side.stalled.resume()
    for viewer in (side.throttled, side.stalled):
        viewer.wait_end()
        assert not viewer.complete, "a cut response must not look complete"
    # It ended at a chunk boundary: whole packets, from the beginning, without a gap.
    body = bytes(side.throttled.body)
    (begin, end, _), = mpegts.runs(body, clip.data)
    assert begin == mpegts.first_pat(clip.data) and end < len(clip.data)
    assert relay.metric("spancast_viewer_ends_total", reason="slow") >= 1


def test_a_request_may_choose(start, media):
    clip = media.heavy
    relay = start(settings("skip"))
    chosen = relay.watch("/live/cam.ts?wait=20&slow=disconnect&max_lag=300ms",
                         receive_buffer=BUFFER, rate=RATE)
    relay.publish("/live/cam.ts", clip)
    chosen.wait_end()
    assert not chosen.complete
    (begin, _, _), = mpegts.runs(bytes(chosen.body), clip.data)
    assert begin == mpegts.first_pat(clip.data)


def test_catch_up_delivers_everything_the_tail_holds(start, media):
    clip = media.heavy
    relay = start(settings("catch_up"))
    viewer = relay.watch("/live/cam.ts?wait=20", receive_buffer=BUFFER, rate=RATE)
    publisher = relay.publish("/live/cam.ts", clip, speed=3)
    client.until(lambda: publisher.sent > len(clip.data) * 0.6, what="a lag")
    viewer.rate = None
    assert publisher.wait().status == 200
    viewer.wait_end()
    assert viewer.complete
    assert bytes(viewer.body) == clip.watched_from_start


def test_a_flush_interval_changes_no_byte(start, media):
    relay = start({"viewer": {"flush_interval": "100ms"}})
    viewers = [relay.watch(f"/live/cam.ts?wait=20{query}")
               for query in ("", "&flush=50ms", "&flush=0")]
    relay.publish("/live/cam.ts", media.rich, speed=3).wait()
    for viewer in viewers:
        assert bytes(viewer.wait_end().body) == media.rich.watched_from_start


@pytest.mark.parametrize("query", ["slow=maybe", "max_lag=soon", "flush=1h"])
def test_nonsense_in_a_choice_is_400(relay, query):
    assert relay.get(f"/live/cam.ts?{query}").status == 400
