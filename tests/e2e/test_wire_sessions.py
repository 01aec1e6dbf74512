"""Who may publish, what becomes of a session that is lost, and the end of the relay."""

import signal

import pytest

import client
import websocket
import wire_client
import wire_media
import wire_messages

STREAM = "/live/cam"
IDLE = 0.5


@pytest.fixture
def relay(start):
    return start({"publisher": {"grace": "10s", "idle": f"{IDLE}s"}})


def player(relay, **arguments):
    # A camera that films four times as fast and sends what it kept is far ahead of who watches it.
    return wire_client.Player(relay.http_port, STREAM,
                              **{"start": {"at_utc_us": 0}, "slow": "CATCH_UP", **arguments})


def camera(relay, **arguments):
    return wire_client.Camera(relay.http_port, STREAM, **arguments)


def film(one, clip, **arguments):
    return wire_media.Filming(one, clip, **{"speed": 4.0, **arguments})


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 2])
def test_a_camera_goes_on_where_its_connection_was_lost(start, wire_clip, workers):
    relay = start({"workers": workers, "publisher": {"grace": "10s"}})
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        for times in range(1, 11):
            one.wait_chunks(15 * times)
            cam.cut()
            cam.wait(lambda: cam.connections == times + 1, "another connection")
        filming.stop()
        cam.wait_acknowledged()
        one.wait_position(cam.next - 1)
        one.check_once(0, cam.next)
        filming.check_payload(one.chunks)
        assert one.connections == 1
        # The relay asks for what it lacks and nothing else.
        assert cam.repeated <= 10 * 5, f"{cam.repeated} chunks were sent again"
        assert {received.chunk.discontinuity for received in one.chunks} == {0}


def test_a_player_goes_on_where_its_connection_was_lost(relay, wire_clip):
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        for times in range(1, 11):
            one.wait_chunks(15 * times)
            one.cut()
            one.wait(lambda: one.connections == times + 1, "another connection")
        filming.stop()
        one.wait_position(cam.next - 1)
        one.check_once(0, cam.next)
        filming.check_payload(one.chunks)


def test_what_a_camera_keeps_no_more_is_one_gap(relay, wire_clip):
    """Away for longer than its keep: it says what is lost, and players are told exactly that."""
    with player(relay) as one:
        with camera(relay, keep_bytes=20_000) as cam, film(cam, wire_clip) as filming:
            one.wait_chunks(10)
            port, cam.port = cam.port, 1
            cam.cut()
            cam.wait(lambda: cam.dropped > 50, "drop")
            cam.port = port
            one.wait_gaps(1)
            one.wait_chunks(len(one.chunks) + 10)
            filming.stop()
            one.wait_position(cam.next - 1)
        (gap,) = one.gaps
        assert gap.reason == "LOST" and gap.start[0] == gap.end[0] == cam.epoch
        got = one.sequences()
        assert got == [*range(gap.start[1]), *range(gap.end[1], cam.next)]
        assert gap.end[1] - gap.start[1] >= 40
        assert one.chunks[got.index(gap.end[1])].chunk.sync
        assert one.connections == 1


def test_a_camera_that_is_killed_leaves_exactly_one_gap(relay, wire_clip):
    with player(relay) as one:
        with wire_media.live(relay.http_port, wire_clip) as (first, filming):
            one.wait_chunks(30)
        made = filming.added
        # The same camera, started anew: all it knew is gone.
        with camera(relay) as second:
            second.set_tracks(wire_clip.wire_tracks(second.schema))
            second.wait(lambda: second.connections == 1, "turn")
            with film(second, wire_clip, chunks=60) as filming:
                filming.wait()
                one.wait(lambda: one.chunks[-1].position == (second.epoch, 59), "the last chunk")
        (gap,) = one.gaps
        assert gap.reason == "PUBLISHER"
        assert gap.start[0] == first.epoch and gap.end == (second.epoch, 0)
        assert gap.start[1] <= len(made)
        got = [received.position for received in one.chunks]
        assert got == [*((first.epoch, number) for number in range(gap.start[1])),
                       *((second.epoch, number) for number in range(second.next))]
        # How long: the second took over when the first had been silent for a while.
        at = got.index(gap.end)
        assert gap.to_utc_us == one.chunks[at].chunk.utc_us
        assert gap.to_utc_us - one.chunks[at - 1].chunk.utc_us >= (IDLE - 0.1) * 1e6
        if gap.from_utc_us:  # else it is not known
            assert one.chunks[at - 1].chunk.utc_us <= gap.from_utc_us <= gap.to_utc_us
        # The tracks are said anew, before the first chunk.
        assert one.events[one.events.index(gap) + 1] == second.tracks
        assert one.chunks[at].chunk.discontinuity > one.chunks[at - 1].chunk.discontinuity


def test_another_camera_waits_until_the_first_is_silent(relay, wire_clip):
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (first, filming):
        one.wait_chunks(10)
        with wire_media.live(relay.http_port, wire_clip) as (second, other_filming):
            bye = second.wait_bye(3)
            assert bye.reason == "IN_USE" and 0 < bye.retry_after_ms <= IDLE * 1000
            assert second.connections == 0 and first.connections == 1 and not one.gaps
            filming.stop()  # connected, but silent
            second.wait(lambda: second.connections == 1, "turn")
            one.wait_gaps(1)
            other_filming.stop()
            one.wait_position(second.next - 1)
        assert one.gaps[0].end == (second.epoch, 0)
        assert first.wait_bye().reason in ("REPLACED", "IN_USE")


