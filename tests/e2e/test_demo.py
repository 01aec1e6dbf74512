"""deploy/demo, as a new user runs it; its dependencies and the build are there already."""

import socket
import subprocess

import pytest

import relay as relay_module


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.release
@pytest.mark.skipif("release" not in relay_module.BINARY.parts,
                    reason="the demo builds and runs the release preset")
def test_the_demo_shows_a_live_stream_and_stops_everything():
    port = free_port()
    done = subprocess.run(
        [relay_module.ROOT / "deploy/demo", "--seconds", "4"], capture_output=True, text=True,
        timeout=300, check=False, stdin=subprocess.DEVNULL,
        env={**relay_module.clean_environment(), "SPANCAST_HTTP_PORT": str(port),
             "SPANCAST_ADMIN_PORT": "0"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    url = f"http://127.0.0.1:{port}/live/demo.ts"
    for player in ("ffplay", "vlc", "mpv", "gst-launch-1.0"):
        assert any(player in line and url in line for line in done.stdout.splitlines())
    assert "1280x720" in done.stdout and "demo: stopped" in done.stdout
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5).close()
