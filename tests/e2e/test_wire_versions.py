"""Peers of other versions: one that knows less than the relay, and one that knows more."""

import itertools
import re

import pytest

import wire_client
import wire_media
import wire_messages

STREAM = "/live/cam"
OLDEST = {"at_utc_us": 0}
# What today's schema has and its first version could have been without, by message.
LATER = {
    "Envelope": ["pause", "resume", "seek"],
    "Hello": ["stream", "tracks"],
    "Ack": ["durable"],
    "Play": ["until", "slow", "max_lag_ms", "flush_ms", "speed"],
    "Seek": ["speed"],
    "Playing": ["utc_us", "request"],
    "Chunk": ["discontinuity", "segment", "part"],
    "Sample": ["duration"],
    "Track": ["width", "height", "channels", "language"],
    "Gap": ["from_utc_us", "to_utc_us"],
    "Bye": ["retry_after_ms", "detail"],
}
LATER_VALUES = ["UNTIL", "OVERLOAD", "TOO_SLOW", "STALLED", "RESTART", "MEMORY", "PUBLISHER",
                "CATCH_UP", "IN_USE", "BAD_CHECKSUM"]


def without(text, message, field):
    """The schema without one field of one message."""
    pattern = rf"(?ms)^(message {message} \{{.*?)^ +[^\n]*\b{field} = \d+;[^\n]*\n(.*?^\}})"
    changed, count = re.subn(pattern, r"\1\2", text, count=1)
    assert count == 1, f"there is no {message}.{field}"
    return changed


def older_text():
    text = wire_messages.PROTO.read_text()
    for message, fields in LATER.items():
        for field in fields:
            text = without(text, message, field)
    for value in LATER_VALUES:
        text, count = re.subn(rf"(?m)^ +{value} = [1-9]\d*;.*\n", "", text)
        assert count == 1, f"there is no value {value}"
    return text


def newer_text():
    text = wire_messages.PROTO.read_text()
    text = re.sub(r"(?m)^(message \w+ \{)(\})?", r"\1\n  bytes added = 1000;\n  "
                  r"repeated Position more = 1001;\n\2", text)
    text = re.sub(r"(?m)^( +enum \w+ \{)", r"\1\n    NEWER = 99;", text)
    # proto3 wants the value 0 first.
    text = re.sub(r"(?m)^    NEWER = 99;\n(.* = 0;.*\n)", r"\1    NEWER = 99;\n", text)
    text = text.replace("  oneof message {", "  oneof message {\n    Newest newest = 99;")
    return text + "\nmessage Newest { bytes what = 1; Tracks tracks = 2; }\n"


class Newer(wire_messages.Schema):
    """Has something new to say in every message, and messages of its own between the others."""

    def __init__(self):
        super().__init__(newer_text())
        self.count = itertools.count()

    def pack(self, payload=b"", **message):
        for one in message.values():
            self.add(one)
        return super().pack(payload, **message)

    def add(self, message):
        """Fills what today's schema does not have, also deep inside."""
        fields = message.DESCRIPTOR.fields_by_name
        if "added" in fields:
            message.added = b"of a later version"
            if not message.more:
                message.more.add(epoch=1, sequence=2)
        for field, value in message.ListFields():
            if field.message_type is None or field.name == "more":
                continue
            for one in value if field.label == field.LABEL_REPEATED else [value]:
                self.add(one)

    def newest(self):
        return super().pack(b"and a payload of its own", newest=self.Newest(what=bytes(500)))


@pytest.fixture(scope="module")
def older():
    return wire_messages.Schema(older_text())


@pytest.fixture(scope="module")
def newer():
    return Newer()


@pytest.fixture
def relay(start):
    return start({"publisher": {"grace": "20s"}})


def test_the_changed_schemas_are_others(older, newer):
    assert not older.has("Hello", "tracks") and older.has("Hello", "epoch")
    assert "IN_USE" not in older.Bye.Reason.keys() and "ENDED" in older.Bye.Reason.keys()
    data = newer.pack(pause=newer.Pause())
    assert len(data) > 20
    name, _, payload = wire_messages.today().unpack(newer.newest())
    assert name is None and payload == b"and a payload of its own"


@pytest.mark.parametrize("publishing", ["older", "today", "newer"])
@pytest.mark.parametrize("watching", ["older", "today", "newer"])
def test_peers_of_all_versions_work_together(relay, wire_clip, request, publishing, watching):
    schemas = {"today": wire_messages.today(), **{
        name: request.getfixturevalue(name) for name in ("older", "newer")}}
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST,
                            schema=schemas[watching]) as player:
        with wire_media.live(relay.http_port, wire_clip, chunks=75,
                             schema=schemas[publishing]) as (camera, filming):
            # Both resume too.
            player.wait_chunks(20)
            camera.cut()
            camera.wait(lambda: camera.connections == 2, "another connection")
            player.wait_chunks(40)
            player.cut()
            player.wait_chunks(75)
            camera.finish()
            camera.wait_end()
        player.check_once(0, 75)
        assert [one.payload for one in player.chunks] == [
            payload for _, payload in filming.added.values()]
        assert player.wait_end().reason == "ENDED"


def test_messages_of_a_later_version_are_passed_over(relay, newer, wire_clip):
    """Before, between and behind the others, with the bytes behind them."""
    with chatty(wire_client.Player, relay, newer) as player:
        with chatty(wire_client.Camera, relay, newer) as camera:
            with wire_media.Filming(camera, wire_clip, chunks=50, speed=4):
                player.wait_chunks(50)
                camera.finish()
                assert camera.wait_end() is None
        player.check_once(0, 50)
        assert player.wait_end().reason == "ENDED"
        assert player.connections == camera.connections == 1


def chatty(kind, relay, schema):
    """A peer that says something unknown before every tenth message."""
    class Chatty(kind):
        def on_connected(self, link):
            self.say(link)
            super().on_connected(link)

        def on_message(self, link, name, message, payload):
            super().on_message(link, name, message, payload)
            if next(schema.count) % 10 == 0:
                self.say(link)

        def say(self, link):
            link.send_message(schema.newest())

    start = {"start": OLDEST} if kind is wire_client.Player else {}
    return Chatty(relay.http_port, STREAM, schema=schema, **start)


def test_values_of_a_later_version_mean_unspecified(relay, newer, wire_clip):
    """A way to be slow, and reasons for a gap and an end, that the relay has never heard of."""
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST, schema=newer,
                            slow="NEWER") as player:
        with wire_client.Camera(relay.http_port, STREAM, schema=newer) as camera:
            camera.set_tracks(wire_clip.wire_tracks(newer))
            content = wire_clip.endless(newer)
            for samples, payload, sync, _ in itertools.islice(content, 25):
                camera.add(samples, payload, sync=sync)
            camera.wait_acknowledged()
            camera.lose(5, reason=newer.Gap.NEWER)
            for samples, payload, sync, _ in itertools.islice(content, 25):
                camera.add(samples, payload, sync=sync)
            player.wait_position(54)
        (gap,) = player.gaps
        assert gap.start[1] == 25 and gap.end[1] == 30
