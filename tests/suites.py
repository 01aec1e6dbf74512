"""Builds and runs the test suites, one section each, and adds up what they found.

Called by tests/run, which has installed the tools. A failing suite does not stop the others.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "tests"
JOBS = len(os.sched_getaffinity(0))
BUILD_STEP = re.compile(r"\[\d+/\d+\] ")  # of Ninja: the errors are between these lines
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")

# What all fuzzers together may take in the long form, in seconds of wall clock.
FUZZ_LONG_BUDGET = 4 * 60
# intercept_tls_get_addr: a block of thread-local storage that lies 16 bytes behind the start of a page
# is taken for one of glibc before 2.25, with its length before it, and LeakSanitizer crashes on what it
# reads there ("Tracer caught signal 11"). Without it nothing is missed: glibc has those blocks from
# malloc, and finds them through the thread's descriptor as LeakSanitizer does.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:"
                    "intercept_tls_get_addr=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={ROOT / 'tests' / 'tsan.supp'}",
}


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def one(ok):
    return Count(passed=1) if ok else Count(failed=1)


def say(text):
    print(text, flush=True)


running = set()  # what execute() has started and waits for, in any thread


def end_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def execute(command, *, deadline, log=None, env=None):
    """Runs a command in a process group of its own, so that its children end with it.

    With `log` its output goes to that file, and the end of it is shown if the command failed.
    """
    output = open(log, "wb") if log else None
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **SANITIZERS, **(env or {})},
                             stdin=subprocess.DEVNULL, stdout=output,
                             stderr=subprocess.STDOUT, start_new_session=True)
    running.add(child)
    try:
        code = child.wait(deadline)
    except subprocess.TimeoutExpired:
        say(f"{' '.join(command[:4])}: not done after {deadline} s, killed")
        code = -1
    finally:
        end_group(child)
        child.wait()
        running.discard(child)
        if output:
            output.close()
    if log and code != 0:
        lines = pathlib.Path(log).read_text(errors="replace").splitlines()
        say("\n".join([line for line in lines if not BUILD_STEP.match(line)][-80:]))
    return code


def count_junit(path, code):
    """Sums of a JUnit file; a run that left none, or failed without a failed test, is a failure."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return Count(failed=1)
    count = Count()
    for suite in [root] if root.tag == "testsuite" else root.iter("testsuite"):
        number = {key: int(suite.get(key, 0))
                  for key in ("tests", "failures", "errors", "skipped", "disabled")}
        failed = number["failures"] + number["errors"]
        skipped = number["skipped"] + number["disabled"]
        count += Count(number["tests"] - failed - skipped, failed, skipped)
        for case in suite.iter("testcase"):
            reason = case.find("skipped")
            if reason is not None:
                say(f"skipped: {case.get('name')}: {reason.get('message') or 'no reason given'}")
    if code != 0 and count.failed == 0:
        count.failed = 1
    return count


