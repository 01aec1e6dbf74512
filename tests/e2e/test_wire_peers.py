"""Other people's WebSockets speak the wire too: the npm package `ws`, and Chromium."""

import json
import os
import pathlib
import selectors
import urllib.parse

import pytest

import client
import tools
import webdriver
import wire_client
import wire_media
import wire_messages

BRIDGE = pathlib.Path(__file__).with_name("peers") / "ws_bridge.js"
MODULES = "/usr/share/nodejs"  # where Debian has them
STREAM = "/live/cam"
OLDEST = {"at_utc_us": 0}
EPOCH = 0xABCDEF0123456789


class WebSocketOfNode:
    """The bridge, line by line."""

    def __init__(self, relay, protocol="spancast.v1"):
        path = os.pathsep.join([MODULES, os.environ.get("NODE_PATH", "")])
        self.tool = tools.Tool("node", BRIDGE, f"ws://127.0.0.1:{relay.http_port}{STREAM}",
                               protocol, stdin=tools.subprocess.PIPE,
                               environment={"NODE_PATH": path})
        self.lines = []
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.tool.__exit__(*arguments)

    def say(self, command, argument):
        argument = argument.hex() if isinstance(argument, bytes) else argument
        self.tool.process.stdin.write(f"{command} {argument}\n".encode())
        self.tool.process.stdin.flush()

    def hear(self, event):
        """The argument of the next line, which has to be of that event."""
        out = self.tool.process.stdout
        while b"\n" not in self.data:
            with selectors.DefaultSelector() as selector:
                selector.register(out, selectors.EVENT_READ)
                assert selector.select(client.TIMEOUT), f"no {event}"
            part = os.read(out.fileno(), 1 << 20)
            assert part, f"no {event}: {self.tool.process.communicate()[1]}"
            self.data += part
        line, self.data = self.data.split(b"\n", 1)
        name, argument = line.decode().split(" ", 1)
        assert name == event, f"{line} instead of {event}"
        return argument

    def message(self):
        return wire_messages.today().unpack(bytes.fromhex(self.hear("message")))


def hello_of(wire, clip):
    return wire.Hello(epoch=EPOCH, tracks=wire.Tracks(version=1, tracks=clip.wire_tracks(wire)))


def chunk_messages(wire, clip, count):
    """Messages with chunks, ready to be sent."""
    found = []
    for number, (samples, payload, sync, _) in zip(range(count), clip.endless(wire)):
        found.append(wire.pack(payload, chunk=wire.Chunk(
            epoch=EPOCH, sequence=number, sync=sync, samples=samples, tracks_version=1,
            utc_us=1_700_000_000_000_000 + number * 40_000,
            checksum=wire_messages.crc32c(payload))))
    return found


@pytest.fixture
def relay(start):
    return start({"publisher": {"grace": "20s"}})


def test_ws_watches(relay, wire_clip):
    wire = wire_messages.today()
    with WebSocketOfNode(relay) as node:
        assert json.loads(node.hear("open")) == ["spancast.v1", ""]  # no extension
        node.say("send", wire.pack(play=wire.Play(at_utc_us=0, flush_ms=0)))
        relay.wait_waiting(1)
        with wire_media.live(relay.http_port, wire_clip, chunks=50) as (camera, filming):
            name, playing, _ = node.message()
            assert name == "playing" and playing.start.epoch == camera.epoch
            for number in range(50):
                name, chunk, payload = node.message()
                assert (name, chunk.sequence) == ("chunk", number)
                assert payload == filming.added[number][1]
            node.say("ping", b"there?")
            assert node.hear("pong") == b"there?".hex()
            node.say("close", "1000")
            assert node.hear("close").split() == ["1000"]
    relay.wait_log("viewer ended ")


