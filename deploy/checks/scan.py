"""What kube-score finds, and what scan.md explains."""

import json
import re

from .manifests import DEPLOY, run

# Checks of kube-score that it makes only when told.
OPTIONAL = ["container-seccomp-profile", "container-ports-check"]


def found(text, version):
    options = [option for name in OPTIONAL for option in ("--enable-optional-test", name)]
    scanned = json.loads(run("kube-score", "score", "--kubernetes-version", f"v{version}", "-o", "json", *options, "-", text=text))
    for item in scanned:
        for result in item["checks"]:
            if result["grade"] < 10 and not result["skipped"]:
                told = "; ".join(comment["summary"] for comment in result["comments"] or [])
                yield (result["check"]["id"], item["object_meta"]["name"]), told


def explained():
    for line in (DEPLOY / "scan.md").read_text().splitlines():
        row = re.fullmatch(r"\| `([a-z-]+)` \| ([a-z, -]+) \| .+ \|", line)
        if row:
            yield from ((row[1], name.strip()) for name in row[2].split(","))
