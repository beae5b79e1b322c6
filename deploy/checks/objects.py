"""Objects one by one: by the schemas, by the names in them, by their rights, by their versions."""

import tomllib
from urllib.parse import urlsplit

import kubernetes_validate
import yaml

from .manifests import DEPLOY, label, pod

# The oldest in which a container's preStop can sleep for good, and the newest whose schemas there are.
VERSIONS = ["1.34", "1.37"]


def invalid(items):
    for version in VERSIONS:
        for item in items:
            try:
                kubernetes_validate.validate(item, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = ".".join(map(str, error.path))
                yield f"{label(item)} is invalid in Kubernetes {version}: {where}: {error.message.splitlines()[0][:200]}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{label(item)}: {error.message}"


def dangling(items):
    """ConfigMaps, Secrets, ServiceAccounts and Services that are named but not there."""
    there = {(item["kind"], item["metadata"]["name"]) for item in items}
    for item in items:
        for kind, name in named(item):
            if (kind, name) not in there:
                yield f"{label(item)} names {kind} {name}, which is not there"


def named(item):
    if item["kind"] == "Ingress":
        yield from (("Secret", tls["secretName"]) for tls in item["spec"]["tls"])
        for rule in item["spec"]["rules"]:
            yield from (("Service", path["backend"]["service"]["name"]) for path in rule["http"]["paths"])
    spec = pod(item)
    if spec is None:
        return
    yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
    for container in spec["containers"]:
        yield from (("ConfigMap", source["configMapRef"]["name"]) for source in container.get("envFrom", []))


def unrestricted(items):
    """Pods that Pod Security's `restricted` would refuse, or that get a token for the API."""
    for item in items:
        spec = pod(item)
        if spec is None:
            continue
        wanted = [
            (spec["securityContext"], {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
            (spec, {"automountServiceAccountToken": False}),
        ]
        for container in spec["containers"]:
            wanted.append((container["securityContext"], {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}))
        for part, keys in wanted:
            yield from (f"{label(item)} lacks {key}: {value}" for key, value in keys.items() if part.get(key) != value)


def versions(items):
    """Images that are not of this workspace's version."""
    version = tomllib.loads((DEPLOY.parent / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    compose = yaml.safe_load((DEPLOY / "jaeger.compose.yaml").read_text())["services"]["jaeger"]["image"]
    for item in items:
        for container in (pod(item) or {}).get("containers", []):
            name, _, tag = container["image"].rpartition(":")
            wanted = compose.rpartition(":")[2] if name.endswith("/jaeger") else version
            if tag != wanted:
                yield f"{label(item)} runs {container['image']}, not {wanted}"


def addresses(overlay, items):
    """A public address that portals are told and the Ingress does not serve."""
    config = tomllib.loads((overlay / "registrar.toml").read_text())
    told = urlsplit(config["registrar"]["public_url"]).hostname
    for item in items:
        if item["kind"] == "Ingress":
            served = {rule.get("host") for rule in item["spec"]["rules"]} | {host for tls in item["spec"]["tls"] for host in tls["hosts"]}
            if served != {told}:
                yield f"{label(item)} serves {', '.join(map(str, served))}, but registrar.toml says {told}"
