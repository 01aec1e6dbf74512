"""spancast-camera and spancast-player on lines and relays that fail: not a frame is lost.

Issue 5's lengths with --long, brief ones without.
"""

import signal

import cutting_proxy
import programs
import tools
import wire_client
from cutting_proxy import DOWN, DROP_DOWN, DROP_UP, FIN, HALF_OPEN, RST, STALL, UP


def is_long(request):
    return request.config.getoption("--long")


def test_a_bad_line_loses_nothing(start, request):
    relay = start(programs.CONFIG)
    # The first three kinds once in the short form.
    cuts, size = (20, 120_000) if is_long(request) else (3, 40_000)
    up = cutting_proxy.plan(11, cuts, bytes_between=size, directions=(UP,),
                            kinds=[HALF_OPEN, RST, STALL, FIN, DROP_UP])
    down = cutting_proxy.plan(12, cuts, bytes_between=size, directions=(DOWN,),
                              kinds=[DROP_DOWN, FIN, RST, HALF_OPEN, STALL])
    with cutting_proxy.Proxy(relay.http_port, up) as near_camera, \
            cutting_proxy.Proxy(relay.http_port, down) as near_player, \
            programs.camera(near_camera.port, "--keep", "10s") as camera, \
            programs.player(near_player.port) as player:
        near_camera.wait_done(cuts, 240)
        near_player.wait_done(cuts, 240)
        report = programs.finish(camera, player)
    programs.check_every_frame(report)
    assert report["reconnects"] >= cuts / 2
    print(f"wire: {report['frames_decoded']} frames over {report['reconnects']} reconnects of the "
          f"player and {near_camera.accepted} connections of the camera")


def test_a_relay_that_is_killed_loses_nothing(start, request):
    kills = 10 if is_long(request) else 2
    relays = [start(programs.CONFIG)]
    with cutting_proxy.Proxy(relays[0].http_port) as proxy, \
            programs.camera(proxy.port, "--keep", "10s") as camera, \
            programs.player(proxy.port) as player:
        for times in range(kills):
            player.wait_frames(player.last.get("frames_decoded", 0) + 30)
            relays[-1].expected_exit = -signal.SIGKILL
            relays[-1].signal(signal.SIGKILL)
            relays[-1].wait_exit()
            relays.append(start(programs.CONFIG))
            proxy.target = relays[-1].http_port
            player.wait(lambda report, times=times: report["reconnects"] > times, "new connection")
        report = programs.finish(camera, player)
    programs.check_every_frame(report)
    assert report["reconnects"] >= kills


def test_a_camera_whose_line_is_dead_takes_its_own_place(start):
    """The relay has not noticed yet that the first connection is dead."""
    relay = start({**programs.CONFIG, "publisher": {"grace": "60s", "idle": "60s"}})
    with cutting_proxy.Proxy(relay.http_port) as proxy, programs.camera(proxy.port) as camera, \
            programs.player(relay.http_port) as player:
        player.wait_frames(30)
        proxy.happen(cutting_proxy.HALF_OPEN)
        relay.wait_log("publisher ended .*reason=replaced", timeout=60)
        report = programs.finish(camera, player)
    programs.check_every_frame(report)
    assert report["reconnects"] == 0


def test_a_player_is_told_where_the_stream_went(start):
    """A drain: both go to whichever relay answers."""
    old, new = start(programs.CONFIG), start(programs.CONFIG)
    with cutting_proxy.Proxy(old.http_port) as proxy, programs.camera(proxy.port) as camera, \
            programs.player(proxy.port) as player:
        player.wait_frames(30)
        proxy.target = new.http_port
        old.signal(signal.SIGTERM)
        new.wait_stream("live/cam", lambda stream: stream["live"])
        report = programs.finish(camera, player)
    programs.check_every_frame(report)