class Builds:
    """Builds what the suites need, one preset after another, while tests run.

    End-to-end tests mostly wait for streams that play at their own speed. At the lowest priority a
    build takes what they leave; when a suite waits for its build, nobody is in its way.
    """

    def __init__(self, presets, is_long):
        self.is_long = is_long
        self.thread = concurrent.futures.ThreadPoolExecutor(1)
        self.done = {preset: self.thread.submit(self.build, preset) for preset in presets}

    def ok(self, preset):
        return self.done[preset].result()

    def stop(self):
        self.thread.shutdown(wait=False, cancel_futures=True)
        for child in list(running):
            end_group(child)

    def build(self, preset):
        """Configures and builds; warnings are errors."""
        started = time.monotonic()
        log = RESULTS / f"build-{preset}.log"
        env = {}
        if shutil.which("ccache"):
            env = {"CMAKE_C_COMPILER_LAUNCHER": "ccache", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
        configure = ["cmake", "--preset", preset]
        if preset == "bench" or (preset == "tsan" and not self.is_long):
            configure.append("-DSPANCAST_CLIENTS=OFF")  # Beast alone would take minutes there
        ok = execute(configure, deadline=120, log=log, env=env) == 0
        if ok:
            command = ["nice", "-n", "19", "cmake", "--build", "--preset", preset, "-j", str(JOBS)]
            if targets := self.targets(preset):
                command += ["--target", *targets]
            command += ["--", "-k", "0"]  # show every error, not the first alone
            ok = execute(command, deadline=2400, log=log, env=env) == 0
        say(f"build {preset}: {'ok' if ok else 'FAILED'}, {time.monotonic() - started:.0f} s")
        return ok

    def targets(self, preset):
        """What is tested of a preset; nothing: all."""
        if preset == "release":  # an image is rolled to the newer one and back
            return ["all", "unit_tests" if self.is_long else "spancast_newer"]
        if preset == "bench":
            return ["spancast"]
        if preset == "tsan":
            # Only what crosses workers: the rest of the tree has one thread and would cost minutes.
            return ["spancast", *labelled(preset, "-L", "^threads$")]
        return []


def labelled(preset, *selection):
    """The ctest entries that this selects; each is named after its target."""
    listing = subprocess.run(["ctest", "--preset", preset, "-N", *selection], cwd=ROOT,
                             capture_output=True, text=True, check=False).stdout
    return re.findall(r"Test +#\d+: (\S+)", listing)


class Runner:
    def __init__(self, options, builds):
        self.long = options.long
        self.builds = builds

    def ctest(self, preset, *arguments, deadline, env=None):
        junit = RESULTS / f"ctest-{preset}.xml"
        junit.unlink(missing_ok=True)
        command = ["ctest", "--preset", preset, "-j", str(JOBS), "--no-tests=error",
                   "--output-junit", str(junit), *arguments]
        code = execute(without_randomised_addresses(preset, command), deadline=deadline, env=env)
        return count_junit(junit, code)

    def pytest(self, preset, *arguments, deadline, is_long=False, is_alone=False):
        junit = RESULTS / f"e2e-{preset}{'-alone' if is_alone else ''}.xml"
        junit.unlink(missing_ok=True)
        # Most of their time the tests wait for a stream that plays at its own speed. Those of a
        # file share what they publish, but the long ones may last as long as all others.
        # AddressSanitizer makes them busy: what they wait for would not come in time.
        workers = 0 if is_alone else JOBS + 1 if preset == "fuzz" else 3 * JOBS
        # The folder first: its own options are known only once pytest has seen it.
        command = [sys.executable, "-m", "pytest", "tests/e2e", "-q", "-p", "no:cacheprovider",
                   "-n", str(workers), "--dist", "load" if is_long else "loadfile",
                   f"--junitxml={junit}", *arguments]
        if is_long:
            command.append("--long")
        binary = ROOT / "build" / preset / "bin" / "spancast"
        code = execute(without_randomised_addresses(preset, command), deadline=deadline,
                       env={"SPANCAST_BIN": str(binary), "PYTHONDONTWRITEBYTECODE": "1"})
        return count_junit(junit, code)

    # The suites, by the name that --only takes.

    def format(self):
        files = [str(path.relative_to(ROOT)) for folder in ("relay", "client", "tests")
                 for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".hpp", ".cpp")]
        command = ["clang-format", "--dry-run", "--Werror", *files]
        return one(execute(command, deadline=120, log=RESULTS / "format.log") == 0)

    def unit(self):
        count = one(self.builds.ok("release"))
        if not count.failed:
            # Those of the short form are the ones under AddressSanitizer.
            selection = () if self.long else ("-E", "^(unit_|build_unit_tests)")
            count += self.ctest("release", *selection, deadline=600)
        return count

    def e2e(self):
        if not self.builds.ok("release"):
            return one(False)
        # Those of the short form are the ones under AddressSanitizer, but for what that changes.
        selection = () if self.long else ("-m", "release")
        return self.pytest("release", *selection, deadline=2400 if self.long else 900,
                           is_long=self.long)

    def asan(self):
        # The build of the fuzzers: Clang, AddressSanitizer and UBSan, as fast as any with them.
        count = one(self.builds.ok("fuzz"))
        if not count.failed:
            count += self.ctest("fuzz", "-R", "^unit_", deadline=600)
            # The soak looks for leaks here; for growth it has the release build and its time.
            # At the short lengths: what the long ones find, they find in the release build.
            count += self.pytest("fuzz", "--soak-minutes", "0.5", "-m", "not alone", deadline=1200)
            count += self.pytest("fuzz", "-m", "alone", deadline=300, is_alone=True)
        return count

    def tsan(self):
        count = one(self.builds.ok("tsan"))
        if not count.failed:
            count += self.ctest("tsan", "-L", "^threads$", deadline=600)
            count += self.pytest("tsan", "-m", "threads", deadline=600)
        return count

    def fuzz(self):
        count = one(self.builds.ok("fuzz"))
        if count.failed:
            return count
        targets = labelled("fuzz", "-R", "^fuzz_")
        rounds = -(-len(targets) // JOBS)
        seconds = FUZZ_LONG_BUDGET // rounds if self.long else 6
        say(f"{len(targets)} fuzzers, {seconds} s each, {JOBS} at a time")
        count += self.ctest("fuzz", "-R", "^fuzz_", deadline=rounds * (seconds + 60),
                            env={"FUZZ_SECONDS": str(seconds)})
        return count

    def bench(self):
        script = ROOT / "tests" / "bench" / "run"
        if not os.access(script, os.X_OK):
            say("skipped: there is no tests/bench/run")
            return Count(skipped=1)
        self.builds.ok("bench")  # run builds what is missing, and says so if it cannot
        log = RESULTS / "bench.log"
        command = [str(script)] if self.long else [str(script), "--quick"]
        return self.summed(command, log, deadline=4500 if self.long else 900)

    def container(self):
        # A release of its own is compiled for the images in the long form only: that takes minutes.
        command = [str(ROOT / "deploy" / "test-container")]
        if self.long:
            command.append("--all")
        elif self.builds.ok("release"):
            command += ["--built", str(ROOT / "build" / "release" / "bin")]
        else:
            return one(False)
        return self.summed(command, RESULTS / "container.log",
                           deadline=4500 if self.long else 900)

    def summed(self, command, log, deadline):
        """Runs what counts by itself and says the sums in its last line."""
        code = execute(command, deadline=deadline, log=log)
        lines = log.read_text(errors="replace").splitlines()
        if code == 0:
            say("\n".join(lines[-40:]))
        summary = SUMMARY.fullmatch(lines[-1].strip()) if lines else None
        if not summary:
            return one(code == 0)
        count = Count(*map(int, summary.groups()))
        if code != 0 and count.failed == 0:
            count.failed = 1
        return count


def without_randomised_addresses(preset, command):
    """ThreadSanitizer of GCC 12 refuses mappings of kernels that randomise more than 28 bits."""
    if preset == "tsan" and shutil.which("setarch"):
        probe = subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False)
        if probe.returncode == 0:
            return ["setarch", "-R", *command]
    return command


