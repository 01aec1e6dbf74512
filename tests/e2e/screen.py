"""A screen without a monitor (Xvfb), hands (xdotool), and eyes that read the number in a picture."""

import contextlib
import mmap
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import threading
import time

import client
import relay as relay_module
import tools

WIDTH, HEIGHT = 1280, 720
CELLS, CELL_ROWS, MARKER = 40, 16, 0xA5  # as client/media/frame_number.hpp says
WHITE = 128


class Picture:
    """What was on the screen, in grey: one byte a pixel."""

    def __init__(self, luma, width):
        self.luma, self.width = luma, width

    def rows(self, left, top, width, height):
        return [self.luma[row * self.width + left:row * self.width + left + width]
                for row in range(top, top + height)]

    def mean(self, left, top, width, height):
        return sum(map(sum, self.rows(left, top, width, height))) / (width * height)

    def share_of_white(self, left, top, width, height):
        rows = self.rows(left, top, width, height)
        return sum(value > 200 for row in rows for value in row) / (width * height)

    def number(self, left=0, top=0, width=WIDTH, scale=2.0):
        """The frame number of a picture that is shown there; None if there is none.

        `scale`: shown pixels for each of the camera's."""
        cell, middle = width / CELLS, top + int(CELL_ROWS * scale / 2)
        bits = 0
        for index in range(CELLS):
            at = left + int((index + 0.5) * cell) - 1
            bits = bits << 1 | (self.mean(at, middle - 1, 3, 3) > WHITE)
        number = bits >> 8 & 0xFFFFFF
        check = ((number >> 16) + (number >> 8) + number) & 0xFF ^ 0x5A
        return number if bits >> 32 == MARKER and bits & 0xFF == check else None


class Screen:
    def __init__(self, width=WIDTH, height=HEIGHT):
        self.width, self.height = width, height
        self.folder = tempfile.TemporaryDirectory(prefix="screen")
        reading, writing = os.pipe()
        # Without -noreset it starts anew when its last client goes, and is away for a moment.
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24",
             "-nolisten", "tcp", "-noreset", "-fbdir", self.folder.name], pass_fds=[writing], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()  # it takes a free one, and says which when it is ready
        assert number, "Xvfb did not start"
        self.display = f":{number}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()

    def environment(self, **more):
        """For a program with a window: no graphics device, no sound device, no other display."""
        own = {**relay_module.clean_environment(), "DISPLAY": self.display,
               "SDL_VIDEODRIVER": "x11", "SDL_RENDER_DRIVER": "software",
               "SDL_AUDIODRIVER": "dummy", **more}
        own.pop("WAYLAND_DISPLAY", None)
        return own

    def do(self, *arguments):
        done = subprocess.run(["xdotool", *map(str, arguments)], capture_output=True, text=True,
                              timeout=30, check=False, env=self.environment())
        return done.stdout.strip() if done.returncode == 0 else None

    def window(self):
        """Its id, if there is one."""
        found = self.do("search", "--onlyvisible", "--class", "spancast")
        return found.splitlines()[0] if found else None

    def title(self):
        window = self.window()
        return (window and self.do("getwindowname", window)) or ""

    def wait_title(self, pattern, program, timeout=60):
        """Until the window of the program, which must not end before, has such a title."""
        def found():
            title = self.title()
            if re.search(pattern, title):
                return True
            said = "\n".join(program.errors[-20:])
            assert program.process.poll() is None, f"it ended at the title {title!r}:\n{said}"
            return False
        client.until(found, timeout, f"title {pattern}")

    @contextlib.contextmanager
    def managed(self, folder, frames=False):
        """With a window manager, which is asked for a full screen, and draws frames with titles."""
        path = folder / "jwmrc"
        plain = "<Group><Option>noborder</Option><Option>notitle</Option></Group>"
        path.write_text(f"<JWM>{'' if frames else plain}</JWM>")
        with tools.Tool("jwm", "-f", path, environment=self.environment()):
            client.until(lambda: self.do("get_num_desktops"), what="a window manager")
            yield

    def place(self):
        """Left, top, width and height of the window."""
        text = self.do("getwindowgeometry", "--shell", self.window() or 0) or ""
        at = dict(line.split("=") for line in text.splitlines())
        return tuple(int(at.get(name, 0)) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def press(self, key):
        self.do("windowfocus", self.window())  # there is no window manager that would
        self.do("key", key)

    def click(self, x, y):
        self.do("mousemove", "--sync", x, y, "click", 1)

    def grab(self, *output):
        return tools.run("ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "x11grab", "-video_size",
                         f"{self.width}x{self.height}", "-draw_mouse", "0", "-i", self.display,
                         "-frames:v", "1", *output)[0]

    def look(self):
        return Picture(self.grab("-f", "rawvideo", "-pix_fmt", "gray", "-"), self.width)

    def photograph(self, path):
        self.grab(path)
        return path


class Flashes:
    """When a pixel of the screen turns white: its memory is looked at a thousand times a second."""

    def __init__(self, screen, x, y):
        with (pathlib.Path(screen.folder.name) / "Xvfb_screen0").open("rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        header = struct.unpack(">25I", self.memory[:100])  # of XWDFile.h
        bits, line, colors = header[11], header[12], header[19]
        assert bits == 32, header
        self.at = header[0] + 12 * colors + y * line + 4 * x
        self.white = []             # seconds (monotonic)
        self.is_over = False
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join(10)
        self.memory.close()

    def look(self):
        was_white = True            # the first flash is one that was dark before
        while not self.is_over:
            is_white = self.memory[self.at + 1] > WHITE
            if is_white and not was_white:
                self.white.append(time.monotonic())
            was_white = is_white
            time.sleep(0.001)
