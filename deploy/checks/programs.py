"""Our programs, started with the arguments, variables and files that their pods would have."""

import base64
import os
import pathlib
import re
import subprocess
import tempfile

from .manifests import DEPLOY, label, pod

PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", DEPLOY.parent / "target"), "debug")
# What they say once they serve: the services, and the emulated portal.
SERVING = re.compile(r" serves|^control API")


def refusals(items):
    """Programs that don't start with what their pod gives them, or don't stop when told to."""
    contents = {(item["kind"], item["metadata"]["name"]): files(item) for item in items if item["kind"] in ("ConfigMap", "Secret")}
    for item in items:
        for container in (pod(item) or {}).get("containers", []):
            program = re.fullmatch(r"bizproc/([a-z]+):.+", container["image"])
            if program:
                with tempfile.TemporaryDirectory() as root:
                    told = start(program[1], container, pod(item).get("volumes", []), contents, root)
                if told:
                    yield f"{label(item)}: {program[1]} {told}"


def files(item):
    if item["kind"] == "Secret":
        return {name: base64.b64decode(value).decode() for name, value in item["data"].items()}
    return item["data"]


def start(program, container, volumes, contents, root):
    """What is wrong, if anything. The pod's folders are under `root`, and all ports are of the system's choice, on loopback."""
    there = re.compile("|".join(re.escape(mount["mountPath"]) for mount in container.get("volumeMounts", [])) or "(?!)")

    def here(text):
        return re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", there.sub(lambda path: root + path[0], text))

    sources = {volume["name"]: volume for volume in volumes}
    for mount in container.get("volumeMounts", []):
        folder = pathlib.Path(root + mount["mountPath"])
        folder.mkdir(parents=True)
        source = sources.get(mount["name"], {})
        key = ("ConfigMap", source["configMap"]["name"]) if "configMap" in source else ("Secret", source.get("secret", {}).get("secretName"))
        for name, text in contents.get(key, {}).items():
            (folder / name).write_text(here(text))
    variables = {f"{program.upper()}__{port['name'].upper()}__LISTEN": "127.0.0.1:0" for port in container["ports"]}
    for reference in container.get("envFrom", []):
        variables |= contents["ConfigMap", reference["configMapRef"]["name"]]
    variables |= {variable["name"]: here(variable["value"]) for variable in container.get("env", [])}
    running = subprocess.Popen(
        [PROGRAMS / program, *map(here, container.get("args", []))],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    line = ""
    for line in running.stdout:
        if SERVING.search(line):
            running.terminate()
            running.stdout.read()
            return f"stops with exit code {running.returncode}" if running.wait() else None
    return f"does not serve: {line.strip().replace(root, '')}"
