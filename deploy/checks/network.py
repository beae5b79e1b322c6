"""Who may talk to whom by the NetworkPolicies, compared with network.md; and what selects pods selects those of one workload."""

import re

from .manifests import DEPLOY, label, pod


def ways(overlay, items):
    pods = labels(items)
    policies = [item["spec"] for item in items if item["kind"] == "NetworkPolicy"]
    for kind in ("Ingress", "Egress"):
        if not any(policy["podSelector"] == {} and kind in policy["policyTypes"] for policy in policies):
            yield f"no policy closes every pod to {kind}"
    leaving = set(rules(policies, "egress", "to", pods))
    arriving = {(peer, name, port) for name, peer, port in rules(policies, "ingress", "from", pods)}
    for way in sorted(leaving ^ arriving):
        if way[0] in pods and way[1] in pods:
            yield f"{told(way)} is open at one end only"
    meant = set(described(overlay.name, pods))
    yield from (f"{told(way)} is open, but not in network.md" for way in sorted((leaving | arriving) - meant))
    yield from (f"{told(way)} is in network.md, but not open" for way in sorted(meant - (leaving | arriving)))


def labels(items):
    """Of the pods, by their workload's name."""
    return {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"] for item in items if pod(item)}


def told(way):
    return "the way from {} to {}, port {},".format(*way)


def rules(policies, direction, side, pods):
    for policy in policies:
        for name in selected(policy["podSelector"], pods):
            for rule in policy.get(direction, []):
                ports = [str(port["port"]) + (f"-{port['endPort']}" if "endPort" in port else "") for port in rule["ports"]]
                for peer in rule[side]:
                    yield from ((name, other, port) for other in peers(peer, pods) for port in ports)


def peers(peer, pods):
    if "ipBlock" in peer:
        return ["the internet"]
    if "namespaceSelector" in peer:
        return [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]]
    return selected(peer["podSelector"], pods)


def selected(selector, pods):
    """Names of the pods that a selector selects; an empty one selects all."""
    wanted = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", expression
        wanted[expression["key"]] = expression["values"]
    return [name for name, has in pods.items() if all(has.get(key) in values for key, values in wanted.items())]


def described(overlay, pods):
    for line in (DEPLOY / "network.md").read_text().splitlines():
        row = re.fullmatch(r"\| ([^|]+) \| ([^|]+) \| ([\d, -]+) \| (all|[a-z]+) \| .+ \|", line)
        if row and row[4] in ("all", overlay):
            for source in pods if row[1] == "every pod" else row[1].split(", "):
                yield from ((source, target, port) for target in row[2].split(", ") for port in row[3].split(", "))


def crowds(items):
    """Services, budgets and workloads that select other pods than those of one workload."""
    pods = labels(items)
    for item in items:
        if item["kind"] == "Service":
            selector = {"matchLabels": item["spec"]["selector"]}
        elif item["kind"] == "PodDisruptionBudget" or pod(item):
            selector = item["spec"]["selector"]
        else:
            continue
        names = selected(selector, pods)
        if len(names) != 1:
            yield f"{label(item)} selects the pods of {', '.join(names) or 'nothing'}"
