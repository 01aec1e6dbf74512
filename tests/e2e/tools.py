"""The real peers: ffmpeg, curl, GStreamer, VLC, mpv."""

import os
import shlex
import signal
import subprocess

NOBODY = 65534
FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof"


class Tool:
    """A running program with a process group of its own; ended with the `with` block."""

    def __init__(self, *command, stdin=subprocess.DEVNULL, environment=None, shell=False):
        arguments = command[0] if shell else [str(part) for part in command]
        self.name = arguments if shell else shlex.join(arguments)
        if shell:
            arguments = ["bash", "-o", "pipefail", "-c", arguments]
        self.process = subprocess.Popen(arguments, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True,
                                        env={**os.environ, **(environment or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.communicate()

    def result(self, timeout=60):
        """Waits for a good end; returns what it wrote to stdout and stderr."""
        out, err = self.process.communicate(timeout=timeout)
        err = err.decode(errors="replace")
        assert self.process.returncode == 0, f"{self.name}: {self.process.returncode}\n{err}"
        return out, err


def run(*command, timeout=60, **arguments):
    with Tool(*command, **arguments) as tool:
        return tool.result(timeout)


def as_nobody():
    """VLC refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def on_small_disk(folder, kib):
    """What runs a command to which `folder` is a file system of its own, as small as that.

    Where no namespace of mounts can be made the size of files is limited instead.
    """
    mount = f'mount -t tmpfs -o size={kib}k none "$0" && exec "$@"'
    for namespaces in (["--mount"], ["--mount", "--map-root-user"]):
        within = ["unshare", *namespaces, "sh", "-c", mount, str(folder)]
        if subprocess.run([*within, "true"], check=False, capture_output=True).returncode == 0:
            return within
    print("no file system can be mounted here: the size of files is limited instead")
    return ["bash", "-c", f'trap "" XFSZ; ulimit -f {kib}; exec "$@"', "limit"]


def ffmpeg_publish(source, url, method="PUT", *, flags=FRAGMENTS, arguments=()):
    """What a user runs: a live source, copied, as the path's container over HTTP."""
    form = ["-f", "mpegts"] if url.endswith(".ts") else ["-f", "mp4", "-movflags", flags]
    return Tool("ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", source, "-map", "0",
                "-c", "copy", *form, *arguments, "-method", method, url)


def decode(path, *, stop=True):
    """Decodes a file; returns (video frames, what ffmpeg had to say). `stop`: at an error."""
    out, err = run("ffmpeg", "-v", "warning", "-nostdin", *["-xerror"] * stop, "-i", path,
                   "-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-enc_time_base:v",
                   "-1", "-f", "null", "-progress", "-", "-")
    frames = [int(line.split(b"=")[1]) for line in out.splitlines() if line.startswith(b"frame=")]
    return (frames[-1] if frames else 0), err.strip()


def check_decodes(folder, data, extension="ts"):
    """What a viewer got must decode without a word from ffmpeg."""
    path = folder / f"watched.{extension}"
    path.write_bytes(data)
    frames, message = decode(path)
    assert message == "", message
    return frames
