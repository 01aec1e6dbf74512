"""A relay with `state.path` that ends, wanted or not, and comes back: cameras, publishers and players
go on as if nothing had happened.

How many kills and players: brief here, as issue 8 has it with --long.
"""

import contextlib
import os
import random
import signal

import pytest

import client
import disk_faults
import wire_client
import wire_media

STREAM = "/live/cam"
PATH = "live/cam"
OLDEST = {"at_utc_us": 0}
SEED = int(os.environ.get("RESTART_SEED", "8"))


def config(folder, more=None):
    return {"state": {"path": str(folder / "state")}, "stream": {"tail": "20s"},
            "publisher": {"grace": "20s", "idle": "2s"}, "viewer": {"slow": "catch_up"},
            **(more or {})}


class Relays:
    """One after the other; `port` is that of the one that runs."""

    def __init__(self, start, settings, environment=None):
        self.start, self.settings, self.environment = start, settings, environment
        self.relay = start(settings, environment)

    def port(self):
        return self.relay.http_port

    def again(self, number):
        """The relay gets this signal; another one is started."""
        if number == signal.SIGKILL:
            self.relay.expected_exit = -number
        self.relay.signal(number)
        self.relay.wait_exit()
        self.relay = self.start(self.settings, self.environment)


@contextlib.contextmanager
def players(count, port, **arguments):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(wire_client.Player(port, STREAM, **arguments))
               for _ in range(count)]


def check_all(source, filming, watching):
    """The camera stops; every player has everything it made, once and in order."""
    filming.stop()
    source.wait_acknowledged()
    for player in watching:
        player.wait_position(source.next - 1)
        player.check_once(0, source.next)
        if player.keep_payload:
            filming.check_payload(player.chunks)
    assert source.dropped == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_player_gets_every_frame_once(start, wire_clip, tmp_path, request, number):
    is_long = request.config.getoption("--long")
    kills, count = (30, 50) if is_long else (4, 10)
    relays = Relays(start, config(tmp_path))
    rng = random.Random(SEED)
    with players(count, relays.port, start=OLDEST, keep_payload=not is_long) as watching, \
            wire_media.live(relays.port, wire_clip, STREAM, keep_seconds=10) as (source, filming):
        watching[0].wait_chunks(20)
        for _ in range(kills):
            made = source.next + rng.randrange(1, 60)
            source.wait(lambda made=made: source.next >= made, "a random moment")
            relays.again(number)
        check_all(source, filming, watching)
        assert all(one.connections > 1 for one in (source, *watching))


def check_gaps(player, epochs):
    """One for each change of the camera: from the last chunk of one epoch to the first of the next."""
    assert [gap.end[0] for gap in player.gaps] == epochs[1:], player.gaps
    for gap in player.gaps:
        at = player.events.index(gap)
        before, after = (next(one for one in events if isinstance(one, wire_client.Received))
                         for events in (player.events[at::-1], player.events[at:]))
        assert gap.start == (before.epoch, before.sequence + 1) and gap.end == after.position
        assert gap.to_utc_us == after.chunk.utc_us > before.chunk.utc_us


def test_with_recordings_a_camera_that_dies_too_is_one_gap(start, wire_clip, tmp_path, request):
    is_long = request.config.getoption("--long")
    kills, count = (30, 50) if is_long else (3, 5)
    settings = config(tmp_path, {"recording": {"enabled": True, "root": str(tmp_path / "root"),
                                               "segment": "1s", "fsync": "interval",
                                               "fsync_interval": "100ms"}})
    relays = Relays(start, settings)
    rng = random.Random(SEED)
    epochs, made = [], {}
    with players(count, relays.port, start=OLDEST) as watching:
        for _ in range(kills + 1):
            with wire_media.live(relays.port, wire_clip, STREAM) as (source, filming):
                wanted = 40 + rng.randrange(40)
                for player in watching:
                    player.wait(lambda player=player: player.chunks
                                and player.chunks[-1].position >= (source.epoch, wanted)
                                and player.chunks[-1].epoch == source.epoch, f"chunk {wanted}")
                epochs.append(source.epoch)
                made[source.epoch] = filming
                if len(epochs) <= kills:
                    relays.again(signal.SIGKILL)
        for player in watching:
            check_gaps(player, epochs)
            for epoch in epochs:
                mine = [one for one in player.chunks if one.epoch == epoch]
                numbers = [one.sequence for one in mine]
                assert numbers == list(range(len(numbers))), "each once and in order"
                made[epoch].check_payload(mine)


def payloads(player):
    """What each number named: (epoch, number) → content."""
    return {one.position: one.payload for one in player.chunks}


