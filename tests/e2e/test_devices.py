"""What spancast-camera finds: the screen, devices and encoders of its machine, ONVIF cameras."""

import os
import random
import socket
import subprocess
import threading

import onvif_device
import programs
import tools

SOURCE = 5  # exit code: the source cannot be opened, or failed


class Screen:
    """An X server without a monitor, with a display number of its own."""

    def __init__(self):
        self.tool = tools.Tool("Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24",
                               "-nolisten", "tcp")
        self.number = int(self.tool.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.tool.__exit__(*arguments)

    @property
    def environment(self):
        return {"DISPLAY": f":{self.number}"}


def test_the_screen_is_a_camera(start):
    relay = start(programs.CONFIG)
    with Screen() as screen:
        with programs.camera(relay.http_port, "--fps", "15", source="screen", small=False,
                             environment=screen.environment) as camera, \
                programs.player(relay.http_port) as player:
            player.wait_frames(30)
            assert relay.streams()["live/cam"]["tracks"][0]["width"] == 320
            camera.interrupt()
            camera.end(timeout=60)
            player.end()
        listing = list_all(**screen.environment)
    assert f"screen            the X display :{screen.number}" in listing


def list_all(**environment):
    variables = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    out = subprocess.run([programs.FOLDER / "spancast-camera", "--list"], check=True, timeout=120,
                         capture_output=True, text=True, env={**variables, **environment}).stdout
    print(out)
    return out


def test_the_list_says_what_works_and_what_was_not_tried():
    listing = list_all()
    assert "Devices:" in listing and "  screen            untested: DISPLAY is not set" in listing
    # What this machine may not have is said to be untested, and breaks nothing.
    assert "  v4l2:" in listing and "vah264enc" in listing
    assert "x264enc           h264, works" in listing
    assert "avenc_aac         aac" in listing
    for line in listing.splitlines():
        is_encoder = "enc  " in line
        assert not is_encoder or "untested" not in line or "Debian package" in line, line


def test_a_screen_or_device_that_is_not_there_is_named(start):
    relay = start(programs.CONFIG)
    for source, sentence in (("screen", "DISPLAY is not set"),
                             ("v4l2:/dev/video99", "cannot open /dev/video99: No such file")):
        with programs.camera(relay.http_port, source=source, small=False,
                             environment={"DISPLAY": ""}) as camera:
            camera.end(SOURCE, timeout=60)
        assert sentence in "\n".join(camera.errors)


SECRET = "corr3ct-h0rse"


def discover(**environment):
    done = subprocess.run([programs.FOLDER / "spancast-camera", "--discover"], check=True,
                          timeout=120, capture_output=True, text=True,
                          env={**os.environ, **environment})
    print(done.stdout)
    assert done.stderr == ""
    return done.stdout


def devices_in(text):
    """The first line of each device, and the lines of its streams."""
    found = []
    for line in text.splitlines():
        if line.startswith("onvif://"):
            found.append((line, []))
        elif line.startswith("  "):
            found[-1][1].append(line.strip())
    return dict(found)


def test_the_cameras_of_the_network_are_listed_once_with_their_streams():
    with onvif_device.Device("rtsp://127.0.0.1:8554/door", "admin", SECRET) as door, \
            onvif_device.Device(f"rtsp://admin:{SECRET}@127.0.0.1:8554/yard", "admin",
                                SECRET) as yard, \
            onvif_device.Device("rtsp://127.0.0.1:8554/other", "admin", "another") as other:
        answers = [
            onvif_device.make_answer(door.match("Front%20Door", "urn:uuid:1")),
            onvif_device.make_answer(yard.match("Yard", "urn:uuid:2"),
                                     other.match("Other", "urn:uuid:3")),
            # By another address of the same device, and the same again.
            onvif_device.make_answer(onvif_device.make_match("http://127.0.0.2/x", "Door",
                                                             "urn:uuid:1")),
            onvif_device.make_answer(door.match("Front%20Door", "")),
        ]
        with onvif_device.Network(answers) as network:
            text = discover(SPANCAST_CAMERA_USER="admin", SPANCAST_CAMERA_PASSWORD=SECRET)
            without = discover()
        assert len(set(network.probes)) == 2 and len(network.probes) >= 4  # twice, each of one id
        ports = door.port, yard.port, other.port
    assert b"NetworkVideoTransmitter" in network.probes[0]
    names = [f"onvif://127.0.0.1:{port}  {name}"
             for port, name in zip(ports, ("Front Door", "Yard", "Other"))]
    found = devices_in(text)
    assert [line for line in text.splitlines() if line.startswith("onvif://127.0.0")] == names
    sub = "sub  rtsp://127.0.0.1:1/none"
    assert found[names[0]] == ["main  rtsp://127.0.0.1:8554/door", sub]
    assert found[names[1]] == ["main  rtsp://***@127.0.0.1:8554/yard", sub]
    assert len(found[names[2]]) == 1 and "check both" in found[names[2]][0]
    assert SECRET not in text
    assert all("SPANCAST_CAMERA_PASSWORD" in devices_in(without)[name][0] for name in names)


class Trickle:
    """Takes connections and sends a byte now and then, for ever."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listener.close()

    def run(self):
        try:
            one, _ = self.listener.accept()
            one.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not self.ended.wait(0.05):
                one.sendall(b"<")
        except OSError:
            pass


def test_what_is_no_camera_does_not_disturb_the_list():
    noise = random.Random(1)
    with onvif_device.Device("rtsp://127.0.0.1:8554/\x1b[2Jdoor", "", "") as door, \
            Trickle() as trickle:
        door.is_allowed = lambda _: True
        long_name = "x%1B%5B2J\x1b]0;owned\x07" + "y" * 30_000
        whole = onvif_device.make_answer(door.match("Door", "urn:uuid:1"))
        answers = [
            b"", b"<", b"<d:ProbeMatch>" * 1000, noise.randbytes(9000),
            *(whole[:noise.randrange(len(whole) - 60)] for _ in range(20)),
            onvif_device.make_answer(onvif_device.make_match("http://name.invalid/x", "Name")),
            onvif_device.make_answer(onvif_device.make_match("file:///etc/passwd https://[::1]")),
            onvif_device.make_answer(onvif_device.make_match("http://127.0.0.1:0/")),
            onvif_device.make_answer(onvif_device.make_match(
                f"http://127.0.0.1:{trickle.port}/x", long_name, "urn:uuid:2")),
            whole, noise.randbytes(65_000),
        ]
        with onvif_device.Network(answers):
            text = discover()
        port = door.port
    assert all(letter.isprintable() or letter == "\n" for letter in text), text
    found = {line: streams for line, streams in devices_in(text).items() if "127.0.0.1:" in line}
    assert len(found) == 2, text
    (slow_line, slow), (door_line, streams) = found.items()
    assert slow_line.startswith(f"onvif://127.0.0.1:{trickle.port}  x?[2J") and len(slow_line) < 200
    assert "is no ONVIF camera" in slow[0] or "no ONVIF answer" in slow[0], slow
    assert door_line == f"onvif://127.0.0.1:{port}  Door"
    assert streams[0] == "main  rtsp://127.0.0.1:8554/?[2Jdoor"
    assert "name.invalid" not in text and "passwd" not in text


def test_a_network_of_too_many_cameras_is_cut_short():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with onvif_device.Device("rtsp://127.0.0.1:8554/door", "", "") as door:
        door.is_allowed = lambda _: True
        flood = [onvif_device.make_answer(*(
            onvif_device.make_match(f"http://127.0.0.1:{port}/{number}-{index}", "Nobody")
            for index in range(100))) for number in range(30)]
        answers = [onvif_device.make_answer(door.match("Door", "urn:uuid:1")), *flood]
        with onvif_device.Network(answers):
            text = discover()
        assert f"onvif://127.0.0.1:{door.port}  Door\n  main  rtsp://127.0.0.1:8554/door" in text
    assert text.count("onvif://") == 64 and "are left out" in text
