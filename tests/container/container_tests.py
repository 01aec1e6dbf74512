"""What the images promise; deploy/test-container runs these, in order."""

import json
import pathlib
import time

import client
import container_rollout
from container_run import CONFIG, podman

MEGABYTES_MAX = 60  # of the relay, over its base


def config_of(context, target):
    return json.loads(podman("image", "inspect", context.images[target]).stdout)[0]


# The image.

def test_the_image_says_how_it_is_run(context):
    found = config_of(context, "relay")
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert list(config["Volumes"]) == ["/var/lib/spancast"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "8081/tcp"}
    health = found.get("HealthCheck") or found.get("Healthcheck") or config.get("Healthcheck")
    assert health["Test"][:3] == ["CMD", "spancast", "healthcheck"], found
    labels = found["Labels"]
    for name in ("title", "description", "licenses", "version", "revision"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert labels["org.opencontainers.image.revision"] != "unknown"


def test_the_image_is_small(context):
    megabytes = context.over_base["relay"] / 1e6
    print(f"relay: {megabytes:.1f} MB over its base")
    assert megabytes < MEGABYTES_MAX
    packages = podman("run", "--rm", "--network=none", "--entrypoint=dpkg-query",
                      "--ulimit=nofile=10000:10000", "--ulimit=nproc=4096:4096",
                      context.images["relay"], "-W", "-f", "${Package}\n").stdout.split()
    unwanted = [name for name in packages if "gstreamer" in name or name.endswith("-dev")
                or name in ("gcc", "g++", "cmake", "ffmpeg", "python3")]
    assert not unwanted, unwanted


# The process.

def test_it_has_no_privileges_and_writes_nowhere_else(context):
    relay = context.relay()
    status = pathlib.Path(f"/proc/{relay.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["10001"] * 4 and fields["Gid"].split() == ["10001"] * 4
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    for place in ("/", "/tmp", "/etc/spancast", "/usr/local/bin"):
        assert relay.execute("touch", f"{place}/x").returncode != 0, f"{place} can be written"
    assert relay.execute("touch", "/var/lib/spancast/x").returncode == 0


def test_the_log_is_json_and_the_settings_are_those_of_the_image(context):
    relay = context.relay(environment={"SPANCAST_STREAM_TAIL": "7s"})
    events = relay.events()
    assert events and not [one for one in events if one.get("level") in ("warning", "error")], events
    shown = relay.execute("spancast", "--config", CONFIG, "--print-config").stdout
    for wanted in ("  delay: 3s", "  format: json", "  tail: 7s", "10.0.0.0/8",
                   "path: /var/lib/spancast/state"):
        assert wanted in shown.replace('"', ""), f"{wanted} is not in\n{shown}"


def test_it_is_healthy_until_it_hangs(context):
    relay = context.relay()
    client.until(lambda: podman("healthcheck", "run", relay.name, check=False).returncode == 0, 20,
                 "a good health check")
    relay.signal("STOP")
    try:
        assert podman("healthcheck", "run", relay.name, check=False).returncode != 0
    finally:
        relay.signal("CONT")
    client.until(lambda: podman("healthcheck", "run", relay.name, check=False).returncode == 0, 20,
                 "a good health check again")


# Streams.

def publish(relay, clip, target="/live/cam.ts"):
    answer = client.request(relay.http_port, "PUT", target, body=clip.data)
    assert answer.status == 200, answer.body


def test_what_is_published_is_watched(context):
    relay = context.relay()
    viewer = client.Viewer(relay.http_port, "/live/cam.ts?wait=20")
    client.until(lambda: "spancast_viewers_waiting 1" in relay.admin("/metrics").body.decode(),
                 what="a viewer that waits")
    publish(relay, context.media.plain)
    viewer.wait_bytes(len(context.media.plain.watched_from_start))
    viewer.close()
    assert bytes(viewer.body) == context.media.plain.watched_from_start


def test_a_stop_drains(context):
    """As `docker stop` does it: /readyz first, then the viewers, and an end before its patience."""
    relay = context.relay()
    publisher = client.LivePublisher(relay.http_port, "/live/cam.ts", context.media.long_plain)
    viewer = client.Viewer(relay.http_port, "/live/cam.ts?wait=20").wait_bytes(1000)
    assert relay.get("/readyz").status == 200
    began = time.monotonic()
    relay.signal("TERM")
    client.until(lambda: relay.get("/readyz").status == 503, 1, "/readyz that says no")
    assert relay.get("/healthz").status == 200 and not viewer.ended
    seen = len(viewer.body)
    viewer.wait_bytes(seen + 1000, 2)
    viewer.wait_end(10)
    assert viewer.complete and time.monotonic() - began > 2.9, "viewers were not let alone for 3 s"
    code, _ = relay.wait_exit()
    seconds = time.monotonic() - began
    print(f"ended {seconds:.1f} s after SIGTERM with {code}")
    assert code == 0 and seconds < 10
    assert any(event["event"] == "stopped" for event in relay.events())
    publisher.close()
    viewer.close()


def saved_usage(relay, stream):
    """Bytes that came in, as it is on the volume."""
    records = [one["record"] for one in relay.state() if one["kind"] == "usage"]
    return sum(int(one.get("bytes_in", 0)) for one in records if one.get("stream") == stream)


def check_volume(context, end):
    volume = context.volume()
    arguments = [f"--volume={volume}:/var/lib/spancast"]
    environment = {"SPANCAST_RECORDING_ENABLED": "true"}
    first = context.relay(*arguments, environment=environment)
    client.LivePublisher(first.http_port, "/live/cam.ts", context.media.plain).wait()
    client.until(lambda: saved_usage(first, "live/cam") == len(context.media.plain.data), 10,
                 "usage of all bytes on the volume")
    client.until(lambda: "\nspancast_recording_backlog_bytes 0\n"
                 in first.admin("/metrics").body.decode(), 10, "a recording of all bytes")
    code = end(first)
    second = context.relay(*arguments, environment=environment)
    assert second.usage()["live/cam"] == len(context.media.plain.data)
    timeline = client.until(lambda: (now := second.get("/live/cam/timeline.json?from=-1h")).status
                            == 200 and now, 10, "the recording")
    assert timeline.json()
    clip = second.get("/live/cam/clip.mp4?from=-30m")
    assert clip.status == 200 and len(clip.body) > len(context.media.plain.data) // 2
    return code


def test_the_volume_outlives_a_stop(context):
    def stop(relay):
        relay.signal("TERM")
        return relay.wait_exit()[0]
    assert check_volume(context, stop) == 0


def test_the_volume_outlives_a_kill(context):
    def kill(relay):
        relay.signal("KILL")
        return relay.wait_exit()[0]
    assert check_volume(context, kill) == 137


# The other images.

def test_the_camera_publishes(context):
    relay = context.relay()
    camera = context.run(target="camera", command=(
        "test", f"spancast://127.0.0.1:{relay.http_port}/live/test", "--size", "320x180"))
    client.until(lambda: relay.streams().get("live/test", {}).get("publisher"), 30, "a publisher")
    viewer = client.Viewer(relay.http_port, "/live/test.ts?wait=20").wait_bytes(100_000)
    viewer.close()
    status = pathlib.Path(f"/proc/{camera.pid}/status").read_text()
    assert "\nUid:\t10001\t10001" in status
    camera.signal("INT")
    assert camera.wait_exit()[0] == 0, "\n".join(camera.log())


def test_the_full_image_runs_sources(context):
    """ffmpeg and the camera as children of the relay, which end with it."""
    config = context.folder / "full.yaml"
    config.write_text(json.dumps({
        "drain": {"spread": "0s"}, "log": {"format": "json"}, "paths": {
            "live/film": {"exec": [
                "ffmpeg", "-v", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180",
                "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-f", "mpegts", "pipe:1"]}}}))
    config.chmod(0o644)
    relay = context.relay(f"--volume={config}:{CONFIG}:ro", target="full")
    client.until(lambda: relay.streams().get("live/film", {}).get("publisher"), 30, "a source")
    client.Viewer(relay.http_port, "/live/film.ts?wait=20").wait_bytes(50_000).close()
    assert relay.execute("spancast-camera", "--help").returncode == 0
    relay.signal("TERM")
    assert relay.wait_exit()[0] == 0


RELAY = [test_the_image_says_how_it_is_run, test_the_image_is_small,
         test_it_has_no_privileges_and_writes_nowhere_else,
         test_the_log_is_json_and_the_settings_are_those_of_the_image,
         test_it_is_healthy_until_it_hangs, test_what_is_published_is_watched, test_a_stop_drains,
         test_the_volume_outlives_a_stop, test_the_volume_outlives_a_kill,
         container_rollout.test_a_new_version_is_rolled_out_and_back]
ALL = [test_the_camera_publishes, test_the_full_image_runs_sources]