@pytest.mark.parametrize("workers", [1, 2])
def test_numbers_of_an_http_publisher_never_name_two_contents(start, media, tmp_path, workers):
    clip = media.in_container("plain", "ts")
    relays = Relays(start, config(tmp_path, {"workers": workers}))
    named = {}
    rng = random.Random(SEED)
    with wire_client.Player(relays.port, STREAM, start=OLDEST) as player:
        for round_number in range(4):
            relays.relay.publish(f"{STREAM}.ts", clip)
            wanted = len(player.chunks) + 20 + rng.randrange(40)
            player.wait_chunks(wanted)
            # Another one, for the names that this one may not have been given.
            with wire_client.Player(relays.port, STREAM, start=OLDEST) as other:
                other.wait_chunks(10)
                for position, payload in payloads(other).items():
                    assert named.setdefault(position, payload) == payload
            if round_number < 3:
                relays.again(signal.SIGKILL)
    for position, payload in payloads(player).items():
        assert named.setdefault(position, payload) == payload
    assert len({one.epoch for one in player.chunks}) == 1
    assert [gap.reason for gap in player.gaps] == ["RESTART"] * 3
    times = [sample.dts for one in player.chunks for sample in one.chunk.samples
             if sample.track == 0]
    assert times == sorted(times), "media time goes on"


def test_after_a_stop_an_http_publisher_goes_on_behind_one_number(start, media, tmp_path):
    clip = media.in_container("plain", "ts")
    relays = Relays(start, config(tmp_path))
    with wire_client.Player(relays.port, STREAM, start=OLDEST) as player:
        relays.relay.publish(f"{STREAM}.ts", clip)
        player.wait_chunks(30)
        relays.again(signal.SIGTERM)
        relays.relay.publish(f"{STREAM}.ts", clip)
        player.wait_gaps(1)
        player.wait_chunks(len(player.chunks) + 20)
    (gap,) = player.gaps
    assert gap.reason == "RESTART" and gap.start[0] == gap.end[0]
    before = [one for one in player.chunks if one.position < gap.start][-1]
    assert gap.start == (before.epoch, before.sequence + 1)
    # Chunks without a frame have a number but are not sent.
    assert 1 <= gap.end[1] - gap.start[1] < 100


def test_numbers_that_cannot_be_set_aside_are_not_given_again(start, media, tmp_path):
    """The disk refuses to be written when the relay comes back: then a numbering is new."""
    clip = media.in_container("plain", "ts")
    folder = tmp_path / "state"
    folder.mkdir()
    failing = disk_faults.DiskFaults(tmp_path / "faults", folder)
    relays = Relays(start, config(tmp_path), failing.environment)
    with wire_client.Player(relays.port, STREAM, start=OLDEST) as player:
        relays.relay.publish(f"{STREAM}.ts", clip)
        player.wait_chunks(30)
        failing.fail(5)  # EIO
        relays.relay.wait_log("state is kept in memory only")
        relays.again(signal.SIGKILL)
        relays.relay.publish(f"{STREAM}.ts", clip)
        player.wait_gaps(1)
        player.wait_chunks(len(player.chunks) + 20)
        assert [gap.reason for gap in player.gaps] == ["PUBLISHER"]
        failing.go_on()
        relays.relay.wait_log("state is written")


def test_a_stream_that_is_over_is_forgotten(start, media, tmp_path):
    clip = media.in_container("plain", "ts")
    relays = Relays(start, config(tmp_path, {"publisher": {"grace": "300ms"}}))
    with wire_client.Player(relays.port, STREAM, start=OLDEST) as player:
        relays.relay.publish(f"{STREAM}.ts", clip, speed=8).wait()
        player.wait_bye()
    relays.relay.wait_log("stream ended")
    relays.again(signal.SIGTERM)
    with wire_client.Player(relays.port, STREAM, start=OLDEST) as other:
        relays.relay.publish(f"{STREAM}.ts", clip)
        other.wait_chunks(10)
    assert other.chunks[0].epoch != player.chunks[0].epoch and other.chunks[0].sequence < 100


def test_hls_and_media_time_go_on(start, wire_clip, tmp_path):
    """Of a camera that is back behind a reserve of its keep: as the log of the relay has it."""
    relays = Relays(start, config(tmp_path))
    with wire_media.live(relays.port, wire_clip, STREAM) as (source, _):
        source.wait_acknowledged(60)
        relays.again(signal.SIGKILL)
        viewer = relays.relay.watch(f"{STREAM}.mp4?wait=20")
        source.wait(lambda: source.connections == 2 and source.acknowledged > source.next - 5,
                    "the camera")
        client.until(lambda: len(viewer.body) > 100_000, what="what follows")
        stream = relays.relay.wait_stream(PATH, lambda found: found["live"])
        assert int(stream["tail"]["chunks"]) >= 60, "filled from the keep"
