"""An arena that is too small for what is published: who gives way, in which order, and who not."""

import contextlib
import pathlib
import resource
import socket
import threading
import time

import pytest

import client
import mpegts
import relay as relay_module
import tools

pytestmark = [pytest.mark.threads, pytest.mark.release, pytest.mark.alone]
KIB, MIB = 1024, 1024 * 1024
ARENA = 8 * MIB
BASE = 40 * MIB         # of the process itself
PER_VIEWER = 2 * KIB
STEPS = ["trim", "pinned", "pause", "drop", "refuse"]


class Sender:
    """Publishes `data` at `rate` bytes a second by its own clock until told to finish."""

    def __init__(self, relay, target, data, rate):
        self.data, self.rate, self.sent = data, rate, 0
        self.connection = client.Connection(relay.http_port, timeout=120)
        relay.clients.append(self)
        self.finishing = threading.Event()
        self.response = self.failure = None
        self.connection.send_head("PUT", target, {"Transfer-Encoding": "chunked"})
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        piece = max(1, round(self.rate / 50 / mpegts.PACKET)) * mpegts.PACKET
        started = time.monotonic()
        try:
            while self.sent < len(self.data) and not self.finishing.is_set():
                time.sleep(max(0.0, started + self.sent / self.rate - time.monotonic()))
                data = self.data[self.sent:self.sent + piece]
                self.connection.send_chunk(data)
                self.sent += len(data)
            self.connection.send_chunk(b"")
            self.response = self.connection.read_response()
        except (OSError, ValueError, AssertionError) as error:
            self.failure = error

    def finish(self):
        self.finishing.set()
        self.thread.join(60)
        assert self.response, f"the publisher was not answered: {self.failure!r}"
        return self.response

    def close(self):
        self.finishing.set()
        self.connection.close()
        self.thread.join(10)


def clip_sender(relay, target, clip, speed=1.0):
    return Sender(relay, target, clip.data, len(clip.data) / clip.seconds * speed)


class Watch:
    """Looks at the relay's memory from time to time and remembers the most."""

    def __init__(self, relay, viewers, arena=ARENA):
        self.status = pathlib.Path(f"/proc/{relay.process.pid}/status")
        self.limit = arena + BASE + viewers * PER_VIEWER
        self.most = 0

    def look(self):
        for line in self.status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                self.most = max(self.most, int(line.split()[1]) * KIB)

    def check(self):
        if relay_module.is_sanitized():
            print(f"\nresident {self.most / MIB:.1f} MiB, which is not judged: shadow memory and "
                  f"quarantine of the sanitizer are in it")
            return
        print(f"\nresident {self.most / MIB:.1f} MiB of at most {self.limit / MIB:.1f} MiB")
        assert 0 < self.most < self.limit


def pressure(relay):
    return {step: relay.metric("spancast_pressure_total", step=step) for step in STEPS}


def settings(workers, **more):
    return relay_module.merged(
        {"workers": workers, "memory": {"arena": "8MiB", "block": "32KiB"},
         "publisher": {"grace": "300ms"}, "viewer": {"stall_timeout": "60s"}}, more)


def stall(relay, target):
    """A viewer that never reads, with a small buffer."""
    connection = relay.connect(receive_buffer=4096, timeout=60)
    connection.send_head("GET", target)
    return connection


def healthy_viewers(relay, target, number):
    return [relay.watch(f"{target}?wait=60&slow=catch_up") for _ in range(number)]


def check_every_byte(viewers, sender):
    """From the first published frame to the last."""
    published = sender.data[mpegts.first_pat(sender.data):sender.sent]
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete
        if bytes(viewer.body) == published:
            continue
        # A relay that is not fast enough for what is asked of it has no healthy viewers: they are
        # behind what the pressure leaves of the tail, and skip to a keyframe.
        assert relay_module.is_thread_sanitized(), "something is missing"
        stretches = mpegts.runs(bytes(viewer.body), published)
        print(f"\n{len(stretches)} stretches, which is not judged: ThreadSanitizer is too slow")
        assert stretches[-1][1] == len(published)


def check_recovered(relay, media):
    """Nothing is left of it: every block is free, and the relay serves as before."""
    client.until(lambda: not relay.streams(), what="the end of the streams")
    blocks = relay.metric("spancast_arena_blocks")
    client.until(lambda: relay.metric("spancast_arena_blocks_free") == blocks,
                 what="every block being free")
    assert relay.metric("spancast_viewer_bytes_pinned") == 0
    client.until(lambda: relay.get("/live/after.ts").status == 404, what="nobody being refused")
    client.until(lambda: client.request(relay.http_port, "PUT", "/live/open.ts",
                                        body=media.plain.data[:100_000]).status == 200,
                 what="publishers being let in")
    viewer = relay.watch("/live/after.ts?wait=20")
    assert relay.publish("/live/after.ts", media.plain, speed=4).wait().status == 200
    assert bytes(viewer.wait_end().body) == media.plain.watched_from_start