def test_the_same_session_takes_its_place_at_once(relay, wire_clip):
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        one.wait_chunks(20)
        wire = wire_messages.today()
        # Its other connection: the network it knows of is not the one it has.
        with websocket.WebSocket(relay.http_port, STREAM) as other:
            with cam.changed:
                hello = wire.Hello(token=cam.token, epoch=cam.epoch, tracks=cam.tracks,
                                   first_sequence=cam.first, sync_sequence=cam.next,
                                   next_sequence=cam.next)
            other.send(wire.pack(hello=hello))
            assert cam.wait_end().reason == "REPLACED"
            name, welcome, _ = wire.unpack(other.receive()[1])
            assert name == "welcome" and welcome.token == cam.token
            assert welcome.next_sequence <= hello.next_sequence
        filming.stop()


def test_a_session_with_another_epoch_begins_a_new_log(relay, wire_clip):
    with player(relay) as one, wire_media.live(relay.http_port, wire_clip) as (first, filming):
        one.wait_chunks(20)
        second = camera(relay)
        second.token = first.token
        with second, film(second, wire_clip, chunks=30):
            assert first.wait_end().reason == "REPLACED"
            one.wait_gaps(1)
            one.wait_position(29)
            (gap,) = one.gaps
            assert gap.reason == "PUBLISHER" and gap.end == (second.epoch, 0)
        filming.stop()


def test_a_foreign_token_is_another_session(relay, wire_clip):
    """One that does not count is no error."""
    with wire_media.live(relay.http_port, wire_clip) as (first, _):
        first.wait_acknowledged(10)
        other = camera(relay)
        other.token = b"\0" * 16
        with other:
            assert other.wait_bye().reason == "IN_USE"
    alone = camera(relay)
    alone.token = b"what another relay gave"
    with alone, film(alone, wire_clip, chunks=10):
        alone.wait_acknowledged(10, timeout=20)


def test_wire_and_http_keep_each_other_out(relay, media, wire_clip):
    with wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        cam.wait_acknowledged(5)
        assert client.request(relay.http_port, "PUT", STREAM + ".ts",
                              body=media.plain.data[:188]).status == 409
        filming.stop()
    relay.wait_stream("live/cam", lambda stream: not stream["live"])
    publisher = client.until(lambda: publish(relay, media), what="the publisher's turn")
    with camera(relay) as cam, film(cam, wire_clip, chunks=50):
        assert cam.wait_bye().reason == "IN_USE"
        publisher.close()
        cam.wait_acknowledged(50)


def publish(relay, media):
    """A publisher over HTTP, once it may."""
    publisher = relay.publish(STREAM + ".ts", media.long_plain)
    client.until(lambda: not publisher.thread.is_alive() or relay.streams()["live/cam"]["live"],
                 what="an answer or a beginning")
    return publisher if publisher.thread.is_alive() else None


def test_who_may_not_publish_is_told(start, wire_clip):
    relay = start({"paths": {"closed/**": {"publisher": {"allow": ["10.0.0.0/8"]}}}})
    with wire_media.live(relay.http_port, wire_clip, "/closed/cam") as (cam, _):
        assert cam.wait_end().reason == "NOT_ALLOWED"


def test_a_name_in_hello_is_that_of_the_path(relay, wire_clip):
    with wire_media.live(relay.http_port, wire_clip, chunks=5, name_stream=True) as (cam, _):
        cam.wait_acknowledged(5)
    other = camera(relay)
    other.stream = b"live/other"
    with other:
        assert other.wait_bye().reason == "BAD_MESSAGE"


def test_a_camera_that_comes_back_with_less_is_refused(relay, wire_clip):
    """It would give numbers a second content."""
    with wire_media.live(relay.http_port, wire_clip, chunks=30) as (cam, filming):
        filming.wait()
        cam.wait_acknowledged()
        forgetful = camera(relay, epoch=cam.epoch)
        forgetful.token = cam.token
        with forgetful, film(forgetful, wire_clip, chunks=10):
            assert forgetful.wait_bye().reason == "BAD_SEQUENCE"


# The end of the relay.

def test_a_drain_moves_everybody_to_another_relay(start, wire_clip):
    """Camera and players are sent away and go on elsewhere; not a chunk is lost."""
    config = {"publisher": {"grace": "10s"}, "drain": {"spread": "300ms", "deadline": "10s"}}
    old, new = start(config), start(config)
    where = [old]
    players = [wire_client.Player(lambda: where[0].http_port, STREAM,
                                  start={"at_utc_us": 0}).start() for _ in range(10)]
    with wire_client.Camera(lambda: where[0].http_port, STREAM) as cam:
        with film(cam, wire_clip) as filming:
            for one in players:
                one.wait_chunks(40)
            where[0] = new
            old.signal(signal.SIGTERM)
            assert cam.wait_bye().reason == "DRAIN"
            # What the relay had got is acknowledged before it goes.
            for one in players:
                assert one.wait_bye().reason == "DRAIN"
            code, _ = old.wait_exit()
            assert code == 0
            cam.wait(lambda: cam.connections == 2, "other relay")
            for one in players:
                one.wait_position(cam.next + 20)
            filming.stop()
            for one in players:
                one.wait_position(cam.next - 1)
                one.check_once(0, cam.next)
                filming.check_payload(one.chunks)
                assert one.losses == [], "a connection was cut, not ended"
                one.close()
        assert cam.losses == []


def test_whoever_waits_is_sent_away_too(start):
    relay = start({"publisher": {"grace": "60s"}})
    with player(relay) as one:
        relay.wait_waiting(1)
        relay.signal(signal.SIGTERM)
        assert one.wait_bye().reason == "DRAIN"