def test_an_outage_longer_than_the_keep_is_in_the_spill(start, request, tmp_path):
    """No relay for so long that memory would have lost most of it."""
    chunks = 900 if is_long(request) else 200
    relay = start({**programs.CONFIG, "publisher": {"grace": "120s", "idle": "2s"},
                   "stream": {"tail": "120s"}})
    snow = "gst:videotestsrc is-live=true pattern=snow ! " \
           "capsfilter caps=video/x-raw,width=640,height=360,framerate=30/1"
    with cutting_proxy.Proxy(relay.http_port) as proxy, \
            programs.camera(proxy.port, "--bitrate", "8M", "--keep", "1s,1MiB", "--spill",
                            tmp_path, source=snow, small=False) as camera, \
            wire_client.Player(relay.http_port, "/live/cam", keep_payload=False) as watcher:
        watcher.wait_chunks(30, 60)
        proxy.refuse()
        proxy.happen(cutting_proxy.RST)
        begun = camera.last.get("chunks", 0)
        spilled = camera.wait(lambda report: report["chunks"] >= begun + chunks,
                              f"{chunks} chunks without a relay", timeout=chunks / 10 + 60)
        assert spilled["spilled"] > 0 and spilled["lost"] == 0, spilled
        proxy.refuse(False)
        watcher.wait_chunks(spilled["chunks"] + 30, 120)
        camera.interrupt()
        camera.end()
        watcher.wait_end()
        watcher.check_once(watcher.chunks[0].sequence, watcher.chunks[-1].sequence + 1)
    assert camera.last["lost"] == 0
    assert list(tmp_path.glob("spancast-spill*")) == []  # it has no name
    print(f"spill: {spilled['spilled']} chunks were in the file, none is lost")


def test_a_spill_on_a_full_disk_loses_the_oldest_only(start, tmp_path):
    kib = 2048
    relay = start({**programs.CONFIG, "publisher": {"grace": "120s", "idle": "2s"},
                   "stream": {"tail": "120s"}})
    snow = "gst:videotestsrc is-live=true pattern=snow ! " \
           "capsfilter caps=video/x-raw,width=640,height=360,framerate=30/1"
    with cutting_proxy.Proxy(relay.http_port) as proxy, \
            programs.camera(proxy.port, "--bitrate", "8M", "--gop", "15", "--keep", "1s,1MiB",
                            "--spill", tmp_path, source=snow, small=False,
                            within=tools.on_small_disk(tmp_path, kib)) as camera, \
            wire_client.Player(relay.http_port, "/live/cam", keep_payload=False) as watcher:
        watcher.wait_chunks(30, 60)
        proxy.refuse()
        proxy.happen(cutting_proxy.RST)
        said = camera.wait_error("--spill: the file cannot be written: (.*)")[1]
        full = camera.wait(lambda report: report["lost"] > 0, "lost chunks", timeout=120)
        # It goes on, and the file goes round.
        later = camera.wait(lambda report: report["chunks"] >= full["chunks"] + 150,
                            "more chunks", timeout=120)
        assert later["frames"] > full["frames"] and later["lost"] > full["lost"]
        assert later["spilled"] > full["spilled"] / 2, (full, later)
        proxy.refuse(False)
        watcher.wait_gaps(1, 120)
        watcher.wait_chunks(len(watcher.chunks) + 30, 120)
        camera.interrupt()
        camera.end()
        watcher.wait_end()
    numbers = [one.sequence for one in watcher.chunks]
    assert len(watcher.gaps) == 1 and numbers == sorted(set(numbers))
    gap = watcher.gaps[0]
    missing = gap.end[1] - gap.start[1]
    # What had arrived and was not acknowledged yet when the line was cut is taken for lost as well;
    # what is kept of a group without its beginning is not, and is of no use.
    assert -15 < camera.last["lost"] - missing <= 30, (gap, camera.last)
    assert gap.reason == "LOST"
    assert numbers[-1] - numbers[0] + 1 == len(numbers) + missing
    assert "No space left" in said or "File too large" in said
    assert sum("--spill" in line for line in camera.errors) == 1, camera.errors
    print(f"spill: {said}; {missing} of {camera.last['chunks']} chunks are lost, "
          f"{later['spilled']} were in {kib} KiB")
