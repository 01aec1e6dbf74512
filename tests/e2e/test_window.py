"""spancast-player's window on a screen without a monitor: what it shows, and what keys do.

Pictures of it are kept where SPANCAST_SCREENSHOTS says, to be looked at.
"""

import contextlib
import math
import os
import pathlib
import signal
import socket
import statistics
import struct

import pytest

import client
import programs
import screen as screen_module
import sound_card
import tools

FPS = 25
CAMERA = ("--size", "640x360", "--fps", str(FPS), "--bitrate", "800k", "--gop", str(FPS))
LARGE_CAMERA = ("--size", "1280x720", *CAMERA[2:])
SMALL_CAMERA = ("--size", "320x180", "--fps", "15", "--bitrate", "300k", "--gop", "15")
TINY_CAMERA = ("--size", "160x90", "--fps", "5", "--bitrate", "100k", "--gop", "5")
WIDTH, HEIGHT = screen_module.WIDTH, screen_module.HEIGHT
LATENCY_MS = 200  # of --latency, if nothing else is said
RATE, CHANNELS = 48_000, 2
FLASHES = 8  # of which half are at most so far from their tones
NOTICE = (WIDTH // 2 - 250, HEIGHT // 2 - 12, 500, 24)  # on a dark ground in the middle
STATISTICS = (430, HEIGHT - 130, 200, 110)  # a part of where they stand that is dark without them


@pytest.fixture
def screen():
    with screen_module.Screen() as one:
        yield one


@pytest.fixture
def photograph(screen, tmp_path):
    folder = pathlib.Path(os.environ.get("SPANCAST_SCREENSHOTS", tmp_path))

    def take(name):
        return screen.photograph(folder / f"{name}.png")

    return take


class Shown(programs.Program):
    """spancast-player with a window."""

    def __init__(self, screen, *arguments, **environment):
        self.tool = tools.Tool(programs.FOLDER / "spancast-player", *arguments,
                               environment=screen.environment(**environment))
        self.process = self.tool.process
        self.reports, self.errors = [], []
        self.start_reading()


def url(relay, path="/live/cam"):
    return f"spancast://127.0.0.1:{relay.http_port}{path}"


@contextlib.contextmanager
def playing(screen, relay, *arguments, camera=CAMERA, **environment):
    """A camera, and a window that shows it live."""
    with programs.camera(relay.http_port, *camera, small=False):
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        with Shown(screen, *arguments, url(relay), **environment) as player:
            screen.wait_title(r"^live/cam: live \d+\.\d s$", player)
            yield player
            screen.press("q")
            player.end()


def next_chunk(relay):
    return int(relay.streams()["live/cam"]["tail"]["next_sequence"])


def wait_number(screen, condition=lambda number: True, what="a number", **where):
    """The frame number on the screen, once it fulfils the condition."""
    seen = [None]

    def found():
        seen[0] = screen.look().number(**where)
        return seen[0] is not None and condition(seen[0])

    client.until(found, 60, f"{what} on the screen (the last is {seen[0]})")
    return seen[0]


def test_it_plays_pauses_and_goes_on(start, screen, photograph):
    relay = start(programs.CONFIG)
    with playing(screen, relay) as player:
        first = wait_number(screen)
        wait_number(screen, lambda number: number > first + FPS, "later frames")
        photograph("playing")
        screen.press("space")
        screen.wait_title(r"^live/cam: paused$", player)
        paused = wait_number(screen)
        photograph("paused")
        # While more than a second of the stream passes at the relay, the picture stays.
        then = next_chunk(relay)
        client.until(lambda: next_chunk(relay) > then + 2 * FPS, what="two seconds of stream")
        assert wait_number(screen) == paused
        screen.press("space")
        wait_number(screen, lambda number: number > paused, "frames after the pause")
        screen.wait_title(r"^live/cam: -\d+ s$", player)  # it goes on where it stopped
        screen.press("l")
        screen.wait_title(r"^live/cam: live \d+\.\d s$", player)
        wait_number(screen, lambda number: number > paused + 2 * FPS, "live frames")


def test_arrows_go_ten_seconds_back_and_on(start, screen):
    relay = start(programs.CONFIG)
    with playing(screen, relay) as player:
        wait_number(screen, lambda number: number > 13 * FPS, "13 s of frames")
        screen.press("space")
        screen.wait_title("paused", player)
        paused = wait_number(screen)
        screen.press("Left")
        back = wait_number(screen, lambda number: number < paused - 2 * FPS, "frames before")
        assert back >= paused - 10 * FPS - FPS, "not more than ten seconds"
        screen.wait_title(r"^live/cam: -\d+ s$", player)
        wait_number(screen, lambda number: number > back, "frames that go on")
        screen.press("Right")
        wait_number(screen, lambda number: number > paused - 3 * FPS, "frames ten seconds on")
        for _ in range(6):  # as far as there is something, either way
            screen.press("Left")
        wait_number(screen, lambda number: number < 2 * FPS, "the first frames")
        for _ in range(9):
            screen.press("Right")
        screen.wait_title("live ", player)


def test_statistics_are_shown_over_the_picture(start, screen, photograph):
    relay = start(programs.CONFIG)
    with playing(screen, relay):
        wait_number(screen)
        without = screen.look().share_of_white(*STATISTICS)
        screen.press("s")
        client.until(lambda: screen.look().share_of_white(*STATISTICS) > without + 0.01,
                     what="text on the picture")
        assert 5 < screen.look().mean(*STATISTICS) < 128, "text on dark"
        photograph("statistics")
        screen.press("s")
        client.until(lambda: screen.look().share_of_white(*STATISTICS) < without + 0.01,
                     what="no text on the picture")


@pytest.mark.alone
def test_the_picture_in_the_readme(start, tmp_path):
    """As people see it, with the frame of a window manager: client/player/window.png."""
    relay = start(programs.CONFIG)
    folder = pathlib.Path(os.environ.get("SPANCAST_SCREENSHOTS", tmp_path))
    with screen_module.Screen(1344, 800) as screen, screen.managed(tmp_path, frames=True), \
            sound_card.SoundCard(tmp_path) as card, \
            playing(screen, relay, camera=LARGE_CAMERA, **card.environment()) as player:
        without = screen.look().share_of_white(60, 680, 400, 40)
        screen.press("s")
        client.until(lambda: screen.look().share_of_white(60, 680, 400, 40) < without / 2,
                     what="statistics")
        then = next_chunk(relay)  # a few pictures at the beginning are late
        client.until(lambda: next_chunk(relay) > then + 5 * FPS, what="five seconds of stream")
        screen.wait_title(r"^live/cam: live 0\.\d s$", player)
        screen.photograph(folder / "window.png")
        assert screen.look().share_of_white(60, 54, 160, 20) > 0.01, "a title"


def test_over_http_too(start, screen, photograph):
    relay = start(programs.CONFIG)
    with programs.camera(relay.http_port, *CAMERA, small=False):
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        with Shown(screen, f"http://127.0.0.1:{relay.http_port}/live/cam.ts") as player:
            screen.wait_title(r"^live/cam.ts: live \d+\.\d s$", player)
            screen.press("space")
            screen.wait_title("paused", player)
            paused = wait_number(screen)
            screen.press("l")
            screen.wait_title(r"^live/cam.ts: live \d+\.\d s$", player)
            wait_number(screen, lambda number: number > paused + FPS, "live frames")
            before = screen.look().mean(*NOTICE)
            screen.press("Left")  # says why there is no way back
            client.until(lambda: screen.look().mean(*NOTICE) < 0.75 * before, what="a sentence")
            photograph("no way back")
            screen.press("q")
            player.end()


def test_full_screen_and_back(start, tmp_path):
    relay = start(programs.CONFIG)
    wide, high = WIDTH * 5 // 4, HEIGHT * 5 // 4
    with screen_module.Screen(wide, high) as screen, screen.managed(tmp_path), \
            playing(screen, relay):
        left, top, *size = screen.place()
        assert size == [WIDTH, HEIGHT]
        first = wait_number(screen, left=left, top=top)
        screen.press("f")
        full = wait_number(screen, lambda number: number > first, "a number of a larger picture",
                           width=wide, scale=2.5)
        assert screen.place() == (0, 0, wide, high)
        screen.press("f")
        wait_number(screen, lambda number: number > full, "a number where it was", left=left,
                    top=top)
        assert screen.place() == (left, top, WIDTH, HEIGHT)


def test_the_last_picture_stays_while_the_relay_is_away(start, screen, photograph):
    first = start(programs.CONFIG)
    with playing(screen, first) as player:
        wait_number(screen, lambda number: number > FPS, "frames")
        first.expected_exit = -signal.SIGKILL
        first.signal(signal.SIGKILL)
        first.wait_exit()
        screen.wait_title(r"^live/cam: reconnecting in [1-9] s$", player)
        last = wait_number(screen)
        photograph("reconnecting")
        second = start({**programs.CONFIG, "http": {"port": first.http_port}})
        screen.wait_title(r"^live/cam: (live \d+\.\d|-\d+) s$", player)
        wait_number(screen, lambda number: number > last + FPS, "frames from the second relay")
        assert second.streams()["live/cam"]["live"]
        assert any("refused the connection (nothing listens there" in line
                   for line in player.errors), player.errors


def loudness(path):
    """Of the last half second that the sound device got; nothing before there is so much."""
    count = RATE * CHANNELS // 2
    end = path.stat().st_size // 4 * 4 if path.exists() else 0
    if end < 4 * count:
        return None
    with path.open("rb") as file:
        file.seek(end - 4 * count)
        values = struct.unpack(f"<{count}f", file.read(4 * count))
    return math.sqrt(sum(value * value for value in values) / count)


def test_the_tone_is_heard_until_it_is_muted(start, screen, tmp_path):
    relay = start(programs.CONFIG)
    heard = tmp_path / "heard.raw"
    with playing(screen, relay, SDL_AUDIODRIVER="disk", SDL_DISKAUDIOFILE=str(heard)) as player:
        client.until(lambda: (loudness(heard) or 0) > 0.01, what="sound")
        screen.press("m")
        screen.wait_title("muted$", player)
        client.until(lambda: loudness(heard) == 0, what="silence")
        screen.press("m")
        client.until(lambda: (loudness(heard) or 0) > 0.01, what="sound again")


def test_a_hardware_decoder_that_fails_leaves_the_window_to_software(start, screen, tmp_path):
    relay = start(programs.CONFIG)
    environment = {"GST_PLUGIN_PATH": str(programs.FOLDER / "faults"),
                   "GST_REGISTRY": str(tmp_path / "registry")}
    with playing(screen, relay, **environment) as player:
        window = screen.window()
        player.wait_error(r"decoding h264 by vah264dec, .*\(hardware: untested; software if it fails")
        player.wait_error("the track of h264 cannot be decoded by vah264dec: Failed after")
        player.wait_error("decoding goes on in software, at the next sync frame")
        player.wait_error("decoding h264 by avdec_h264, ")
        last = wait_number(screen)
        wait_number(screen, lambda number: number > last + 2 * FPS, "frames from software")
        screen.wait_title(r"^live/cam: live \d+\.\d s$", player)
        assert screen.window() == window


def test_far_behind_it_drops_to_the_newest_sync_frame(start, screen):
    """A player that stood still for five seconds, with pictures that take time to be decoded."""
    relay = start(programs.CONFIG)
    with playing(screen, relay, "--stats", "json", camera=LARGE_CAMERA) as player:
        last = wait_number(screen, scale=1)
        player.process.send_signal(signal.SIGSTOP)
        then = next_chunk(relay)
        client.until(lambda: next_chunk(relay) > then + 5 * FPS, what="five seconds of stream")
        player.process.send_signal(signal.SIGCONT)
        # More than --latency and a second is what it drops above.
        player.wait(lambda report: report["shown"]["drops"] > 0
                    and (report["shown"]["latency_ms"] or 9999) < LATENCY_MS + 1000, "drop")
        screen.wait_title(r"^live/cam: live [01]\.\d s$", player)
        wait_number(screen, lambda number: number > last + 5 * FPS, "live frames", scale=1)


def plugins_without(folder, *names):
    """An environment in which GStreamer has all of its plugins but these."""
    folder.mkdir()
    for plugin in pathlib.Path("/usr/lib").glob("*/gstreamer-1.0/libgst*.so"):
        if plugin.stem.removeprefix("libgst") not in names:
            (folder / plugin.name).symlink_to(plugin)
    return {"GST_PLUGIN_SYSTEM_PATH_1_0": str(folder), "GST_REGISTRY": str(folder / "registry")}


def test_a_codec_without_a_decoder_names_the_package(start, screen, photograph, tmp_path):
    """The picture cannot be decoded, the sound can; then neither."""
    relay = start(programs.CONFIG)
    no_h264 = plugins_without(tmp_path / "sound", "libav", "openh264")
    sentence = ("the track of h264 is left out: GStreamer has no decoder for it; "
                "install gstreamer1.0-libav")
    with playing(screen, relay, **no_h264) as player:
        player.wait_error(sentence)
        client.until(lambda: screen.look().share_of_white(WIDTH // 4, HEIGHT // 2 - 40, WIDTH // 2,
                                                          80) > 0.01, what="the sentence")
        photograph("no decoder")
        nothing = plugins_without(tmp_path / "nothing", "libav", "openh264", "faad")
        with Shown(screen, url(relay), **nothing) as other:
            other.end(5)
        for said in (sentence, sentence.replace("h264", "aac"), "has no track that can be decoded"):
            assert any(said in line for line in other.errors), other.errors


def pairs(flashes, beeps):
    """How much later than each flash its tone was heard, in seconds."""
    near = [min(beeps, key=lambda beep, flash=flash: abs(beep - flash)) - flash
            for flash in flashes if beeps]
    return [apart for apart in near if abs(apart) < 0.5]


def test_sound_is_heard_when_its_picture_is_seen(start, screen, media, tmp_path):
    """A flash and a tone of the same instant, by the clocks of a screen and of a sound card."""
    relay = start(programs.CONFIG)
    with contextlib.ExitStack() as stack:
        stack.enter_context(programs.camera(relay.http_port, "--loop", small=False,
                                            source=f"file:{media.flashing.path}"))
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        card = stack.enter_context(sound_card.SoundCard(tmp_path))
        seen = stack.enter_context(screen_module.Flashes(screen, WIDTH // 2, HEIGHT // 4))
        player = stack.enter_context(
            Shown(screen, "--stats", "json", url(relay), **card.environment()))
        bound = 1 / FPS + sound_card.PERIOD
        measured = told = None

        # While the machine is short of time pictures are late; sooner or later it is not.
        def together():
            nonlocal measured, told
            apart = pairs(seen.white[-FLASHES:], card.loud)
            told = (player.last.get("shown") or {}).get("sync_ms")
            if len(apart) < FLASHES or told is None:
                return False
            measured = statistics.median(apart) * 1e3
            return max(abs(measured), abs(told), abs(measured - told)) < bound * 1e3

        client.until(together, 120, "pictures and sound of the same time")
        print(f"sound after its picture: {measured:.1f} ms measured, {told:.1f} ms told")
        screen.press("q")
        player.end()


def test_a_wall_of_streams_that_do_not_disturb_each_other(start, screen, photograph):
    relay = start(programs.CONFIG)
    names = ["/live/one", "/live/two", "/live/three"]
    with contextlib.ExitStack() as stack:
        cameras = [stack.enter_context(programs.camera(relay.http_port, *SMALL_CAMERA, path=name,
                                                       small=False)) for name in names]
        for name in names:
            relay.wait_stream(name[1:], lambda stream: stream["live"])
        addresses = [url(relay, name) for name in [*names, "/live/nobody"]]
        player = stack.enter_context(Shown(screen, "--wall", *addresses))
        screen.wait_title(r"^4 streams; live/one: live \d+\.\d s$", player)
        tiles = [(0, 0), (WIDTH // 2, 0), (0, HEIGHT // 2)]
        for left, top in tiles:
            wait_number(screen, left=left, top=top, width=WIDTH // 2)
        photograph("wall")
        screen.press("Tab")
        screen.wait_title(r"^4 streams; live/two: live \d+\.\d s$", player)
        screen.click(WIDTH * 3 // 4, HEIGHT * 3 // 4)
        screen.wait_title(r"^4 streams; live/nobody: waiting for camera$", player)
        # One that ends keeps its last picture, and the others go on.
        cameras[0].interrupt()
        cameras[0].end()
        client.until(lambda: any("live/one: the relay says ended" in line
                                 for line in player.errors), what="an end of live/one")
        left, top = tiles[1]
        before = wait_number(screen, left=left, top=top, width=WIDTH // 2)
        wait_number(screen, lambda number: number > before + 15, "later frames of live/two",
                    left=left, top=top, width=WIDTH // 2)
        screen.press("q")
        player.end()


def test_a_wall_of_sixteen(start, screen, photograph):
    relay = start(programs.CONFIG)
    names = [f"/live/{number}" for number in range(4)]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(programs.camera(relay.http_port, *TINY_CAMERA, path=name,
                                                small=False))
            relay.wait_stream(name[1:], lambda stream: stream["live"])
        player = stack.enter_context(
            Shown(screen, "--wall", *[url(relay, name) for name in names * 4]))
        screen.wait_title(r"^16 streams; live/0: live \d+\.\d s$", player)
        tiles = [{"left": WIDTH // 4 * (at % 4), "top": HEIGHT // 4 * (at // 4),
                  "width": WIDTH // 4} for at in range(16)]
        first = [wait_number(screen, **tile) for tile in tiles]
        for tile, then in zip(tiles, first):
            wait_number(screen, lambda number, then=then: number > then, "a later frame", **tile)
        screen.press("Tab")
        screen.press("s")
        screen.wait_title(r"^16 streams; live/1: live \d+\.\d s$", player)
        photograph("wall of 16")
        screen.press("q")
        player.end()


def test_the_title_says_that_it_connects(screen):
    """To somebody who takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"spancast://127.0.0.1:{silent.getsockname()[1]}/live/cam"
        with Shown(screen, address) as player:
            screen.wait_title(r"^live/cam: connecting$", player)
            screen.press("q")
            player.end()


@pytest.mark.parametrize("address, says", [
    ("spancast://127.0.0.1:1/live/cam", "refused the connection (nothing listens there"),
    ("spancast://no-such-host.invalid/live/cam", "check how the name is spelled"),
    ("http://127.0.0.1:1/live/cam.ts", "nothing listens there: start the relay"),
])
def test_errors_say_what_to_do(screen, address, says):
    with Shown(screen, "--retry", "0", address) as player:
        player.end(3)
    assert any(says in line for line in player.errors), player.errors


def test_a_stream_that_nobody_publishes_is_said(start, screen, photograph):
    relay = start({**programs.CONFIG, "publisher": {"grace": "300ms"}})
    with Shown(screen, url(relay, "/live/nobody")) as player:
        screen.wait_title(r"^live/nobody: (waiting for camera|reconnecting in)", player)
        player.wait_error("nobody publishes it: start its camera, or check its name")
        screen.wait_title(r"^live/nobody: reconnecting in [1-9] s$", player)
        client.until(lambda: screen.look().share_of_white(WIDTH // 4, HEIGHT // 2 - 40, WIDTH // 2,
                                                          80) > 0.01, what="the sentence")
        photograph("nobody")
        screen.press("q")
        player.end()
    with Shown(screen, f"http://127.0.0.1:{relay.http_port}/live/nobody.ts") as player:
        player.end(4)
        assert any("nobody publishes it: start its camera" in line for line in player.errors)
