"""Faults of the kernel, switched on and off while a relay runs (tests/faults/faults.cpp)."""

import errno
import mmap
import re
import struct
import subprocess

import relay as relay_module

LIBRARY = relay_module.BINARY.parent / "faults.so"
NAMES = ["accept_error", "accept_failures", "accepts_failed", "short_permille", "again_permille",
         "seed", "writes_cut", "writes_refused", "read_bytes_max", "reads_cut", "arena_step",
         "stall_worker", "worker_stalls", "stall_pool", "pool_stalls"]
ARENA_STEPS = {"memfd_create": 1, "ftruncate": 2, "mmap": 3, "madvise": 4}
FOR_EVER = 1 << 40


def sanitizer_runtimes():
    """What must be loaded before any other library if the relay is built with a sanitizer."""
    text = subprocess.run(["ldd", str(relay_module.BINARY)], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r"=> (/\S*lib[at]san\.so\S*)", text)


class Faults:
    """The numbers of faults.cpp as attributes. `environment` is for the relay that is to suffer."""

    def __init__(self, folder, **numbers):
        assert LIBRARY.exists(), f"there is no {LIBRARY}: build the target test_faults"
        path = folder / "faults"
        path.write_bytes(bytes(8 * len(NAMES)))
        with path.open("r+b") as file:
            self.__dict__["page"] = mmap.mmap(file.fileno(), 8 * len(NAMES))
        self.__dict__["environment"] = {
            "LD_PRELOAD": ":".join([*sanitizer_runtimes(), str(LIBRARY)]),
            "FAULTS_FILE": str(path)}
        for name, number in numbers.items():
            setattr(self, name, number)

    def __getattr__(self, name):
        return struct.unpack_from("<q", self.page, 8 * NAMES.index(name))[0]

    def __setattr__(self, name, number):
        struct.pack_into("<q", self.page, 8 * NAMES.index(name), number)

    def fail_accept(self, code=errno.EMFILE, times=FOR_EVER):
        self.accept_error = code
        self.accept_failures = times
