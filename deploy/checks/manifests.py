"""Overlays and what kustomize makes of them."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent


def build(overlay):
    """The overlay's objects. Secrets are made up where their files are the installation's own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "deploy")
        shutil.copytree(DEPLOY, copy)
        here = copy / overlay.relative_to(DEPLOY)
        for generator in kustomization(here).get("secretGenerator", []):
            for entry in generator.get("files", []):
                # Whatever it is for, a store's key at least.
                (here / entry.split("=")[-1]).write_text(f"{1:064}\n")
        text = run("kustomize", "build", str(here))
    return text, [item for item in yaml.safe_load_all(text) if item]


def kustomization(folder):
    return yaml.safe_load((folder / "kustomization.yaml").read_text())


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    # kube-score's exit code tells of findings, which are read from its output.
    if done.returncode and not done.stdout:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def label(item):
    return f"{item['kind']} {item['metadata']['name']}"


def pod(item):
    """The specification of its pods, if it makes any."""
    return item["spec"]["template"]["spec"] if item["kind"] in ("Deployment", "StatefulSet") else None
