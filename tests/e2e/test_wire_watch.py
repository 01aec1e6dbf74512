"""The wire, when nothing goes wrong: what a camera publishes, players get, from where they want."""

import time

import pytest

import client
import wire_client
import wire_media
import wire_messages

STREAM = "/live/cam"


def player(relay, **arguments):
    """One that begins with the oldest chunk, if it is not told otherwise."""
    return wire_client.Player(relay.http_port, STREAM, **{"start": {"at_utc_us": 0}, **arguments})


@pytest.fixture
def relay(start):
    return start({"publisher": {"grace": "2s"}})


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 2])
def test_players_get_every_chunk_as_the_camera_made_it(start, wire_clip, workers):
    relay = start({"workers": workers, "publisher": {"grace": "20s"}})
    players = [player(relay).start() for _ in range(4)]
    relay.wait_waiting(len(players))
    with wire_media.live(relay.http_port, wire_clip, chunks=150) as (camera, filming):
        filming.wait()
        camera.finish()
        camera.wait_end()
        assert camera.byes == [] and camera.losses == []
        assert (camera.connections, camera.repeated, camera.durable) == (1, 0, 0)
        for one in players:
            assert one.wait_end().reason == "ENDED"
            one.check_once(0, 150)
            filming.check_payload(one.chunks)
            for received, kept in zip(one.chunks, camera.keep):
                # The relay sets the boundaries of a camera that leaves them to it.
                made = kept.chunk
                made.segment, made.part = received.chunk.segment, received.chunk.part
                made.discontinuity = received.chunk.discontinuity
                assert received.chunk == made
            assert one.tracks == [camera.tracks]
            one.close()
    # The first segment of an epoch is its UTC second.
    first = players[0].chunks[0].chunk
    assert first.segment == first.utc_us // 1_000_000 and first.part == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_players_of_a_lost_camera_find_the_next_one(start, wire_clip, workers):
    relay = start({"workers": workers, "publisher": {"grace": "1s"}})
    players = [player(relay).start() for _ in range(4)]
    with wire_media.live(relay.http_port, wire_clip):
        for one in players:
            one.wait_chunks(30)
        heard = [len(one.byes) for one in players]
    for one, count in zip(players, heard):
        assert one.wait_bye(count + 1).reason == "NOT_FOUND"
    with wire_media.live(relay.http_port, wire_clip):
        for one in players:
            one.wait_gaps(1)
            one.close()


