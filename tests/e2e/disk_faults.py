"""A disk that fails, stands still or loses power under a running relay (tests/faults/disk_faults.cpp)."""

import mmap
import pathlib
import random
import shutil
import struct

import client
import faults
import relay as relay_module

LIBRARY = relay_module.BINARY.parent / "disk_faults.so"
KINDS = ["write", "sync", "change", "read"]
NAMES = [f"{kind}_{what}" for kind in KINDS
         for what in ("error", "stall", "count", "bytes", "failed")]
NAMES += ["only_segments", "short_permille", "seed", "standing"]
PAGE = 4096


class DiskFaults:
    """The numbers of disk_faults.cpp as attributes; `environment` is for the relay that is to suffer.

    With `journal` what a power cut would leave of `root` is kept: `survivors()`.
    """

    def __init__(self, folder, root, *, journal=False, **numbers):
        assert LIBRARY.exists(), f"there is no {LIBRARY}: build the target test_disk_faults"
        folder = pathlib.Path(folder)
        folder.mkdir(exist_ok=True)
        path, kept = folder / "disk_faults", folder / "journal"
        path.write_bytes(bytes(8 * len(NAMES)))
        with path.open("r+b") as file:
            self.__dict__["page"] = mmap.mmap(file.fileno(), 8 * len(NAMES))
        self.__dict__["root"] = pathlib.Path(root).resolve()
        self.__dict__["journal"] = kept if journal else None
        self.__dict__["environment"] = {
            "LD_PRELOAD": ":".join([*faults.sanitizer_runtimes(), str(LIBRARY)]),
            "FAULTS_FILE": str(path), "FAULTS_FOLDER": str(self.root)}
        if journal:
            kept.mkdir()
            self.environment["FAULTS_JOURNAL"] = str(kept)
        for name, number in numbers.items():
            setattr(self, name, number)

    def __getattr__(self, name):
        return struct.unpack_from("<q", self.page, 8 * NAMES.index(name))[0]

    def __setattr__(self, name, number):
        struct.pack_into("<q", self.page, 8 * NAMES.index(name), number)

    def fail(self, code, *kinds):
        """Calls of these kinds fail with this errno; without any: whatever would change something."""
        for kind in kinds or ("write", "sync", "change"):
            setattr(self, f"{kind}_error", code)

    def stand_still(self, *kinds):
        """Until `go_on()`; returns once a call does."""
        for kind in kinds or ("write", "sync", "change"):
            setattr(self, f"{kind}_stall", 1)
        client.until(lambda: self.standing > 0, what="a call that stands still")

    def go_on(self):
        for kind in KINDS:
            setattr(self, f"{kind}_stall", 0)
            setattr(self, f"{kind}_error", 0)

    def survivors(self, folder, *, torn=None):
        """Puts into a new folder what is left once the power is back.

        Without `torn`: of each file what it held when it was last synced, if its folders had been
        synced since it is in them. With `torn`, a random.Random: of what was not synced parts, and
        garbage, too, as disks write pages in any order.
        """
        assert self.journal, "nothing was kept"
        Survivors(self.journal, torn).restore("root", self.root, pathlib.Path(folder))
        return folder


class Survivors:
    def __init__(self, journal, torn):
        self.journal, self.torn = journal, torn

    def restore(self, key, live, to):
        """A folder. `live`: what it is now; `key`: under which it is in the journal."""
        to.mkdir()
        durable = {}
        if (names := self.journal / f"{key}.names").exists():
            for line in names.read_text().splitlines():
                inode, name = line.split(" ", 1)
                durable[name] = inode
        for name, inode in durable.items():
            if inode.endswith("/"):
                self.restore(inode[:-1], live / name, to / name)
            elif not name.endswith("-shm"):  # shared memory: no more than a cache
                kept = self.journal / inode
                content = kept.read_bytes() if kept.exists() else b""
                self.write(to / name, content, live / name)
        if self.torn and live.is_dir():
            for path in live.iterdir():
                if path.name not in durable and not path.name.endswith("-shm"):
                    self.write_new(path, to / path.name)

    def write(self, to, content, live):
        if self.torn and live.is_file():
            content = tear(content, live.read_bytes(), self.torn)
        to.write_bytes(content)

    def write_new(self, path, to):
        """What was made since its folder was synced may be there, or not."""
        if self.torn.random() < 0.5:
            return
        if path.is_dir():
            to.mkdir()
            for one in path.iterdir():
                self.write_new(one, to / one.name)
        else:
            to.write_bytes(tear(b"", path.read_bytes(), self.torn))


def tear(durable, live, rng):
    """Of each page that was written since, the old or the new; behind the old end also nothing that
    was ever written there, and the end may be anywhere."""
    size = rng.choice([len(durable), len(live),
                       rng.randint(*sorted((len(durable), len(live))))])
    torn = bytearray()
    for at in range(0, size, PAGE):
        end = min(at + PAGE, size)
        old, new = durable[at:end], live[at:end]
        rest = end - at - len(old)
        behind = [new[len(old):], bytes(rest), rng.randbytes(rest)]
        torn += old + behind[rng.choice([0, 0, 1, 2])][:rest] if rest or rng.random() < 0.5 else new
        torn += bytes(end - len(torn))
    return bytes(torn)


def garble(path, behind, rng):
    """Overwrites what a file has behind a byte, or cuts it off somewhere there."""
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        if size <= behind:
            return
        if rng.random() < 0.5:
            file.truncate(rng.randrange(behind, size))
            return
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(behind, size)
            file.seek(at)
            file.write(rng.randbytes(min(rng.randint(1, 5000), size - at)))


def wipe(folder):
    """Empties a folder, but leaves it."""
    for path in pathlib.Path(folder).iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
