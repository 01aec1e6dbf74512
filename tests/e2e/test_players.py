"""Unmodified players watch a stream from its first picture to its end."""

import contextlib
import pathlib
import re
import tempfile

import pytest

import client
import tools

ESTABLISHED = "01"
DEMUXERS = {"ts": "tsdemux", "mp4": "qtdemux"}


def connections(port):
    """How many connections clients have to that port of this machine."""
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            count += fields[1].endswith(f":{port:04X}") and fields[3] == ESTABLISHED
    return count


@pytest.fixture(params=["ts", "mp4"])
def container(request):
    return request.param


@pytest.fixture
def target(relay, container):
    return relay.url(f"/live/cam.{container}?wait=30")


@pytest.fixture
def play(relay, media, container):
    """play(command, …) starts players on a stream to come, publishes it, and waits for them all.

    Returns what each wrote to stdout and stderr.
    """

    def run_players(*commands, environment=None):
        with contextlib.ExitStack() as stack:
            players = [stack.enter_context(tools.Tool(*command, environment=environment))
                       for command in commands]
            # They must be there before the stream, so that all of it is to be seen.
            client.until(lambda: connections(relay.http_port) == len(players), what="the players")
            with tools.ffmpeg_publish(media.in_container("plain", container).path,
                                      relay.url(f"/live/cam.{container}")) as ffmpeg:
                ffmpeg.result()
            return [player.result() for player in players]

    return run_players


def frames_of(media):
    return 25 * media.plain.seconds


def test_ffmpeg_watches(media, play, target):
    (out, messages), = play(["ffmpeg", "-v", "warning", "-nostdin", "-i", target,
                             "-f", "null", "-progress", "-", "-"])
    assert messages == ""
    assert int(re.findall(rb"frame=(\d+)", out)[-1]) == frames_of(media)


def test_ffplay_watches(play, target):
    (_, messages), = play(
        ["ffplay", "-v", "warning", "-autoexit", "-nodisp", "-t", "3", target],
        environment={"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"})
    assert messages == ""


def test_mpv_watches(media, play, target, tmp_path):
    """Once at the stream's pace, and once with every picture in a file, so that we can count."""
    results = play(["mpv", "--no-config", "--vo=null", "--ao=null", target],
                   ["mpv", "--no-config", "--vo=image", "--vo-image-format=jpg", "--ao=null",
                    "--untimed", f"--vo-image-outdir={tmp_path}", target])
    for out, _ in results:
        assert b"Exiting... (End of file)" in out
    assert len(list(tmp_path.glob("*.jpg"))) == frames_of(media)


def test_vlc_watches(media, play, target):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o777)  # VLC runs as nobody
        play([*tools.as_nobody(), "cvlc", "--play-and-exit", "--vout", "dummy", "--aout", "dummy",
              "--video-filter=scene", "--scene-format=png", "--scene-ratio=25",
              f"--scene-path={folder}", target], environment={"HOME": folder})
        # One picture of every second that VLC has shown; it may drop late ones at the start.
        assert len(list(pathlib.Path(folder).glob("*.png"))) >= media.plain.seconds - 2


def test_gstreamer_watches(play, target, container):
    decode = "demux. ! queue ! {} ! {} ! fakesink silent=false sync=false"
    (out, _), = play([*f"gst-launch-1.0 -v souphttpsrc location={target} is-live=true"
                      f" ! {DEMUXERS[container]} name=demux".split(),
                      *decode.format("h264parse", "avdec_h264").split(),
                      *decode.format("aacparse", "avdec_aac").split()])
    assert b"Got EOS" in out
    assert out.count(b"last-message = chain") >= 100