def test_boundaries_that_a_camera_sets_are_passed_on(relay, wire_clip):
    with player(relay) as one, wire_client.Camera(relay.http_port, STREAM) as camera:
        camera.set_tracks(wire_clip.wire_tracks(camera.schema))
        for number, (samples, payload, sync, _) in zip(range(60), wire_clip.endless(camera.schema)):
            camera.add(samples, payload, sync=sync, segment=77 + number // 25,
                       part=number % 25 // 5, discontinuity=3)
        one.wait_chunks(60)
    got = [(each.chunk.segment, each.chunk.part, each.chunk.discontinuity) for each in one.chunks]
    assert got == [(77 + number // 25, number % 25 // 5, 3) for number in range(60)]


def test_a_chunk_is_acknowledged_without_another_behind_it(relay, wire_clip):
    with wire_media.live(relay.http_port, wire_clip, chunks=1) as (camera, _):
        camera.wait_acknowledged(1)


def test_numbers_begin_where_the_camera_begins(relay, wire_clip):
    first = wire_messages.SEQUENCE_MAX - 1000
    with player(relay) as one:
        with wire_media.live(relay.http_port, wire_clip, chunks=50,
                             number_from=first) as (camera, _):
            one.wait_chunks(50)
            one.check_once(first, first + 50)
            camera.wait_acknowledged(first + 50)


def test_other_tracks_come_before_the_chunks_that_mean_them(relay, wire_clip):
    with player(relay) as one, wire_client.Camera(relay.http_port, STREAM) as camera:
        content = wire_clip.endless(camera.schema)
        for version in range(1, 4):
            tracks = wire_clip.wire_tracks(camera.schema)
            for track in tracks:
                track.language = b"l0%d" % version
            camera.set_tracks(tracks)
            for samples, payload, sync, _ in (next(content) for _ in range(25)):
                camera.add(samples, payload, sync=sync)
            one.wait_chunks(25 * version)
        one.check_once(0, 75)
        assert [tracks.version for tracks in one.tracks] == [1, 2, 3]
        assert [tracks.tracks[0].language for tracks in one.tracks] == [b"l01", b"l02", b"l03"]
        # Who comes later gets those of where it begins.
        for sequence, version in ((10, 1), (30, 2), (74, 3)):
            with player(relay, start={"cursor": (camera.epoch, sequence)},
                        until=(camera.epoch, sequence + 1)) as late:
                late.wait_end()
            assert [tracks.version for tracks in late.tracks] == [version]


# Where a player begins.

@pytest.fixture
def filmed(relay, wire_clip):
    """(relay, camera, filming) of 100 chunks, a sync chunk every 25, at their own pace times 4."""
    with wire_media.live(relay.http_port, wire_clip, chunks=100) as (camera, filming):
        filming.wait()
        camera.wait_acknowledged()
        yield relay, camera, filming


def watch(relay, count, **arguments):
    """The first chunks that a player gets."""
    with player(relay, **arguments) as one:
        one.wait_chunks(count)
    return one


def test_live_is_the_newest_sync_chunk(filmed):
    relay, _, filming = filmed
    one = watch(relay, 25, start={"live": True})
    one.check_once(75, 100)
    filming.check_payload(one.chunks)


def test_a_time_is_the_last_sync_chunk_not_after_it(filmed):
    relay, camera, _ = filmed
    utc = [kept.chunk.utc_us for kept in camera.keep]
    for asked, first in ((utc[50], 50), (utc[50] - 1, 25), (utc[74], 50), (utc[0] - 10**9, 0),
                         (0, 0), (utc[99] + 10**9, 75)):
        one = watch(relay, 25, start={"at_utc_us": asked})
        one.check_once(first, first + len(one.chunks))


def test_a_cursor_is_exact_and_until_ends_it(filmed):
    relay, camera, filming = filmed
    for first, end in ((33, 67), (0, 1), (99, 100), (50, 100)):
        with player(relay, start={"cursor": (camera.epoch, first)},
                    until=(camera.epoch, end)) as one:
            assert one.wait_end().reason == "UNTIL"
        one.check_once(first, end)
        filming.check_payload(one.chunks)


def test_a_cursor_that_is_not_there_yet_is_waited_for(filmed, wire_clip):
    relay, camera, _ = filmed
    with player(relay, start={"cursor": (camera.epoch, 110)}) as one:
        client.until(lambda: relay.metric("spancast_wire_viewers") == 1, what="the viewer")
        content = wire_clip.endless(camera.schema)
        for number, (samples, payload, sync, _) in enumerate(content):
            if number >= 100:
                camera.add(samples, payload, sync=sync)
            if number == 120:
                break
        one.wait_position(120)
        one.check_once(110, 121)


def test_what_never_comes_is_not_found(start, wire_clip):
    relay = start()
    with player(relay) as one:
        assert one.wait_bye().reason == "NOT_FOUND"
        # It goes on asking, and the stream may come.
        with wire_media.live(relay.http_port, wire_clip, chunks=25) as (camera, _):
            one.wait_chunks(25)
            with player(relay, start={"cursor": (camera.epoch, 10_000)}) as ahead:
                assert ahead.wait_bye().reason == "NOT_FOUND"
                assert ahead.chunks == []


def test_a_cursor_of_another_epoch_begins_with_a_gap(filmed):
    relay, camera, _ = filmed
    foreign = (camera.epoch ^ 2, 45)
    one = watch(relay, 5, start={"cursor": foreign})
    (gap,) = one.gaps
    assert gap.start == foreign and gap.reason == "PUBLISHER"
    assert gap.end == one.chunks[0].position and gap.end[0] == camera.epoch
    assert one.chunks[0].chunk.sync


def test_a_cursor_before_the_tail_begins_with_a_gap(start, wire_clip):
    # At its own pace: who sends faster is ahead of the clock, not behind it.
    relay = start({"stream": {"tail": "1s"}})
    with wire_media.live(relay.http_port, wire_clip, speed=1, chunks=60) as (camera, filming):
        filming.wait()
        camera.wait_acknowledged()
        one = watch(relay, 5, start={"cursor": (camera.epoch, 3)})
        (gap,) = one.gaps
        assert gap.start == (camera.epoch, 3) and gap.reason == "TAIL"
        assert gap.end == one.chunks[0].position and one.chunks[0].chunk.sync
        assert gap.to_utc_us == one.chunks[0].chunk.utc_us
        assert gap.end[1] == 50  # of the last second the first sync chunk


# On one connection.

def test_a_pause_ends_where_it_began(relay, wire_clip):
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (camera, filming):
        one.wait_chunks(30)
        one.pause()
        relay.wait_stream("live/cam", lambda stream: True)
        # A Seek is answered behind the Pause, so what came before it is known to be all.
        one.seek(cursor=(camera.epoch, 20))
        one.wait(lambda: one.answered and one.request == 1, "answer to the Seek")
        before = len(one.chunks)
        camera.wait_acknowledged(before + 40)
        assert len(one.chunks) == before
        one.resume()
        one.wait_chunks(before + 60)
        filming.stop()
    assert one.gaps == [] and one.connections == 1
    assert one.sequences()[before:] == list(range(20, 20 + len(one.chunks) - before))
    filming.check_payload(one.chunks)


def test_a_pause_longer_than_the_tail_leaves_a_gap(start, wire_clip):
    relay = start({"stream": {"tail": "1s"}})
    with player(relay) as one:
        with wire_media.live(relay.http_port, wire_clip, speed=1, chunks=75) as (camera, filming):
            one.wait_chunks(10)
            one.pause()
            filming.wait()
            camera.wait_acknowledged()
            one.resume()
            one.wait_position(74)
    (gap,) = one.gaps
    assert gap.reason == "TAIL" and one.connections == 1
    before = gap.start[1]
    assert one.sequences() == [*range(before), *range(gap.end[1], 75)]


def test_seeking_goes_where_it_says(filmed):
    relay, camera, filming = filmed
    with player(relay, start={"live": True}) as one:
        one.wait_chunks(25)
        one.seek(cursor=(camera.epoch, 13))
        one.wait(lambda: one.sequences()[25:] == list(range(13, 100)), "what follows")
        one.seek(at_utc_us=camera.keep[60].chunk.utc_us)
        one.wait(lambda: one.sequences()[25 + 87:] == list(range(50, 100)), "what follows")
        one.seek(live=True)
        one.wait(lambda: one.sequences()[25 + 87 + 50:] == list(range(75, 100)), "what follows")
    assert one.connections == 1 and one.gaps == []
    filming.check_payload(one.chunks)


def test_of_several_seeks_the_last_counts(filmed):
    relay, camera, _ = filmed
    with player(relay) as one:
        one.wait_chunks(25)
        for first in range(50):
            one.seek(cursor=(camera.epoch, first))
        one.wait(lambda: one.sequences()[-51:] == list(range(49, 100)), "what follows the last")
    assert one.connections == 1 and one.gaps == []


def test_a_seek_beyond_the_end_waits(filmed, wire_clip):
    relay, camera, _ = filmed
    with player(relay, start={"live": True}) as one:
        one.wait_chunks(25)
        one.seek(cursor=(camera.epoch, 102))
        content = wire_clip.endless(camera.schema)
        for number, (samples, payload, sync, _) in zip(range(105), content):
            if number >= 100:
                camera.add(samples, payload, sync=sync)
        one.wait_position(104)
    assert one.sequences()[25:] == [102, 103, 104]


# Players that are slow.

@pytest.fixture
def torrent(start, wire_clip):
    """(relay, noise): a stream of 60 KB a chunk."""
    relay = start({"viewer": {"stall_timeout": "3s"}})
    return relay, wire_media.Noise(wire_clip, 60_000)


def slow_player(relay, **arguments):
    return player(relay, receive_buffer=8192, keep_payload=False, **arguments)


def test_a_slow_player_skips_and_is_told(torrent):
    relay, noise = torrent
    with slow_player(relay, slow="SKIP", max_lag_ms=500) as one:
        with wire_media.live(relay.http_port, noise, speed=1) as (camera, filming):
            one.wait_chunks(5)
            one.reading.clear()
            camera.wait_acknowledged(camera.next + 50)
            one.reading.set()
            one.wait_gaps(1)
            one.wait_chunks(len(one.chunks) + 10)
            filming.stop()
    gap = one.gaps[0]
    assert gap.reason == "SKIP" and gap.start[0] == gap.end[0] == camera.epoch
    for before, after in zip(one.events, one.events[1:]):
        if isinstance(after, wire_client.Missing):
            assert after.start == (before.epoch, before.sequence + 1)
        if isinstance(before, wire_client.Missing):
            assert after.position == before.end and after.chunk.sync
    assert one.connections == 1


def test_a_slow_player_that_wants_it_gets_everything(torrent):
    relay, noise = torrent
    with slow_player(relay, slow="CATCH_UP", max_lag_ms=500) as one:
        with wire_media.live(relay.http_port, noise, speed=8, chunks=150) as (camera, filming):
            one.wait_chunks(5)
            one.reading.clear()
            camera.wait_acknowledged(100)
            one.reading.set()
            one.wait_position(149)
    one.check_once(0, 150)
    assert one.connections == 1


def test_a_slow_player_that_wants_it_is_disconnected(torrent):
    relay, noise = torrent
    with slow_player(relay, slow="DISCONNECT", max_lag_ms=500) as one:
        with wire_media.live(relay.http_port, noise, speed=1) as (camera, _):
            one.wait_chunks(5)
            one.reading.clear()
            camera.wait_acknowledged(camera.next + 50)
            one.reading.set()
            assert one.wait_bye().reason == "TOO_SLOW"
            relay.wait_log("viewer ended .*reason=slow")
            # It resumes where it was: nothing was skipped.
            one.wait_chunks(len(one.chunks) + 10)
    assert one.gaps == [] and one.sequences() == list(range(len(one.chunks)))


def test_a_player_that_stands_still_is_closed(start, wire_clip):
    relay = start({"viewer": {"stall_timeout": "1s"}})
    noise = wire_media.Noise(wire_clip, 60_000)
    with slow_player(relay, slow="CATCH_UP") as one:
        with wire_media.live(relay.http_port, noise, speed=8) as (_, filming):
            one.wait_chunks(5)
            one.reading.clear()
            relay.wait_log("viewer ended .*reason=stalled")
            filming.stop()
            one.reading.set()
            one.wait(lambda: one.connections == 2, "second connection")


def test_latency_is_that_of_the_network(relay, wire_clip, record_property):
    """Publisher's UTC to delivery, both in this process."""
    with player(relay) as one:
        with wire_media.live(relay.http_port, wire_clip, speed=1, chunks=25) as (_, filming):
            filming.wait()
            one.wait_chunks(25)
    late = sorted(received.at - received.chunk.utc_us / 1e6 for received in one.chunks)
    print(f"wire: camera to player p50 {late[12] * 1000:.1f} ms, worst {late[-1] * 1000:.1f} ms")
    assert late[12] < 0.5, late


def test_the_relay_says_its_clock(relay, wire_clip):
    with wire_media.live(relay.http_port, wire_clip, chunks=25) as (_, filming):
        filming.wait()
        one = watch(relay, 1)
    playing = one.events[0]
    assert abs(playing.utc_us / 1e6 - time.time()) < 60
