"""The command line, the configuration, the start and the end of the process."""

import json
import re
import signal
import subprocess
import time

import pytest

import client
import relay as relay_module
from relay import run_once


def write(folder, text):
    path = folder / "spancast.yaml"
    path.write_text(text)
    return path


def test_version():
    done = run_once("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_help_names_the_options():
    done = run_once("--help")
    assert done.returncode == 0
    for option in ("--config", "--check-config", "--print-config", "--version"):
        assert option in done.stdout


def test_check_config_accepts_a_good_file(tmp_path):
    path = write(tmp_path, "http:\n  port: 9000\nviewer:\n  max_lag: 350ms\n"
                           "paths:\n  live/*:\n    viewer: {slow: disconnect}\n")
    done = run_once("--config", path, "--check-config")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text, key, line", [
    ("http:\n  port: 9000\n  prot: 9001\n", "prot", 3),
    ("workers: 1\nvewer:\n  slow: skip\n", "vewer", 2),
    ("paths:\n  live/*:\n    viewer:\n      slo: skip\n", "slo", 4),
    ("http:\n  port: 70000\n", "port", 2),
    ("viewer:\n  max_lag: soon\n", "max_lag", 2),
])
def test_a_wrong_key_or_value_is_named_with_its_line(tmp_path, text, key, line):
    path = write(tmp_path, text)
    for arguments in (["--check-config"], []):
        done = run_once("--config", path, *arguments)
        assert done.returncode == 1
        assert key in done.stderr and re.search(rf"\b{line}\b", done.stderr), done.stderr


def test_a_missing_file_is_named(tmp_path):
    done = run_once("--config", tmp_path / "none.yaml")
    assert done.returncode == 1 and "none.yaml" in done.stderr


def test_print_config_prints_what_check_config_accepts(tmp_path):
    done = run_once("--print-config", environment={"SPANCAST_VIEWER_MAX_LAG": "1234ms"})
    assert done.returncode == 0
    assert "1234ms" in done.stdout
    path = write(tmp_path, done.stdout)
    assert run_once("--config", path, "--check-config").returncode == 0
    assert run_once("--config", path, "--print-config").stdout == done.stdout


def test_the_environment_goes_before_the_file(tmp_path):
    path = write(tmp_path, "viewer:\n  max_lag: 7s\nworkers: 3\n")
    done = run_once("--config", path, "--print-config", environment={"SPANCAST_WORKERS": "2"})
    assert re.search(r"^workers: 2$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^  max_lag: 7s$", done.stdout, re.MULTILINE), done.stdout


def test_an_unknown_variable_is_a_warning(start):
    relay = start(environment={"SPANCAST_VIEWER_SLO": "skip"})
    relay.wait_log("SPANCAST_VIEWER_SLO")


def test_json_logs_are_json(tmp_path):
    config = {"http": {"port": 0}, "admin": {"port": 0}, "log": {"format": "json"}}
    process = subprocess.Popen(
        [str(relay_module.BINARY), "--config", str(relay_module.write_config(tmp_path, config))],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=relay_module.clean_environment())
    try:
        line = process.stderr.readline()
        while b"listening" not in line:
            assert line, "the relay ended"
            json.loads(line)
            line = process.stderr.readline()
        json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 0
    for line in rest.splitlines():
        json.loads(line)


@pytest.mark.parametrize("which", ["http", "admin"])
def test_a_used_port_is_an_error_that_names_it(start, tmp_path, which):
    first = start({"workers": 2})
    port = first.http_port if which == "http" else first.admin_port
    config = {"http": {"port": 0}, "admin": {"port": 0}, "workers": 2}
    config[which]["port"] = port
    done = run_once("--config", relay_module.write_config(tmp_path, config))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert first.get("/healthz").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_everything_at_once(start, media, number, workers):
    relay = start({"workers": workers})
    publisher = relay.publish("/live/cam.ts", media.plain)
    viewers = [relay.watch("/live/cam.ts?wait=10").wait_bytes(1000) for _ in range(3)]
    waiting = relay.watch("/live/none.ts?wait=60")
    idle = relay.connect()
    relay.wait_waiting(1)
    client.until(lambda: relay.metric("spancast_connections") >= 3, what="the idle connection")
    relay.signal(number)
    code, seconds = relay.wait_exit()
    assert code == 0
    assert seconds < 3
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete, "a drain ends responses as HTTP says"
        assert len(viewer.body) % 188 == 0
    assert waiting.wait_end().response.status in (404, 503)
    assert idle.reader.read() == b""
    publisher.thread.join(10)
    assert not publisher.thread.is_alive()


def test_a_viewer_that_takes_nothing_does_not_hold_up_the_end(start, media):
    relay = start({"drain": {"deadline": "2s"}})
    relay.publish("/live/cam.ts", media.heavy)
    stalled = relay.watch("/live/cam.ts?wait=10", receive_buffer=4096).wait_bytes(1000)
    stalled.pause()
    relay.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 3)
    relay.signal(signal.SIGTERM)
    code, seconds = relay.wait_exit()
    assert code == 0
    assert seconds < 3


def test_an_idle_relay_ends_at_once(relay):
    began = time.monotonic()
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit()[0] == 0
    assert time.monotonic() - began < 3


def test_a_public_admin_address_needs_a_token(tmp_path):
    config = {"http": {"port": 0}, "admin": {"address": "0.0.0.0", "port": 0}}
    done = run_once("--config", relay_module.write_config(tmp_path, config))
    assert done.returncode == 1 and "admin.token" in done.stderr
