"""Every test that tests/README.md names must exist, so that the page cannot rot.

Run by ctest. A name is `file::test`, from tests/ on: a function of a Python file, the sentence of a
TEST_CASE, or a fuzzer's file alone.
"""

import pathlib
import re
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
NAME = re.compile(r"`((?:unit|e2e|fuzz|bench)/[\w/]+\.(?:py|cpp))(?:::([^`]+))?`")
CASE = re.compile(r'TEST_CASE(?:_FIXTURE|_TEMPLATE)?\(\s*(?:\w+,\s*)?"([^"]+)"')
FUNCTION = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def missing(root, page):
    """The names on the page behind which there is nothing."""
    found = []
    for path, test in NAME.findall(page):
        file = root / path
        if not file.is_file():
            found.append(path)
        elif test:
            tests = (FUNCTION if path.endswith(".py") else CASE).findall(file.read_text())
            if test not in tests:
                found.append(f"{path}::{test}")
    return found


class ThisRepository(unittest.TestCase):
    def test_every_named_test_exists(self):
        page = (TESTS / "README.md").read_text()
        self.assertGreater(len(NAME.findall(page)), 20)
        self.assertEqual(missing(TESTS, page), [])

    def test_every_fuzzer_is_named(self):
        page = (TESTS / "fuzz" / "README.md").read_text()
        built = "".join(path.read_text() for path in (TESTS / "fuzz").glob("*.cmake"))
        names = re.findall(r"^relay_fuzzer\((\w+)", built, re.MULTILINE)
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in names if f"`{name}`" not in page], [])
        self.assertEqual([name for name in names
                          if not any((TESTS / "fuzz" / "corpus" / name).glob("*"))], [])


class SmallTree(unittest.TestCase):
    def test_what_is_not_there_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "e2e").mkdir()
            (root / "e2e" / "test_a.py").write_text("def test_one():\n  pass\n")
            (root / "unit").mkdir()
            (root / "unit" / "a_test.cpp").write_text(
                'TEST_CASE("a sentence") {}\nTEST_CASE_FIXTURE(Rig, "another one") {}\n')
            page = ("`e2e/test_a.py::test_one` `e2e/test_a.py::test_two` `e2e/test_b.py` "
                    "`unit/a_test.cpp::a sentence` `unit/a_test.cpp::another one` "
                    "`unit/a_test.cpp::a sent` `fuzz/a.cpp`")
            self.assertEqual(missing(root, page),
                             ["e2e/test_a.py::test_two", "e2e/test_b.py",
                              "unit/a_test.cpp::a sent", "fuzz/a.cpp"])


if __name__ == "__main__":
    unittest.main()
