"""What the tests put on the cluster: what nobody owns, what an autoscaler owns, replicas with an order, a budget, users."""

import json

NAMESPACE = "trading"


def workload(kind: str, name: str, replicas: int, **more) -> dict:
    labels = {"app.kubernetes.io/name": name}
    container = {
        "name": "main", "image": f"registry.invalid/{name}:1.0.0",
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
    spec = {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}},
    }
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {**spec, **more}}


def autoscaler(name: str, low: int, high: int) -> dict:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [{"type": "Resource", "resource": cpu}]}
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def budget(name: str, least: int) -> dict:
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app.kubernetes.io/name": name}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def platform() -> str:
    """The objects as one list that kubectl applies."""
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        workload("Deployment", "order-api", 2),
        workload("Deployment", "risk-engine", 2),
        workload("Deployment", "ledger", 2),
        workload("StatefulSet", "matching-engine", 2, serviceName="matching-engine"),
        autoscaler("risk-engine", 2, 6),
        budget("order-api", 1),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
