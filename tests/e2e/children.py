"""Child processes of a relay: who they are, and that nothing is left of them."""

import os
import pathlib
import re

import client

PICTURE = ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-f", "lavfi", "-i",
           "testsrc2=size=320x180:rate=25", "-c:v", "libx264", "-preset", "ultrafast", "-tune",
           "zerolatency", "-g", "25"]
FORMS = {"ts": ["-f", "mpegts"],
         "mp4": ["-f", "mp4", "-movflags", "frag_every_frame+empty_moov+default_base_moof"]}


def picture(container="ts"):
    """ffmpeg's test picture, encoded for ever, on standard output."""
    return [*PICTURE, *FORMS[container], "pipe:1"]


def shell(script, *arguments):
    return ["sh", "-c", script, "sh", *map(str, arguments)]


def of(pid):
    """The children of a process, those that have ended and are not reaped included."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except FileNotFoundError:  # the thread has ended
            pass
    return found


def state(pid):
    """One letter, or nothing: there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[0]


def wait_gone(pids, what="the end of children"):
    """Whoever was reparented is a zombie until its new parent looks; it runs no more."""
    client.until(lambda: all(state(pid) in ("", "Z", "X") for pid in pids), what=what)


def descriptors(pid):
    """What the relay's descriptors are, sockets and pipes without their numbers."""
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(re.sub(r":\[\d+\]", "", os.readlink(entry)))
        except FileNotFoundError:
            pass
    return sorted(found)


# What libuv keeps open in each loop from its first stream or child on.
KEPT_BY_LIBUV = ["/dev/null", "pipe", "pipe"]


class Watch:
    """Sees a relay before its children, and that in the end it is as it was."""

    def __init__(self, relay):
        self.relay, self.before = relay, descriptors(relay.process.pid)

    def pids(self):
        return of(self.relay.process.pid)

    def wait_none(self):
        """No child, no zombie."""
        client.until(lambda: not self.pids(), what="no child of the relay")

    def check_clean(self):
        """No child and no descriptor more than before the first one."""
        self.wait_none()
        before = self.before + KEPT_BY_LIBUV * self.relay.config["workers"]

        def grown():
            now = descriptors(self.relay.process.pid)
            return [name for name in set(now) if now.count(name) > before.count(name)]
        client.until(lambda: not grown(), what="as many descriptors as before", timeout=10)
