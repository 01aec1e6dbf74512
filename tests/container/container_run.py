"""A container of an image, as it should be run: read-only, without privileges, on the loopback."""

import collections
import json
import re
import socket
import subprocess
import time
import uuid

import client

CONFIG = "/etc/spancast/spancast.yaml"  # in the images
# crun refuses where both versions of cgroups are mounted; runc and cgroupfs work everywhere.
PODMAN = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs"]


class Skip(Exception):
    """Why a test cannot be run here."""


def podman(*command, check=True, timeout=120):
    done = subprocess.run([*PODMAN, *map(str, command)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, check=False)
    assert not check or done.returncode == 0, f"podman {' '.join(map(str, command))}: {done.stderr}"
    return done


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Container:
    """One that runs; `arguments` of podman, then the image, then `command`."""

    def __init__(self, image, *arguments, command=(), environment=None, expects_exit=0):
        self.name = f"spancast-test-{uuid.uuid4().hex[:12]}"
        self.expected_exit = expects_exit
        variables = [f"--env={key}={value}" for key, value in (environment or {}).items()]
        # The machine's own limits may be lower than podman's defaults, and cannot be raised.
        podman("run", "--detach", "--name", self.name, "--read-only", "--read-only-tmpfs=false",
               "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host",
               "--ulimit=nofile=10000:10000", "--ulimit=nproc=4096:4096", "--log-driver=k8s-file",
               *variables, *arguments, image, *command)

    def inspect(self):
        return json.loads(podman("inspect", self.name).stdout)[0]

    @property
    def pid(self):
        return self.inspect()["State"]["Pid"]

    def is_running(self):
        return self.inspect()["State"]["Running"]

    def execute(self, *command):
        return podman("exec", self.name, *command, check=False)

    def log(self):
        done = podman("logs", self.name, check=False)
        return (done.stdout + done.stderr).splitlines()

    def events(self):
        """The lines of the log; each has to be a JSON object."""
        return [json.loads(line) for line in self.log()]

    def signal(self, name):
        podman("kill", "--signal", name, self.name)

    def wait_exit(self, timeout=30):
        """The exit code, and the seconds it took."""
        started = time.monotonic()
        code = int(podman("wait", self.name, timeout=timeout).stdout)
        return code, time.monotonic() - started

    def remove(self):
        podman("rm", "--force", "--time", "0", self.name, check=False)


class RelayContainer(Container):
    """The relay, on the loopback; on free ports, or at that of one that was there before."""

    def __init__(self, image, *arguments, environment=None, http_port=None, **others):
        self.http_port, self.admin_port = http_port or free_port(), free_port()
        super().__init__(image, *arguments, environment={
            "SPANCAST_HTTP_ADDRESS": "127.0.0.1", "SPANCAST_HTTP_PORT": self.http_port,
            "SPANCAST_ADMIN_PORT": self.admin_port, **(environment or {})}, **others)
        try:
            client.until(self.is_listening, what="a relay that listens")
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.log())) from error

    def is_listening(self):
        assert self.is_running(), "\n".join(self.log())
        return any(re.search(r'"listening"', line) for line in self.log())

    def get(self, target):
        return client.request(self.http_port, "GET", target)

    def admin(self, target):
        return client.request(self.admin_port, "GET", target)

    def state(self):
        """The records on its volume."""
        done = self.execute("spancast", "state", "dump", "--config", CONFIG)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["records"]

    def usage(self):
        """Stream → bytes that came in."""
        sums = collections.Counter()
        for row in self.admin("/api/v1/usage").json().get("usage", []):
            sums[row["stream"]] += int(row.get("bytes_in", 0))
        return sums

    def streams(self):
        return {one["path"]: one for one in self.get("/api/v1/streams").json().get("streams", [])}


class Context:
    """What the tests share; `end()` removes what a test has started, and shows it if it failed."""

    def __init__(self, folder, images, over_base, media):
        self.folder, self.images, self.over_base, self.media = folder, images, over_base, media
        self.containers, self.volumes = [], []

    def relay(self, *arguments, target="relay", **others):
        one = RelayContainer(self.images[target], *arguments, **others)
        self.containers.append(one)
        return one

    def run(self, *arguments, target, **others):
        one = Container(self.images[target], *arguments, **others)
        self.containers.append(one)
        return one

    def volume(self):
        name = f"spancast-test-{uuid.uuid4().hex[:12]}"
        podman("volume", "create", name)
        self.volumes.append(name)
        return name

    def end(self):
        for one in self.containers:
            one.remove()
        for name in self.volumes:
            podman("volume", "rm", "--force", name, check=False)
        self.containers, self.volumes = [], []
