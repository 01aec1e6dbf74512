"""One relay process: started with a configuration, watched through its log, ended at the end."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import client

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(
    os.environ.get("SPANCAST_BIN", ROOT / "build/release/bin/spancast")).absolute()
LISTENING = re.compile(r"listening http=(\S+):(\d+) admin=(\S+):(\d+)")
SANITIZER = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:")

# Free ports, so that tests never meet each other, streams that end soon after their publisher, and
# no waiting at the end.
DEFAULTS = {"http": {"port": 0}, "admin": {"port": 0}, "workers": 1,
            "publisher": {"grace": "300ms", "idle": "500ms"},
            "drain": {"spread": "0s"}, "log": {"level": "debug"}}


def is_address_sanitized():
    return b"__asan_init" in BINARY.read_bytes()


def is_thread_sanitized():
    """About ten times slower than it should be."""
    return b"__tsan_init" in BINARY.read_bytes()


def is_sanitized():
    return is_address_sanitized() or is_thread_sanitized()


def merged(base, extra):
    result = dict(base)
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def clean_environment():
    """Ours, without the variables that would configure the relay."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPANCAST_")}


def run_once(*arguments, timeout=30, environment=None, binary=BINARY):
    """Runs the binary to its end."""
    return subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env={**clean_environment(), **(environment or {})},
                          stdin=subprocess.DEVNULL, check=False)


def write_config(folder, config):
    path = pathlib.Path(folder) / "spancast.yaml"
    path.write_text(json.dumps(config, indent=2))  # JSON is YAML
    return path


class Relay:
    """`within`: a command that runs it, as the same process."""

    def __init__(self, folder, config, environment=None, within=(), binary=BINARY):
        self.config = merged(DEFAULTS, config)
        self.log, self.expected_exit = [], 0
        self.changed = threading.Condition()
        self.clients = []
        self.process = subprocess.Popen(
            [*map(str, within), str(binary), "--config", str(write_config(folder, self.config))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**clean_environment(), **(environment or {})}, start_new_session=True)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        try:
            found = self.wait_log(LISTENING)
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        self.http_port, self.admin_port = int(found[2]), int(found[4])

    def read_log(self):
        for line in self.process.stderr:
            with self.changed:
                self.log.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.log.append("-- end of the log")
            self.changed.notify_all()

    def find_log(self, pattern, start=0):
        for line in self.log[start:]:
            if found := re.search(pattern, line):
                return found
        return None

    def wait_log(self, pattern, start=0, timeout=client.TIMEOUT):
        """Waits for a line that matches, from line number `start` on."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.find_log(pattern, start) or not self.running(), timeout)
            found = self.find_log(pattern, start)
        assert found, f"no line {pattern} in the relay's log:\n" + "\n".join(self.log)
        return found

    def running(self):
        return not (self.log and self.log[-1] == "-- end of the log")

    # What the relay says of itself.

    def get(self, target, **arguments):
        return client.request(self.http_port, "GET", target, **arguments)

    def admin(self, target, **arguments):
        return client.request(self.admin_port, "GET", target, **arguments)

    def streams(self):
        """Path → what the API says of the stream."""
        answer = self.get("/api/v1/streams").json()
        return {stream["path"]: stream for stream in answer.get("streams", [])}

    def wait_stream(self, path, condition=lambda stream: True, timeout=client.TIMEOUT):
        def found():
            stream = self.streams().get(path)
            return stream if stream and condition(stream) else None
        return client.until(found, timeout, f"stream {path}: {condition.__name__}")

    def metric(self, name, **labels):
        """The sum of the samples with that name and these labels."""
        total = 0.0
        for line in self.admin("/metrics").body.decode().splitlines():
            found = re.fullmatch(r"([A-Za-z_:]\w*)(?:\{(.*)\})? (\S+)", line)
            if not found or found[1] != name:
                continue
            have = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if all(have.get(key) == value for key, value in labels.items()):
                total += float(found[3])
        return total

    def wait_waiting(self, count):
        """Until so many viewers wait for a stream: what is published now, they see from its start."""
        client.until(lambda: self.metric("spancast_viewers_waiting") == count,
                     what=f"{count} viewers that wait")

    # Clients that end with the relay's fixture.

    def watch(self, target, **arguments):
        viewer = client.Viewer(self.http_port, target, **arguments)
        self.clients.append(viewer)
        return viewer

    def publish(self, target, clip, **arguments):
        publisher = client.LivePublisher(self.http_port, target, clip, **arguments)
        self.clients.append(publisher)
        return publisher

    def connect(self, **arguments):
        connection = client.Connection(self.http_port, **arguments)
        self.clients.append(connection)
        return connection

    def url(self, target):
        return f"http://127.0.0.1:{self.http_port}{target}"

    # The end.

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=20):
        """The exit code, and the seconds it took."""
        started = time.monotonic()
        code = self.process.wait(timeout)
        self.reader.join(10)
        return code, time.monotonic() - started

    def stop(self):
        """Ends clients and relay; fails if the relay did not end well."""
        for one in self.clients:
            one.close()
        try:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
            code, _ = self.wait_exit()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        reports = [line for line in self.log if SANITIZER.search(line)]
        assert not reports, f"a sanitizer reports: {reports[0]}"
        assert code == self.expected_exit, f"the relay ended with {code}"
