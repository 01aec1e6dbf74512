"""Reads every #include below relay/ and client/ and fails on an arrow that style.md, section 1, and
client/README.md forbid.

Run by ctest. The first test looks at this repository; the others plant one violation each in a
small tree and expect exactly that one to be found.
"""

import pathlib
import re
import tempfile
import unittest

# Top to bottom: a folder may include itself and what stands below it.
ORDER = ["server", "session", "control", "cluster", "http", "disk", "state", "stream",
         "protocol", "media", "loop", "memory", "sqlite", "usage", "lease", "token", "base"]
STEPS_OVER_LOOP = {"protocol", "media"}
GENERATED_ALLOWED = {"control", "state", "cluster", "protocol/wire"}

# Of client/: a folder may include itself and what has a higher number.
CLIENT_ORDER = {"camera": 0, "player": 0, "command": 1, "gst": 1, "wire": 2, "media": 2}
RELAY_FOR_CLIENTS = ("relay/base/", "relay/memory/", "relay/media/", "relay/protocol/wire/")
GSTREAMER_ALLOWED = {"camera", "player", "gst"}

SDL_ALLOWED = {"client/player/window.cpp", "client/player/sound_device.cpp"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def includes_of(text):
    """The includes of a file in order, as (spelling, is_quoted)."""
    return [(match[2], match[1] == '"') for match in INCLUDE.finditer(text)]


def is_uv(name):
    return name == "uv.h" or name.startswith("uv/")


def is_beast(name):
    return re.match(r"boost/(beast|asio)(/|\.hpp)", name) is not None


def is_gstreamer(name):
    return re.match(r"(gst/|glib|gio/)", name) is not None


def layer_of(path):
    """The folder of relay/ that a file belongs to; main.cpp stands with server/."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "server"


class Tree:
    def __init__(self, root):
        self.files = {}
        for folder in ("relay", "client"):
            for path in sorted(pathlib.Path(root, folder).rglob("*")):
                if path.suffix in (".hpp", ".cpp", ".h", ".c", ".cc"):
                    name = path.relative_to(root).as_posix()
                    self.files[name] = path.read_text(encoding="utf-8")
        self.found = []

    def violations(self):
        for path, text in self.files.items():
            self.check_shape(path, text)
            for name, quoted in includes_of(text):
                self.check_include(path, name, quoted)
        self.check_beast_units()
        return self.found

    def report(self, path, what):
        self.found.append(f"{path}: {what}")

    def check_shape(self, path, text):
        stem, _, suffix = path.rpartition(".")
        order = CLIENT_ORDER if path.startswith("client/") else ORDER
        if layer_of(path) not in order:
            self.report(path, f"folder {layer_of(path)}/ is not in the layout")
        if suffix in ("h", "c", "cc"):
            self.report(path, "source files end in .hpp and .cpp")
        if suffix == "hpp" and not COMMENT.sub("", text).lstrip().startswith("#pragma once"):
            self.report(path, "does not begin with #pragma once")
        own = stem + ".hpp"
        if suffix == "cpp" and own in self.files:
            if next(iter(includes_of(text)), None) != (own, True):
                self.report(path, f'does not include its own header "{own}" first')

    def check_include(self, path, name, quoted):
        if path.startswith("client/"):
            self.check_client_include(path, name)
        else:
            self.check_relay_include(path, name)
        if not quoted:
            if name.startswith(("relay/", "schemas/", "client/", "../", "./")):
                self.report(path, f'<{name}>: our own files are included with "quotes"')
        elif not name.startswith("schemas/") and name not in self.files:
            self.report(path, f'"{name}" is not spelled from the repository root')

    def check_client_include(self, path, name):
        layer = layer_of(path)
        if is_uv(name):
            self.report(path, f"<{name}>: only loop/ includes libuv")
        if is_beast(name) and layer != "wire":
            self.report(path, f"<{name}>: only client/wire includes Beast")
        if is_gstreamer(name) and layer not in GSTREAMER_ALLOWED:
            self.report(path, f"<{name}>: {layer}/ includes no GStreamer")
        if name.startswith("SDL") and path not in SDL_ALLOWED:
            self.report(path, f"<{name}>: only the window and the sound device include SDL")
        if name.startswith("schemas/"):
            self.report(path, f'"{name}": generated Protobuf types stop at the edges')
        if name.startswith("relay/") and not name.startswith(RELAY_FOR_CLIENTS):
            self.report(path, f'"{name}": not for clients')
        if name.startswith("client/") and name in self.files:
            target = layer_of(name)
            place = CLIENT_ORDER.get(layer, 0)
            if target != layer and CLIENT_ORDER.get(target, 9) <= place:
                self.report(path, f'"{name}": client/{layer}/ may not include client/{target}/')

    def check_relay_include(self, path, name):
        layer = layer_of(path)
        if name.startswith("client/"):
            self.report(path, f'"{name}": the relay includes nothing of client/')
        if is_uv(name) and layer != "loop":
            self.report(path, f"<{name}>: only loop/ includes libuv")
        if is_beast(name) and layer != "http":
            self.report(path, f"<{name}>: only http/ includes Beast")
        if name.endswith(".pb.h"):
            folder = path.removeprefix("relay/")
            if not any(folder.startswith(allowed + "/") for allowed in GENERATED_ALLOWED):
                self.report(path, f'"{name}": generated Protobuf types stop at the edges')
        if name in self.files and name.startswith("relay/"):
            self.check_arrow(path, layer, name)

    def check_arrow(self, path, layer, name):
        target = layer_of(name)
        if layer not in ORDER or target not in ORDER:
            return
        if ORDER.index(target) < ORDER.index(layer):
            self.report(path, f'"{name}": {layer}/ includes {target}/, which stands above it')
        if target == "loop" and layer in STEPS_OVER_LOOP:
            self.report(path, f'"{name}": {layer}/ steps over loop/')

    def check_beast_units(self):
        """Beast takes seconds to compile, so one .cpp sees it, not even through a header."""
        units = [path for path in self.files
                 if path.startswith("relay/") and path.endswith(".cpp") and self.sees_beast(path)]
        if len(units) > 1:
            self.report(", ".join(units), "more than one translation unit includes Beast")

    def sees_beast(self, path):
        seen, todo = set(), [path]
        while todo:
            for name, _ in includes_of(self.files[todo.pop()]):
                if is_beast(name):
                    return True
                if name in self.files and name not in seen:
                    seen.add(name)
                    todo.append(name)
        return False


HEADER = "// A header.\n#pragma once\n"
GOOD = {
    "relay/main.cpp": '#include "relay/server/relay.hpp"\n',
    "relay/server/relay.hpp": HEADER + '#include "relay/session/viewer.hpp"\n',
    "relay/session/viewer.hpp": HEADER + '#include "relay/loop/tcp.hpp"\n',
    "relay/control/api.hpp": HEADER + '#include "relay/http/head.hpp"\n',
    "relay/control/api.cpp": '#include "relay/control/api.hpp"\n#include "schemas/api.pb.h"\n',
    "relay/http/head.hpp": HEADER,
    "relay/http/head.cpp": '#include "relay/http/head.hpp"\n#include <boost/beast/http.hpp>\n',
    "relay/stream/log.hpp": HEADER + '#include "relay/media/sample.hpp"\n',
    "relay/media/sample.hpp": HEADER + '#include "relay/memory/window.hpp"\n',
    "relay/loop/tcp.hpp": HEADER + "#include <uv.h>\n",
    "relay/memory/window.hpp": HEADER + "#include <cstddef>\n",
    "relay/protocol/wire/player.hpp": HEADER,
    "client/player/main.cpp": '#include <gst/gst.h>\n#include "client/wire/player.hpp"\n',
    "client/camera/source.hpp": HEADER + '#include "client/gst/pointer.hpp"\n',
    "client/gst/pointer.hpp": HEADER + "#include <gst/gst.h>\n",
    "client/command/exit_code.hpp": HEADER,
    "client/media/frame_number.hpp": HEADER,
    "client/wire/player.hpp": HEADER + '#include "relay/protocol/wire/player.hpp"\n',
    "client/wire/player.cpp": '#include "client/wire/player.hpp"\n#include <boost/asio/post.hpp>\n',
    "client/wire/connection.cpp": "#include <boost/beast/websocket.hpp>\n",
}


class IncludeArrows(unittest.TestCase):
    def test_this_repository(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        tree = Tree(root)
        for folder in ("relay/", "client/"):
            self.assertTrue([name for name in tree.files if name.startswith(folder)], folder)
        found = tree.violations()
        self.assertFalse(found, "\n" + "\n".join(found))

    def found_with(self, planted):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **planted}.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return Tree(root).violations()

    def expect(self, planted, what):
        found = self.found_with(planted)
        self.assertEqual(len(found), 1, found)
        self.assertIn(what, found[0])

    def test_a_good_tree_has_no_violation(self):
        self.assertEqual(self.found_with({}), [])

    def test_an_arrow_up_is_found(self):
        self.expect({"relay/memory/arena.hpp": HEADER + '#include "relay/stream/log.hpp"\n'},
                    "memory/ includes stream/, which stands above it")

    def test_an_arrow_up_to_main_or_server_is_found(self):
        self.expect({"relay/session/edge.cpp": '#include "relay/server/relay.hpp"\n'},
                    "session/ includes server/, which stands above it")

    def test_protocol_and_media_step_over_loop(self):
        for folder in ("protocol", "media/container/mpegts"):
            self.expect({f"relay/{folder}/a.hpp": HEADER + '#include "relay/loop/tcp.hpp"\n'},
                        "steps over loop/")

    def test_libuv_outside_loop_is_found(self):
        self.expect({"relay/session/edge.cpp": "#include <uv.h>\n"}, "only loop/ includes libuv")

    def test_beast_outside_http_is_found(self):
        found = self.found_with({"relay/control/b.cpp": "#include <boost/beast/core.hpp>\n"})
        self.assertIn("only http/ includes Beast", found[0])

    def test_asio_outside_http_is_found(self):
        found = self.found_with({"relay/loop/b.cpp": "#include <boost/asio/buffer.hpp>\n"})
        self.assertIn("only http/ includes Beast", found[0])

    def test_a_second_unit_with_beast_is_found(self):
        self.expect({"relay/http/b.cpp": "#include <boost/beast/core.hpp>\n"},
                    "more than one translation unit")

    def test_a_second_unit_with_beast_through_a_header_is_found(self):
        self.expect({"relay/http/b.hpp": HEADER + "#include <boost/beast/core.hpp>\n",
                     "relay/server/b.cpp": '#include "relay/http/b.hpp"\n'},
                    "more than one translation unit")

    def test_generated_types_in_the_middle_are_found(self):
        for folder in ("stream", "protocol/hls", "server"):
            self.expect({f"relay/{folder}/a.cpp": '#include "schemas/api.pb.h"\n'},
                        "generated Protobuf types stop at the edges")

    def test_generated_types_at_the_edges_are_allowed(self):
        for folder in ("control", "state", "cluster", "protocol/wire"):
            found = self.found_with({f"relay/{folder}/a.cpp": '#include "schemas/api.pb.h"\n'})
            self.assertEqual(found, [])

    def test_a_short_spelling_is_found(self):
        for name in ("window.hpp", "memory/window.hpp", "../memory/window.hpp"):
            self.expect({"relay/stream/a.cpp": f'#include "{name}"\n'}, "repository root")

    def test_our_files_in_angle_brackets_are_found(self):
        self.expect({"relay/stream/a.cpp": "#include <relay/memory/window.hpp>\n"}, "quotes")

    def test_a_source_without_its_own_header_first_is_found(self):
        self.expect({"relay/stream/log.cpp": '#include <span>\n#include "relay/stream/log.hpp"\n'},
                    "own header")

    def test_a_header_without_pragma_once_is_found(self):
        self.expect({"relay/stream/a.hpp": "#include <span>\n"}, "#pragma once")

    def test_a_folder_outside_the_layout_is_found(self):
        self.expect({"relay/utils/a.hpp": HEADER}, "not in the layout")

    def test_a_client_includes_only_its_part_of_the_relay(self):
        for name in ("relay/stream/log.hpp", "relay/loop/tcp.hpp", "relay/http/head.hpp"):
            self.expect({"client/wire/a.cpp": f'#include "{name}"\n'}, "not for clients")

    def test_the_relay_includes_nothing_of_a_client(self):
        self.expect({"relay/server/a.cpp": '#include "client/wire/player.hpp"\n'},
                    "nothing of client/")

    def test_arrows_between_client_folders_are_found(self):
        for folder, name in (("wire", "gst/pointer"), ("wire", "media/frame_number"),
                             ("player", "camera/source"), ("gst", "command/exit_code")):
            self.expect({f"client/{folder}/a.hpp": HEADER + f'#include "client/{name}.hpp"\n'},
                        f"client/{folder}/ may not include")

    def test_libraries_in_the_wrong_client_folder_are_found(self):
        for folder, name, what in (("player", "boost/asio/post.hpp", "only client/wire"),
                                   ("wire", "gst/gst.h", "no GStreamer"),
                                   ("media", "glib.h", "no GStreamer"),
                                   ("wire", "uv.h", "libuv"),
                                   ("player", "SDL.h", "only the window")):
            self.expect({f"client/{folder}/a.cpp": f"#include <{name}>\n"}, what)

    def test_generated_types_in_a_client_are_found(self):
        self.expect({"client/wire/a.cpp": '#include "schemas/wire.pb.h"\n'}, "generated Protobuf")

    def test_a_client_folder_outside_the_layout_is_found(self):
        self.expect({"client/utils/a.hpp": HEADER}, "not in the layout")

    def test_another_suffix_is_found(self):
        self.expect({"relay/stream/a.h": HEADER}, ".hpp and .cpp")


if __name__ == "__main__":
    unittest.main()
