"""spancast-player as a process: what it decodes and saves, what it says, how it ends."""

import json
import os
import subprocess

import pytest

import compare
import relay as relay_module
import tools

PLAYER = relay_module.BINARY.parent / "spancast-player"
FIELDS = ["frames_decoded", "chunks", "first_sequence", "last_sequence", "gaps", "repeats",
          "checksum_errors", "reconnects", "latency_ms", "startup_ms"]


def play(*arguments):
    assert PLAYER.exists(), f"there is no {PLAYER}; build it (SPANCAST_CLIENTS)"
    return tools.Tool(PLAYER, "--headless", "--stats", "json", *arguments)


def reports(tool, timeout=60):
    """What it printed, once it has ended well."""
    out, _ = tool.result(timeout)
    return [json.loads(line) for line in out.splitlines()]


def run(*arguments):
    """Without a display, wherever the tests run."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run([PLAYER, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, check=False, env=environment)


@pytest.mark.parametrize("name", ["plain", "reordered", "hevc"])
@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_what_is_saved_is_what_was_published(relay, media, tmp_path, name, container):
    clip = getattr(media, name)
    film = tmp_path / "film.mp4"
    url = f"http://127.0.0.1:{relay.http_port}/live/cam.{container}?wait=30&slow=catch_up"
    with play("--save", film, url) as player:
        relay.wait_waiting(1)
        relay.publish("/live/cam.ts", clip, speed=4).wait()
        last = reports(player)[-1]
    assert list(last) == FIELDS
    assert last["frames_decoded"] == 25 * clip.seconds
    assert last["first_sequence"] is None and last["latency_ms"]["p50"] is None
    assert last["startup_ms"] > 0
    published, saved = compare.read(clip.path), compare.read(film)
    assert compare.difference(published, saved, exact=False) == ""


def test_audio_alone_counts_its_frames(relay, media):
    url = f"http://127.0.0.1:{relay.http_port}/live/cam.ts?wait=30&slow=catch_up"
    with play(url) as player:
        relay.wait_waiting(1)
        relay.publish("/live/cam.ts", media.audio, speed=4).wait()
        assert reports(player)[-1]["frames_decoded"] >= 48_000 * media.audio.seconds / 1024 - 3


def test_it_ends_after_exactly_so_many_frames(relay, media):
    url = f"http://127.0.0.1:{relay.http_port}/live/cam.mp4?wait=30"
    with play("--frames", "30", url) as player:
        relay.wait_waiting(1)
        relay.publish("/live/cam.ts", media.plain)
        assert reports(player)[-1]["frames_decoded"] == 30


def test_it_ends_after_so_much_time_and_prints_every_second(relay):
    url = f"http://127.0.0.1:{relay.http_port}/live/cam.ts?wait=30"
    with play("--seconds", "2.5", url) as player:
        assert [one["frames_decoded"] for one in reports(player)] == [0, 0, 0]


@pytest.mark.parametrize("arguments, code, says", [
    (["{url}"], 1, "add --headless"),
    (["--headless", "rtmp://127.0.0.1/live/cam"], 2, "spancast:// and http:// are"),
    (["--headless", "{url}"], 4, "answered 404 Not Found: "),
    (["--headless", "--retry", "1", "http://127.0.0.1:1/live/cam.ts"], 3, "trying again in"),
    (["--headless", "--retry", "1", "spancast://127.0.0.1:1/live/cam"], 3,
     "127.0.0.1:1 refused the connection"),
    (["--headless", "--save", "/nonexistent/film.mp4", "{url}"], 6,
     "cannot write /nonexistent/film.mp4: No such file or directory"),
], ids=["window", "scheme", "refused", "http-unreachable", "unreachable", "file"])
def test_it_says_why_it_ends(relay, arguments, code, says):
    url = f"http://127.0.0.1:{relay.http_port}/live/cam.ts"
    ended = run(*(argument.format(url=url) for argument in arguments))
    assert (ended.returncode, ended.stdout) == (code, "")
    assert says in ended.stderr


def test_help_names_every_option_and_exit_code(relay):
    shown = run("--help").stdout
    for word in ("--headless", "--stats", "--frames", "--seconds", "--save", "--at", "--slow",
                 "--retry", "Exit codes:", *FIELDS[-2:]):
        assert word in shown


def test_what_is_published_over_http_is_watched_and_saved_over_the_wire(relay, media, tmp_path):
    """Its chunks are those of the packets: some have no frame."""
    film = tmp_path / "film.mp4"
    with play("--save", film, f"spancast://127.0.0.1:{relay.http_port}/live/cam") as player:
        relay.publish("/live/cam.ts", media.plain).wait()
        last = reports(player)[-1]
    assert list(last) == FIELDS
    # From the newest keyframe on, when it came; none is missing then.
    frames = last["frames_decoded"]
    assert 25 < frames <= 25 * media.plain.seconds
    assert last["gaps"] == 0 and last["latency_ms"]["p50"] is not None
    assert last["chunks"] == last["last_sequence"] - last["first_sequence"] + 1 >= frames
    published, saved = compare.read(media.plain.path), compare.read(film)
    assert ([frame.digest for frame in saved.video]
            == [frame.digest for frame in published.video][-frames:])
