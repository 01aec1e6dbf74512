"""A sound card that keeps time: SDL's `disk` driver writes to it, and it says when what was heard."""

import array
import fcntl
import os
import threading
import time

RATE, CHANNELS = 48_000, 2
FRAMES = 512                        # a buffer, as the player asks for it
BYTES = FRAMES * CHANNELS * 4
PERIOD = FRAMES / RATE


class SoundCard:
    """A pipe that takes a buffer whenever the one before has been played, as hardware does.

    What a driver writes waits until then; so the player's sound runs by this clock."""

    def __init__(self, folder):
        self.path = folder / "sound-card"
        os.mkfifo(self.path)
        self.pipe = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, BYTES)  # one waits while another is played
        self.loud = []              # seconds (monotonic), when sound begins after silence
        self.is_over = False
        self.thread = threading.Thread(target=self.play, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join(10)
        os.close(self.pipe)

    def environment(self):
        return {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(self.path),
                "SDL_DISKAUDIODELAY": "0"}

    def read(self):
        """A buffer; as long as none comes there is nothing to be heard."""
        got = b""
        while len(got) < BYTES and not self.is_over:
            try:
                more = os.read(self.pipe, BYTES - len(got))
            except BlockingIOError:
                more = b""
            if not more:
                time.sleep(0.001)
            got += more
        return got

    def play(self):
        begins = None               # of the buffer that is read next
        silent = 0
        while not self.is_over:
            values = array.array("f", self.read())
            now = time.monotonic()
            # Late by a buffer, it has run dry.
            begins = now if begins is None or now > begins + PERIOD else begins
            for at in range(0, len(values), CHANNELS):
                if abs(values[at]) < 0.1:
                    silent += 1
                    continue
                if silent > RATE // 5:
                    self.loud.append(begins + at / CHANNELS / RATE)
                silent = 0
            begins += PERIOD
            time.sleep(max(begins - time.monotonic(), 0))
