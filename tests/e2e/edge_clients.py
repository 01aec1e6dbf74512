"""Real clients of an edge: curl over HTTP/2 and TLS, fed and read piece by piece."""

import subprocess
import threading
import time

import client
import mpegts
import tools


class CurlViewer:
    """`curl --http2` that watches; what came and when. Ends with its `with` block."""

    def __init__(self, edge, target, *arguments):
        self.head = edge.folder / f"head-{id(self)}"
        self.started = time.monotonic()
        self.tool = tools.Tool("curl", "-sS", "-N", "--http2", "--cacert", edge.certificate,
                               "-D", self.head, *arguments, edge.url(target))
        self.body = bytearray()
        self.times = []  # (when, bytes until then)
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tool.process.kill()
        self.thread.join(10)
        self.tool.__exit__()

    def read(self):
        while data := self.tool.process.stdout.read1(1 << 16):
            with self.changed:
                self.body += data
                self.times.append((time.monotonic(), len(self.body)))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, condition, what, timeout=client.TIMEOUT):
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.ended, timeout)
            assert condition(), f"no {what}: {len(self.body)} bytes, ended {self.ended}, " \
                                f"{self.head.read_text() if self.head.exists() else 'no head'}"
        return self

    def wait_bytes(self, number, timeout=client.TIMEOUT):
        return self.wait(lambda: len(self.body) >= number, f"{number} bytes", timeout)

    def wait_end(self, timeout=client.TIMEOUT):
        """Until the response is over; curl's exit code: 0 if it ended as HTTP says."""
        self.wait(lambda: self.ended, "end", timeout)
        return self.tool.process.wait(timeout)

    def first_after(self, moment):
        """Seconds from the moment until something more came; None if nothing did."""
        return next((at - moment for at, _ in self.times if at >= moment), None)

    @property
    def status_line(self):
        lines = self.head.read_text().splitlines()
        return [line for line in lines if line.startswith("HTTP/")][-1]


class CurlPublisher:
    """`curl --http2 -T -`: what the test sends is its body."""

    def __init__(self, edge, target, *arguments):
        self.tool = tools.Tool("curl", "-sS", "--http2", "--cacert", edge.certificate, "-T", "-",
                               "-w", "\n%{http_code} %{http_version}", *arguments,
                               edge.url(target), stdin=subprocess.PIPE)
        self.stdin = self.tool.process.stdin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stdin.close()
        self.tool.process.stdin = None  # communicate() would flush it
        self.tool.__exit__()

    def send(self, data):
        self.stdin.write(data)
        self.stdin.flush()

    def finish(self, timeout=client.TIMEOUT):
        """The end of the body; the answer's last line: status and version of HTTP."""
        self.stdin.close()
        self.tool.process.wait(timeout)
        return self.tool.process.stdout.read().decode().splitlines()[-1]


def frames(clip):
    """The clip in pieces that end with a video frame."""
    starts = [offset for offset, _ in mpegts.units(clip.data, mpegts.video_pid(clip.data))]
    cuts = [0, *starts[1:], len(clip.data)]
    return [clip.data[begin:end] for begin, end in zip(cuts, cuts[1:])]


class Asking:
    """A new viewer of one stream after the other, again and again, in a thread: what each got."""

    def __init__(self, edge, targets, *, pause=0.03):
        self.port, self.targets, self.pause = edge.http_port, targets, pause
        self.answers = []  # (when asked, target, status or error, seconds until the first bytes)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(client.TIMEOUT)

    def run(self):
        number = 0
        while not self.stopping.wait(self.pause):
            target = self.targets[number % len(self.targets)]
            began, number = time.monotonic(), number + 1
            try:
                with client.Connection(self.port) as connection:
                    connection.send_head("GET", target)
                    answer = connection.read_head().status
                    if answer == 200 and not connection.reader.read(188):
                        answer = "no first byte"
            except (OSError, AssertionError) as error:
                answer = repr(error)
            self.answers.append((began, target, answer, time.monotonic() - began))

    def failed(self):
        return [one for one in self.answers if one[2] != 200]

    def wait_ok_since(self, moment, targets, timeout):
        """Until each of the targets was asked for since then, and answered 200."""
        def done():
            good = {one[1] for one in self.answers if one[0] >= moment and one[2] == 200}
            return good >= set(targets)
        client.until(done, timeout, f"200 for {targets}, got {self.answers[-5:]}")
