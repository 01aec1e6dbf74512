"""Reads a callgrind.out file: instructions of each object and function, without what they call."""

import collections
import pathlib
import re

NAMED = re.compile(r"(ob|fn)=\((\d+)\)(?: (.*))?")
COST = re.compile(r"[+\-*\d]\S* (\d+)")


def self_cost(path):
    """({object: instructions}, {(object, function): instructions})"""
    names = {"ob": {}, "fn": {}}
    now = {"ob": "?", "fn": "?"}
    objects, functions = collections.Counter(), collections.Counter()
    skip = False
    for line in pathlib.Path(path).read_text(errors="replace").splitlines():
        # Names are given once and numbered; those of callees (cob, cfn) share the numbers.
        callee = line.startswith(("cob=", "cfn="))
        if match := NAMED.match(line[1:] if callee else line):
            kind, number, name = match.groups()
            if name is not None:
                names[kind][number] = name
            if not callee:
                now[kind] = names[kind].get(number, "?")
        elif line.startswith("calls="):
            skip = True  # the next line is what the call cost, counted where it was spent
        elif match := COST.match(line):
            if not skip:
                cost = int(match[1])
                objects[pathlib.Path(now["ob"]).name] += cost
                functions[(pathlib.Path(now["ob"]).name, now["fn"])] += cost
            skip = False
    return objects, functions
