"""The table of test_matrix.py: what became of each source in each pair of containers."""

import pathlib
import re

import sources

README = pathlib.Path(__file__).with_name("README.md")
MARKED = re.compile(r"(<!-- matrix -->\n).*(<!-- matrix -->)", re.DOTALL)
NOT_POSSIBLE = "–"


class Matrix:
    """(source, container, output) → what differs, empty if nothing does."""

    def __init__(self):
        self.cells = {}

    def note(self, source, container, output, text):
        self.cells[source.name, container, output] = text

    def cell(self, source, container, output):
        if container not in source.containers:
            return NOT_POSSIBLE
        text = self.cells.get((source.name, container, output))
        if text is None:
            return "?"
        if text:
            return "**differs**"
        return "audio only" if output == "ts" and source.missing_in_ts else "equal"

    def rows(self):
        """A Markdown table."""
        pairs = [(container, output) for container in sources.CONTAINERS
                 for output in sources.OUTPUTS]
        titles = [f"{sources.CONTAINERS[container].title} → {sources.CONTAINERS[name].title[:4]}"
                  for container, output in pairs
                  for name in ["ts" if output == "ts" else "keyframe"]]
        lines = [["published → watched", *titles], ["---"] * (len(pairs) + 1)]
        lines += [[source.title, *(self.cell(source, *pair) for pair in pairs)]
                  for source in sources.SOURCES
                  if any(key[0] == source.name for key in self.cells)]
        return ["| " + " | ".join(line) + " |" for line in lines]

    def write(self):
        """Puts the table between the marks in the README; needs all of it."""
        missing = [source.name for source in sources.SOURCES for container in source.containers
                   for output in sources.OUTPUTS
                   if (source.name, container, output) not in self.cells]
        if missing:
            return f"not written: no result for {', '.join(dict.fromkeys(missing))}"
        table = "\n".join(self.rows()) + "\n"
        text, count = MARKED.subn(lambda found: found[1] + table + found[2], README.read_text())
        assert count == 1, f"no two marks <!-- matrix --> in {README}"
        README.write_text(text)
        return f"written to {README}"