# What each suite needs built, in the order in which they run.
SUITES = {"format": None, "unit": "release", "e2e": "release", "asan": "fuzz", "tsan": "tsan",
          "fuzz": "fuzz", "container": "release", "bench": "bench"}


def run(names, runner):
    total, table = Count(), []
    for name in names:
        say(f"\n== {name}")
        started = time.monotonic()
        try:
            count = getattr(runner, name)()
        except Exception as error:  # a broken suite is a failed one; the others still run
            say(f"{name}: {error!r}")
            count = Count(failed=1)
        table.append(f"{name:8} {time.monotonic() - started:5.0f} s   {count}")
        say(f"-- {table[-1]}")
        total += count
    say("\n" + "\n".join(table))
    say(str(total))
    return 1 if total.failed else 0


def main():
    parser = argparse.ArgumentParser(
        prog="tests/run", description="Builds and runs the tests; without --only, all of them.")
    parser.add_argument("--long", action="store_true",
                        help="run everything at the lengths the issues name (under 80 minutes)")
    parser.add_argument("--only", action="append", choices=SUITES, metavar="SUITE",
                        help="one of " + ", ".join(SUITES) + "; may be given several times")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)

    names = [name for name in SUITES if not options.only or name in options.only]
    builds = Builds(dict.fromkeys(SUITES[name] for name in names if SUITES[name]), options.long)
    try:
        return run(names, Runner(options, builds))
    finally:
        builds.stop()


if __name__ == "__main__":
    sys.exit(main())