@pytest.mark.parametrize("workers", [1, 2])
def test_ten_publishers_of_20_mbit(start, media, workers):
    relay = start(settings(workers))
    small, flood = media.long_plain, media.flood
    names = [f"/live/flood{number}.ts" for number in range(10)]
    healthy = healthy_viewers(relay, "/live/small.ts", 4)
    within = clip_sender(relay, "/live/small.ts", small)
    stalled = [stall(relay, name + "?wait=60") for name in names for _ in range(3)]
    watch = Watch(relay, len(healthy) + len(stalled))
    floods = [clip_sender(relay, name, flood) for name in names[:-1]]
    refused = {}

    def seen():
        watch.look()
        counts = pressure(relay)
        if counts["drop"] and not refused:
            answer = client.request(relay.http_port, "HEAD", "/live/small.ts")
            if answer.status == 503:
                refused["viewer"] = answer
        if "viewer" in refused and "publisher" not in refused:
            answer = client.request(relay.http_port, "PUT", "/live/new.ts", body=small.data[:18800])
            if answer.status == 503:
                refused["publisher"] = answer
        return "publisher" in refused and all(counts.values())

    with tools.ffmpeg_publish(flood.path, relay.url(names[-1])):
        client.until(seen, 120, "every step of the order")
        # And for as long again, with everything going on at once.
        client.until(lambda: watch.look() or relay.metric(
            "spancast_pressure_total", step="drop") > 12, 120, "more of it")
    print("\npressure:", pressure(relay))
    for answer in refused.values():
        assert int(answer.headers["retry-after"]) > 0
    for one in floods:
        one.close()
    assert within.finish().status == 200
    check_every_byte(healthy, within)
    watch.look()
    watch.check()
    # One line for the episode, and one for each that had to drop.
    assert sum("memory.arena runs full" in line for line in relay.log) == 1
    drops = [line for line in relay.log if "input dropped" in line]
    assert 0 < len(drops) <= len(names)
    assert not any("live/small" in line for line in drops)
    # Those who never read may still be let go meanwhile.
    client.until(lambda: relay.metric("spancast_viewer_ends_total", reason="pinned") ==
                 relay.metric("spancast_pressure_total", step="pinned"), what="one end for each")
    for connection in stalled:
        connection.close()  # those that were not in the way
    check_recovered(relay, media)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_huge_stream_does_not_take_a_small_ones_share(start, media, workers):
    """One keyframe and then nothing that could be let go: it fills the arena and gives way alone."""
    relay = start(settings(workers, stream={"tail_bytes": "8MiB", "tail": "60s"}))
    healthy = healthy_viewers(relay, "/live/small.ts", 4)
    within = clip_sender(relay, "/live/small.ts", media.long_plain)
    huge_viewers = [relay.watch("/live/huge.ts?wait=20") for _ in range(2)]
    huge = clip_sender(relay, "/live/huge.ts", media.endless_group, speed=3)
    client.until(lambda: relay.metric("spancast_pressure_total", step="drop") >= 1, 120,
                 "the huge one giving way")
    # It goes on at its next keyframe.
    client.until(lambda: pressure(relay)["drop"] >= 2 or not huge.thread.is_alive(), 120,
                 "the next one")
    counts = pressure(relay)
    huge.close()
    assert within.finish().status == 200
    check_every_byte(healthy, within)
    assert counts["pause"] >= 1
    drops = [line for line in relay.log if "input dropped" in line]
    assert len(drops) == 1 and "live/huge" in drops[0]
    for viewer in huge_viewers:
        viewer.wait_end()
        assert mpegts.first_video_is_key(bytes(viewer.body))
    check_recovered(relay, media)


def test_a_fragment_larger_than_the_arena_takes_no_small_ones_share(start, media):
    """Its frames wait for the sound behind them: what the reader holds counts as the stream's."""
    relay = start(settings(1))
    healthy = healthy_viewers(relay, "/live/small.ts", 2)
    within = clip_sender(relay, "/live/small.ts", media.long_plain)
    huge = clip_sender(relay, "/live/huge.mp4", media.one_fragment, speed=3)
    client.until(lambda: relay.metric("spancast_pressure_total", step="drop") >= 1, 120,
                 "the huge one giving way")
    huge.close()
    assert within.finish().status == 200
    check_every_byte(healthy, within)
    drops = [line for line in relay.log if "input dropped" in line]
    assert len(drops) == 1 and "live/huge" in drops[0]
    check_recovered(relay, media)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_viewers_that_never_read(start, media, workers):
    number = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 500), hard))
    # The tail holds all of the clip, so that the healthy ones need not be fast on a busy machine.
    relay = start(settings(workers, memory={"arena": "32MiB"},
                           stream={"tail_bytes": "24MiB", "tail": "60s"}))
    clip = media.heavy
    healthy = healthy_viewers(relay, "/live/cam.ts", 2)
    with contextlib.ExitStack() as stack:
        request = b"GET /live/cam.ts?wait=60 HTTP/1.1\r\nHost: here\r\n\r\n"
        for _ in range(number):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(60)
            one.connect(("127.0.0.1", relay.http_port))
            one.sendall(request)
        client.until(lambda: relay.metric("spancast_connections") >= number, what="all of them")
        watch = Watch(relay, number + len(healthy), 32 * MIB)
        within = clip_sender(relay, "/live/cam.ts", clip)
        client.until(lambda: watch.look() or relay.metric("spancast_viewers") >= number, 120,
                     "all of them watching")
        client.until(lambda: watch.look() or not within.thread.is_alive(), 120, "the clip's end")
        assert within.finish().status == 200
        check_every_byte(healthy, within)
        watch.look()
        watch.check()
        assert relay.metric("spancast_short_writes_total") > 0
    check_recovered(relay, media)
