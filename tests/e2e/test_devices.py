"""What spancast-camera finds on the machine it runs on: the screen, devices, encoders."""

import os
import subprocess

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
    assert "Devices:" in listing and "screen " not in listing
    assert "x264enc           h264, works" in listing
    assert "avenc_aac         aac" in listing
    for line in listing.splitlines():
        assert "not tried" not in line or "Debian package" in line, line


def test_a_screen_or_device_that_is_not_there_is_named(start):
    relay = start(programs.CONFIG)
    for source, sentence in (("screen", "DISPLAY is not set"),
                             ("v4l2:/dev/video99", "cannot open /dev/video99: No such file")):
        with programs.camera(relay.http_port, source=source, small=False,
                             environment={"DISPLAY": ""}) as camera:
            camera.end(SOURCE, timeout=60)
        assert sentence in "\n".join(camera.errors)
