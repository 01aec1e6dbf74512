import functools
import http.server
import pathlib
import shutil
import threading

import pytest

import children
import client
import matrix as matrix_module
import media as media_module
import relay as relay_module
import sources as sources_module
import wire_media

MATRIX = pytest.StashKey()
PAGES = pathlib.Path(__file__).with_name("pages")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests marked `long`")
    parser.addoption("--soak-minutes", type=float, metavar="N",
                     help="how long test_soak.py runs; else 30 s, with --long 10 minutes")
    parser.addoption("--write-matrix", action="store_true",
                     help="put the table of test_matrix.py into the README")


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: crosses workers; this is what runs under TSan")
    config.addinivalue_line("markers", "alone: under AddressSanitizer beside no other test, which "
                                       "would take the CPU that keeps up with its streams")
    config.addinivalue_line("markers", "long: only with --long")
    config.addinivalue_line("markers", "release: in the short form also with the release build")
    config.stash[MATRIX] = matrix_module.Matrix()


def pytest_terminal_summary(terminalreporter, config):
    matrix = config.stash[MATRIX]
    if not matrix.cells:
        return
    terminalreporter.section("any container to any container")
    for line in matrix.rows():
        terminalreporter.write_line(line)
    if config.getoption("--write-matrix"):
        terminalreporter.write_line(matrix.write())


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):  # the longest first, so that the others run beside it
        items.sort(key=lambda item: item.path.name != "test_soak.py")
    else:
        _skip_long(items)


def _skip_long(items):
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="only in the long form (--long)"))


def pytest_sessionstart(session):
    if not relay_module.BINARY.exists():
        pytest.exit(f"there is no relay at {relay_module.BINARY}; build it or set SPANCAST_BIN", 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for number, one in enumerate(getattr(item, "relays", [])):
            report.sections.append((f"log of relay {number}", "\n".join(one.log[-200:])))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    """Serves the folder `pages` from an origin that is not the relay's; gives its URL."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(PAGES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    folder.chmod(0o755)
    yield media_module.Media(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def media_sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    yield sources_module.Sources(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wire_clip(media):
    """The clip `plain` as wire cameras publish it."""
    return wire_media.Clip(media.in_container("plain", "mp4"))


@pytest.fixture
def matrix(request):
    return request.config.stash[MATRIX]


@pytest.fixture
def start(request, tmp_path):
    """start({...}) starts a relay; at the end of the test all of them must end well."""
    relays = request.node.relays = []

    def start_relay(config=None, environment=None, within=(), binary=relay_module.BINARY):
        folder = pathlib.Path(tmp_path) / f"relay{len(relays)}"
        folder.mkdir()
        relays.append(relay_module.Relay(folder, config or {}, environment, within, binary))
        return relays[-1]

    yield start_relay
    failures = []
    for one in relays:
        try:
            one.stop()
        except Exception as error:  # every relay is ended before the first failure is shown
            failures.append(error)
    if failures:
        raise failures[0]


@pytest.fixture
def no_children_left(request, start):
    """Ends the relays of `start`: while they run they have no zombie, and then no child is left."""
    yield
    for one in request.node.relays:
        pids = []
        if one.process.poll() is None:
            client.until(lambda pid=one.process.pid: "Z" not in map(
                children.state, children.of(pid)), what="no zombie")
            pids = children.of(one.process.pid)
        one.stop()
        children.wait_gone(pids)


@pytest.fixture
def relay(start):
    return start()
