"""spancast-camera and spancast-player as processes: what they print, and how they end."""

import json
import re
import signal
import threading

import client
import relay as relay_module
import tools

FOLDER = relay_module.BINARY.parent
# A tail that no player of these tests falls out of.
CONFIG = {"publisher": {"grace": "20s", "idle": "2s"}, "stream": {"tail": "30s"},
          "log": {"level": "info"}}
SMALL = ("--size", "640x360", "--fps", "30", "--bitrate", "800k", "--gop", "30")


class Program:
    """One of them with `--stats json`: an object per second, and a last one."""

    def __init__(self, name, *arguments, environment=None, within=()):
        path = FOLDER / name
        assert path.exists(), f"there is no {path}; build it (SPANCAST_CLIENTS)"
        self.tool = tools.Tool(*within, path, *arguments, "--stats", "json",
                               environment={**relay_module.clean_environment(),
                                            **(environment or {})})
        self.process = self.tool.process
        self.reports = []
        self.errors = []
        self.start_reading()

    def start_reading(self):
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self.read, self.read_errors)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(10)
        self.process.stdout.close()
        self.process.stderr.close()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.reports.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def read_errors(self):
        for line in self.process.stderr:
            with self.changed:
                self.errors.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()

    @property
    def last(self):
        return self.reports[-1] if self.reports else {}

    def wait(self, condition, what, timeout=60):
        """Until a report fulfils the condition; it."""
        with self.changed:
            self.changed.wait_for(lambda: (self.reports and condition(self.last))
                                  or self.process.poll() is not None, timeout)
            assert self.reports and condition(self.last), (
                f"no {what} of {self.tool.name}: {self.last}\n" + "\n".join(self.errors[-20:]))
            return self.last

    def find_error(self, pattern):
        return next((found for line in self.errors if (found := re.search(pattern, line))), None)

    def wait_error(self, pattern, timeout=60):
        """The first line on stderr that matches."""
        with self.changed:
            self.changed.wait_for(lambda: self.find_error(pattern)
                                  or self.process.poll() is not None, timeout)
            found = self.find_error(pattern)
        assert found, f"{self.tool.name} did not say {pattern}\n" + "\n".join(self.errors[-20:])
        return found

    def wait_frames(self, count, timeout=60):
        return self.wait(lambda report: report["frames_decoded"] >= count, f"{count} frames",
                         timeout)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self, code=0, timeout=client.TIMEOUT):
        """Waits for its end; its last report."""
        got = self.process.wait(timeout)
        for thread in self.threads:
            thread.join(10)
        assert got == code, f"{self.tool.name} ended with {got}\n" + "\n".join(self.errors[-20:])
        return self.last


def camera(port, *arguments, source="test", path="/live/cam", small=True, environment=None,
           within=()):
    """`within`: a command that runs it."""
    return Program("spancast-camera", source, f"spancast://127.0.0.1:{port}{path}",
                   *(SMALL if small else ()), *arguments, environment=environment,
                   within=within)


def player(port, *arguments, path="/live/cam"):
    return Program("spancast-player", "--headless", f"spancast://127.0.0.1:{port}{path}",
                   *arguments)


def check_every_frame(report):
    """Every frame number once, in order, from the first that was seen to the last."""
    numbers = report["frame_numbers"]
    assert (numbers["missing"], numbers["repeated"], numbers["out_of_order"]) == (0, 0, 0), report
    assert numbers["last"] - numbers["first"] + 1 == report["frames_decoded"], report
    assert report["gaps"] == report["checksum_errors"] == 0, report


def finish(camera, player):
    """Both have come through it: frames arrive again, then the camera ends, then the player."""
    player.wait_frames(player.last.get("frames_decoded", 0) + 30)
    camera.interrupt()  # says that the stream is over once everything is acknowledged
    camera.end()
    return player.end()