def test_ws_publishes_in_fragments_with_pings_between(relay, wire_clip):
    wire = wire_messages.today()
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST) as player, \
            WebSocketOfNode(relay) as node:
        relay.wait_waiting(1)
        node.hear("open")
        node.say("fragments", wire.pack(hello=hello_of(wire, wire_clip)))
        assert node.hear("pong") == b"between".hex()
        assert node.message()[0] == "welcome"
        for number, message in enumerate(chunk_messages(wire, wire_clip, 50)):
            node.say("fragments" if number % 10 == 0 else "send", message)
        player.wait_chunks(50)
        player.check_once(0, 50)
        node.say("send", wire.pack(bye=wire.Bye(reason=wire.Bye.ENDED)))
        assert player.wait_end().reason == "ENDED"


def test_ws_is_told_why_it_is_not_welcome(relay):
    with WebSocketOfNode(relay, protocol="mqtt") as node:
        assert node.hear("status") == "400"
    wire = wire_messages.today()
    with WebSocketOfNode(relay) as node:
        node.hear("open")
        node.say("send", wire.pack(pause=wire.Pause()))
        name, bye, _ = node.message()
        assert name == "bye" and bye.reason == wire.Bye.BAD_MESSAGE
        assert node.hear("close").split() == ["1008"]


@pytest.fixture
def page(relay, tmp_path, pages):
    """A page of Chromium with a WebSocket to the stream."""
    with webdriver.Browser(tmp_path) as browser:
        source = f"ws://127.0.0.1:{relay.http_port}{STREAM}"
        browser.open(f"{pages}/wire.html?source={urllib.parse.quote(source, safe='')}")
        yield Page(browser)


class Page:
    def __init__(self, browser):
        self.browser = browser
        self.wait(lambda state: state["open"], "opening")

    def state(self):
        return self.browser.run("return window.state()")

    def wait(self, condition, what):
        def reached():
            state = self.state()
            return state if condition(state) else None
        return client.until(reached, what=what)

    def say(self, data):
        self.browser.run(f"window.say('{data.hex()}')")

    def messages(self, count):
        state = self.wait(lambda state: len(state["messages"]) >= count, f"{count} messages")
        return [wire_messages.today().unpack(bytes.fromhex(one)) for one in state["messages"]]


needs_chromium = pytest.mark.skipif(webdriver.version() is None, reason="there is no chromedriver")


@needs_chromium
def test_chromium_watches(relay, page, wire_clip):
    wire = wire_messages.today()
    state = page.state()
    assert (state["protocol"], state["extensions"]) == ("spancast.v1", "")
    page.say(wire.pack(play=wire.Play(at_utc_us=0)))
    relay.wait_waiting(1)
    with wire_media.live(relay.http_port, wire_clip, chunks=50) as (camera, filming):
        got = page.messages(51)
        assert [name for name, _, _ in got] == ["playing", *["chunk"] * 50]
        for number, (_, chunk, payload) in enumerate(got[1:]):
            assert chunk.sequence == number and payload == filming.added[number][1]
        camera.finish()
        state = page.wait(lambda state: state["closed"], "end")
        assert state["closed"] == [1000, "", True]
        name, bye, _ = wire.unpack(bytes.fromhex(state["messages"][-1]))
        assert name == "bye" and bye.reason == wire.Bye.ENDED


@needs_chromium
def test_chromium_publishes(relay, page, wire_clip):
    wire = wire_messages.today()
    with wire_client.Player(relay.http_port, STREAM, start=OLDEST) as player:
        relay.wait_waiting(1)
        page.say(wire.pack(hello=hello_of(wire, wire_clip)))
        assert page.messages(1)[0][0] == "welcome"
        for message in chunk_messages(wire, wire_clip, 30):
            page.say(message)
        player.wait_chunks(30)
        player.check_once(0, 30)
        client.until(lambda: page.messages(2)[-1][1].received.sequence == 30, what="the last Ack")
        page.browser.run("window.leave(1000)")
        assert page.wait(lambda state: state["closed"], "end")["closed"] == [1000, "", True]
    relay.wait_log("publisher ended ")
