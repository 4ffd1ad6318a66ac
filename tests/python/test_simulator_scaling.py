"""Scaling against the simulated platform: who owns replicas, what there is room for, and how nodes come and go.

kubectl and boto3 know nothing of the simulation; world time moves only when a test moves it.
"""

import json
import re

import botocore.exceptions
import pytest

from platform_sim import simulated
from test_simulator_aws import client, code
from test_simulator_kubernetes import Kubectl, contexts


@pytest.fixture()
def fresh(tmp_path):
    with simulated(tmp_path / "sim", "calm", "--clock", "explicit", "--seed", "41", "--pods", "120") as platform:
        yield Kubectl(platform, contexts(platform)[0])


def until(kubectl, true, limit=600, step=5):
    """World seconds until `true()` holds; fails at the limit."""
    waited = 0
    while not true():
        assert waited < limit, "it never came true"
        kubectl.platform.advance(step)
        waited += step
    return waited


def key(item):
    return ["-n", item["metadata"]["namespace"], item["metadata"]["name"]]


def autoscaled(kubectl, prefix=""):
    """An autoscaler whose name begins so, and its deployment's words."""
    for hpa in kubectl.items("hpa", "-A"):
        name = hpa["metadata"]["name"]
        if name.startswith("keda-hpa-") == bool(prefix):
            return hpa, ["-n", hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]["name"]]
    raise AssertionError("no autoscaler")


def free(kubectl):
    """A deployment nobody scales and nobody keeps in git."""
    taken = {(h["metadata"]["namespace"], h["spec"]["scaleTargetRef"]["name"]) for h in kubectl.items("hpa", "-A")}
    for deployment in kubectl.items("deploy", "-A"):
        meta = deployment["metadata"]
        marks = {**meta.get("labels", {}), **meta.get("annotations", {})}
        kept = any("argocd" in k or "toolkit.fluxcd.io" in k for k in marks)
        if (meta["namespace"], meta["name"]) not in taken and not kept:
            return deployment
    raise AssertionError("no free deployment")


def condition(item, kind):
    return next(c for c in item["status"]["conditions"] if c["type"] == kind)


def eks_of(kubectl):
    """EKS of the region of this cluster, and the cluster's name there."""
    region = kubectl.items("nodes")[0]["metadata"]["labels"]["topology.kubernetes.io/region"]
    eks = client(kubectl.platform, "eks", region)
    return eks, eks.list_clusters()["clusters"][0]


# --- who owns replicas ------------------------------------------------------------------------------------------


def test_what_nobody_owns_simply_scales(fresh):
    deployment = free(fresh)
    where, before = key(deployment), deployment["spec"]["replicas"]
    fresh("scale", "deploy", *where, f"--replicas={before + 2}")
    now = fresh.json("get", "deploy", *where)
    assert now["metadata"]["generation"] == deployment["metadata"]["generation"] + 1
    until(fresh, lambda: fresh.json("get", "deploy", *where)["status"].get("readyReplicas") == before + 2, 120)
    fresh.platform.advance(120)
    after = fresh.json("get", "deploy", *where)
    assert after["spec"]["replicas"] == after["status"]["readyReplicas"] == before + 2
    assert after["status"]["observedGeneration"] == after["metadata"]["generation"]


def test_an_autoscaler_overwrites_within_a_sync_and_says_why(fresh):
    hpa, where = autoscaled(fresh)
    high = hpa["spec"]["maxReplicas"] + 3
    fresh("scale", "deploy", *where, f"--replicas={high}")
    fresh.platform.advance(16)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == hpa["spec"]["maxReplicas"]
    events = fresh.items("events", "-n", where[1], "--field-selector", "reason=SuccessfulRescale")
    assert any("above Spec.MaxReplicas" in e["message"] for e in events)
    able = condition(fresh.json("get", "hpa", *key(hpa)), "AbleToScale")
    assert (able["status"], able["reason"]) == ("True", "SucceededRescale")


def test_raising_the_least_takes_effect_at_the_next_sync(fresh):
    hpa, where = autoscaled(fresh)
    least = hpa["status"]["currentReplicas"] + 2
    patch = json.dumps({"spec": {"minReplicas": least, "maxReplicas": least + 5}})
    fresh("patch", "hpa", *key(hpa), "--type=merge", "-p", patch)
    fresh.platform.advance(16)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == least


def test_zero_replicas_switch_an_autoscaler_off(fresh):
    hpa, where = autoscaled(fresh)
    fresh("scale", "deploy", *where, "--replicas=0")
    fresh.platform.advance(60)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == 0
    active = condition(fresh.json("get", "hpa", *key(hpa)), "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "ScalingDisabled")


def test_a_pause_takes_the_autoscaler_away_and_its_end_brings_it_back(fresh):
    scaled = fresh.items("scaledobject", "-A")[0]
    where, mark = key(scaled), "autoscaling.keda.sh/paused"
    hpa = ["-n", where[1], scaled["status"]["hpaName"]]
    target = ["-n", where[1], scaled["spec"]["scaleTargetRef"]["name"]]
    old = fresh.json("get", "hpa", *hpa)
    fresh("annotate", "scaledobject", *where, f"{mark}=true")
    fresh.platform.advance(3)
    assert "NotFound" in fresh("get", "hpa", *hpa, code=1)
    assert condition(fresh.json("get", "scaledobject", *where), "Paused")["status"] == "True"
    wanted = fresh.json("get", "deploy", *target)["spec"]["replicas"] + 2
    fresh("scale", "deploy", *target, f"--replicas={wanted}")
    fresh.platform.advance(60)
    assert fresh.json("get", "deploy", *target)["spec"]["replicas"] == wanted, "nobody scales it back while paused"
    fresh("annotate", "scaledobject", *where, f"{mark}-")
    fresh.platform.advance(3)
    new = fresh.json("get", "hpa", *hpa)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["metadata"]["ownerReferences"][0]["kind"] == "ScaledObject"
    assert condition(fresh.json("get", "scaledobject", *where), "Paused")["status"] == "False"


def test_paused_replicas_move_there_and_stay(fresh):
    scaled = fresh.items("scaledobject", "-A")[0]
    target = ["-n", scaled["metadata"]["namespace"], scaled["spec"]["scaleTargetRef"]["name"]]
    fresh("annotate", "scaledobject", *key(scaled), "autoscaling.keda.sh/paused-replicas=3")
    fresh.platform.advance(60)
    assert fresh.json("get", "deploy", *target)["spec"]["replicas"] == 3
    assert fresh.json("get", "scaledobject", *key(scaled))["status"]["pausedReplicaCount"] == 3


def test_a_paused_scale_in_still_scales_out(fresh):
    scaled = fresh.items("scaledobject", "-A")[0]
    where, hpa = key(scaled), ["-n", scaled["metadata"]["namespace"], scaled["status"]["hpaName"]]
    target = ["-n", where[1], scaled["spec"]["scaleTargetRef"]["name"]]
    fresh("annotate", "scaledobject", *where, "autoscaling.keda.sh/paused-scale-in=true")
    fresh.platform.advance(3)
    assert fresh.json("get", "hpa", *hpa)["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    least = scaled["spec"]["maxReplicaCount"]
    patch = json.dumps({"spec": {"minReplicaCount": least, "maxReplicaCount": least + 2}})
    fresh("patch", "scaledobject", *where, "--type=merge", "-p", patch)
    fresh.platform.advance(20)
    assert fresh.json("get", "deploy", *target)["spec"]["replicas"] == least
    patch = json.dumps({"spec": {"minReplicaCount": 2}})
    fresh("patch", "scaledobject", *where, "--type=merge", "-p", patch)
    fresh.platform.advance(400)
    assert fresh.json("get", "deploy", *target)["spec"]["replicas"] == least, "it may not scale in"
    fresh("annotate", "scaledobject", *where, "autoscaling.keda.sh/paused-scale-in-")
    fresh.platform.advance(400)
    assert fresh.json("get", "deploy", *target)["spec"]["replicas"] < least


def test_a_changed_autoscaler_of_keda_is_put_right_by_it(fresh):
    hpa, _ = autoscaled(fresh, "keda")
    fresh("patch", "hpa", *key(hpa), "--type=merge", "-p", '{"spec":{"maxReplicas":77}}')
    fresh.platform.advance(3)
    assert fresh.json("get", "hpa", *key(hpa))["spec"]["maxReplicas"] == hpa["spec"]["maxReplicas"]


# --- capacity ---------------------------------------------------------------------------------------------------


def test_pods_without_room_are_pending_with_the_schedulers_reason(fresh):
    deployment = free(fresh)
    where = key(deployment)
    name = deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    huge = {"spec": {"template": {"spec": {"containers": [{"name": name, "resources": {"requests": {"cpu": "64"}}}]}}}}
    fresh("patch", "deploy", *where, "-p", json.dumps(huge))
    fresh.platform.advance(30)
    nodes = len(fresh.items("nodes"))
    selector = f"app.kubernetes.io/name={where[2]}"
    pending = [p for p in fresh.items("pods", "-n", where[1], "-l", selector) if p["status"]["phase"] == "Pending"]
    assert pending
    scheduled = condition(pending[0], "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert re.match(rf"0/{nodes} nodes are available: {nodes} Insufficient cpu\. ", scheduled["message"])
    failed = fresh.items("events", "-n", where[1], "--field-selector", "reason=FailedScheduling")
    assert any(e["message"] == scheduled["message"] and e["type"] == "Warning" for e in failed)


# --- EKS --------------------------------------------------------------------------------------------------------


def test_a_nodegroup_is_scaled_by_an_update_and_nodes_join_minutes_later(fresh):
    eks, cluster = eks_of(fresh)
    group = eks.list_nodegroups(clusterName=cluster)["nodegroups"][0]
    here = {"clusterName": cluster, "nodegroupName": group}

    def ready():
        nodes = fresh.items("nodes", "-l", f"eks.amazonaws.com/nodegroup={group}")
        return sum(condition(n, "Ready")["status"] == "True" for n in nodes)

    before = eks.describe_nodegroup(**here)["nodegroup"]
    size = before["scalingConfig"]["desiredSize"]
    assert before["status"] == "ACTIVE" and ready() == size
    asked = eks.update_nodegroup_config(**here, scalingConfig={"desiredSize": size + 2}, clientRequestToken="t1")["update"]
    assert (asked["status"], asked["type"]) == ("InProgress", "ConfigUpdate")
    assert asked["params"] == [{"type": "DesiredSize", "value": str(size + 2)}]
    again = eks.update_nodegroup_config(**here, scalingConfig={"desiredSize": size + 2}, clientRequestToken="t1")["update"]
    assert again["id"] == asked["id"]
    assert eks.describe_nodegroup(**here)["nodegroup"]["status"] == "UPDATING"
    with pytest.raises(botocore.exceptions.ClientError) as busy:
        eks.update_nodegroup_config(**here, scalingConfig={"desiredSize": size + 3})
    assert code(busy) == "ResourceInUseException"
    about = {"name": cluster, "nodegroupName": group}
    assert eks.list_updates(**about)["updateIds"] == [asked["id"]]
    fresh.platform.advance(30)
    assert eks.describe_update(**about, updateId=asked["id"])["update"]["status"] == "Successful"
    now = eks.describe_nodegroup(**here)["nodegroup"]
    assert (now["status"], now["scalingConfig"]["desiredSize"]) == ("ACTIVE", size + 2)
    assert ready() == size, "the update is done long before its nodes are there"
    waited = until(fresh, lambda: ready() == size + 2, 300)
    assert waited >= 60
    eks.update_nodegroup_config(**here, scalingConfig={"desiredSize": size})
    fresh.platform.advance(2)
    going = [n for n in fresh.items("nodes", "-l", f"eks.amazonaws.com/nodegroup={group}") if n["spec"].get("unschedulable")]
    assert len(going) == 2, "they are cordoned and drained before they go"
    until(fresh, lambda: len(fresh.items("nodes", "-l", f"eks.amazonaws.com/nodegroup={group}")) == size, 600)
    fresh.platform.advance(60)
    assert not [p for p in fresh.items("pods", "-A") if p["status"]["phase"] == "Pending"]


def test_sizes_that_contradict_each_other_are_refused(fresh):
    eks, cluster = eks_of(fresh)
    group = eks.list_nodegroups(clusterName=cluster)["nodegroups"][0]
    sizes = eks.describe_nodegroup(clusterName=cluster, nodegroupName=group)["nodegroup"]["scalingConfig"]
    for wrong in ({"desiredSize": sizes["maxSize"] + 1}, {"desiredSize": sizes["minSize"] - 1}, {"minSize": 9, "maxSize": 8}):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            eks.update_nodegroup_config(clusterName=cluster, nodegroupName=group, scalingConfig=wrong)
        assert code(refused) == "InvalidParameterException"
    with pytest.raises(botocore.exceptions.ClientError) as missing:
        eks.update_nodegroup_config(clusterName=cluster, nodegroupName="none", scalingConfig={"desiredSize": 3})
    assert code(missing) == "ResourceNotFoundException"
    assert eks.describe_nodegroup(clusterName=cluster, nodegroupName=group)["nodegroup"]["scalingConfig"] == sizes


# --- Lambda -----------------------------------------------------------------------------------------------------


def test_a_paused_mapping_lets_its_queue_grow_and_a_resumed_one_drains_it(fresh):
    functions, sqs = client(fresh.platform, "lambda"), client(fresh.platform, "sqs")
    mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]
    uuid, name = mapping["UUID"], mapping["EventSourceArn"].rsplit(":", 1)[1]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def depth():
        one = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(one["Attributes"]["ApproximateNumberOfMessages"])

    assert functions.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    with pytest.raises(botocore.exceptions.ClientError) as moving:
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert code(moving) == "ResourceInUseException"
    fresh.platform.advance(15)
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    before = depth()
    fresh.platform.advance(120)
    grown = depth()
    assert grown > before + 200
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    fresh.platform.advance(60)
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled" and depth() < grown / 4


def test_concurrency_is_bounded_and_reserved(fresh):
    functions = client(fresh.platform, "lambda")
    mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]
    for wrong in (1, 1001):
        with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError)):
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": wrong})
    changed = functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": 7})
    assert (changed["State"], changed["ScalingConfig"]) == ("Updating", {"MaximumConcurrency": 7})
    name = mapping["FunctionArn"].rsplit(":", 1)[1]
    limit = functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    with pytest.raises(botocore.exceptions.ClientError) as greedy:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=limit)
    assert code(greedy) == "InvalidParameterValueException"
    assert functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=30)["ReservedConcurrentExecutions"] == 30
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 30
    left = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == left + 30


# --- the spot storm ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    with simulated(folder / "sim", "spot-storm", "--clock", "explicit", "--seed", "7", "--pods", "700") as platform:
        regions = {r["name"]: r["cluster"] for r in platform.state()["regions"]}
        home = next(c for c in contexts(platform) if c in regions["us-east-1"] or regions["us-east-1"] in c)
        yield Kubectl(platform, home)


def homeless(kubectl):
    return [p for p in kubectl.items("pods", "-A") if not p["spec"].get("nodeName")]


def not_ready(claims):
    return [c for c in claims if condition(c, "Ready")["status"] != "True"]


def test_a_spot_storm_is_five_minutes_old_and_shows_all_its_signals(storm):
    events = storm.items("events", "-A")
    warned = {e["involvedObject"]["name"] for e in events if e["reason"] == "SpotInterrupted"}
    nodes = {e for e in warned if e.startswith("ip-")}
    assert 10 <= len(nodes) <= 14
    assert not nodes & {n["metadata"]["name"] for n in storm.items("nodes")}, "they have been taken back"
    pending = homeless(storm)
    assert 40 <= len(pending) <= 100
    for pod in pending:
        assert "Insufficient cpu" in condition(pod, "PodScheduled").get("message", "Insufficient cpu")
    claims = storm.items("nodeclaims")
    refused = [c for c in claims if condition(c, "Launched")["reason"] == "InsufficientCapacity"]
    assert refused and any(e["reason"] == "InsufficientCapacityError" for e in events)
    short = [
        d for d in storm.items("deploy", "-A") if d["status"].get("readyReplicas", 0) < d["spec"]["replicas"]
    ]
    assert short
    # Which budget is used up first, and when, follows from the traffic of the hour.
    until(storm, lambda: any(b["status"]["disruptionsAllowed"] == 0 for b in storm.items("pdb", "-A")), step=30)


def test_the_prepared_nodegroup_mends_a_spot_storm(storm):
    before = len(homeless(storm))
    storm.platform.advance(120)
    assert len(homeless(storm)) >= before / 2, "it does not go away at once"
    eks, cluster = eks_of(storm)
    groups = eks.list_nodegroups(clusterName=cluster)["nodegroups"]
    kept = [g for g in groups if eks.describe_nodegroup(clusterName=cluster, nodegroupName=g)["nodegroup"]["scalingConfig"]["desiredSize"] == 0]
    assert len(kept) == 1
    assert eks.describe_nodegroup(clusterName=cluster, nodegroupName=kept[0])["nodegroup"]["capacityType"] == "ON_DEMAND"
    eks.update_nodegroup_config(clusterName=cluster, nodegroupName=kept[0], scalingConfig={"desiredSize": 5})
    waited = until(storm, lambda: not homeless(storm), 420, 15)
    assert waited >= 60
    storm.platform.advance(60)
    assert not homeless(storm) and not not_ready(storm.items("nodeclaims"))


def test_a_pool_that_may_buy_on_demand_mends_it_too(tmp_path):
    with simulated(tmp_path / "sim", "spot-storm", "--clock", "explicit", "--seed", "8", "--pods", "120", "--regions", "1") as platform:
        kubectl = Kubectl(platform, contexts(platform)[0])
        assert homeless(kubectl)
        pool = kubectl.items("nodepools")[0]
        wanted = pool["spec"]["template"]["spec"]["requirements"]
        assert wanted[0]["values"] == ["spot"]
        path = "/spec/template/spec/requirements/0/values/-"
        patch = json.dumps([{"op": "add", "path": path, "value": "on-demand"}])
        kubectl("patch", "nodepool", pool["metadata"]["name"], "--type=json", "-p", patch)
        until(kubectl, lambda: not homeless(kubectl), 420, 15)
        bought = {n["metadata"]["labels"].get("karpenter.sh/capacity-type") for n in kubectl.items("nodes")}
        assert "on-demand" in bought


# --- git, field managers and rights -----------------------------------------------------------------------------


def kept(kubectl, resource):
    """A custom resource of a GitOps tool, and the words of the deployment it keeps."""
    one = kubectl.items(resource, "-A")[0]
    name = one["metadata"]["name"]
    deployment = next(d for d in kubectl.items("deploy", "-A") if d["metadata"]["name"] == name)
    return one, key(deployment), kubectl.json("get", "deploy", *key(deployment), "--show-managed-fields")


def replicas_manager(deployment):
    fields = deployment["metadata"]["managedFields"]
    owners = [f for f in fields if "f:replicas" in f["fieldsV1"].get("f:spec", {})]
    assert len(owners) == 1
    return owners[0]["manager"], owners[0]["operation"], owners[0].get("subresource", "")


def test_argo_cd_heals_drift_unless_its_self_heal_is_off(fresh):
    app, where, deployment = kept(fresh, "applications")
    before = deployment["spec"]["replicas"]
    assert deployment["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].startswith(f"{where[2]}:apps/Deployment:")
    assert app["status"]["sync"]["status"] == "Synced" and replicas_manager(deployment)[0] == "argocd-controller"
    fresh("scale", "deploy", *where, f"--replicas={before + 2}")
    assert replicas_manager(fresh.json("get", "deploy", *where, "--show-managed-fields")) == ("kubectl", "Update", "scale")
    fresh.platform.advance(15)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == before
    off = json.dumps({"spec": {"syncPolicy": {"automated": {"selfHeal": False}}}})
    fresh("patch", "applications", *key(app), "--type=merge", "-p", off)
    fresh("scale", "deploy", *where, f"--replicas={before + 2}")
    fresh.platform.advance(60)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == before + 2
    assert fresh.json("get", "applications", *key(app))["status"]["sync"]["status"] == "OutOfSync"


def test_flux_applies_git_at_its_interval_unless_suspended(fresh):
    kustomization, where, deployment = kept(fresh, "kustomizations")
    before = deployment["spec"]["replicas"]
    assert deployment["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == where[2]
    fresh("patch", "kustomizations", *key(kustomization), "--type=merge", "-p", '{"spec":{"suspend":true}}')
    fresh("scale", "deploy", *where, f"--replicas={before + 1}")
    fresh.platform.advance(130)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == before + 1
    fresh("patch", "kustomizations", *key(kustomization), "--type=merge", "-p", '{"spec":{"suspend":false}}')
    fresh.platform.advance(65)
    after = fresh.json("get", "deploy", *where, "--show-managed-fields")
    assert after["spec"]["replicas"] == before and replicas_manager(after)[0] == "kustomize-controller"


def test_server_side_apply_conflicts_with_the_last_writer_unless_forced(fresh, tmp_path):
    hpa, where = autoscaled(fresh)
    deployment = fresh.json("get", "deploy", *where, "--show-managed-fields")
    assert replicas_manager(deployment) == ("kube-controller-manager", "Update", "scale")
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": where[1], "name": where[2]}}
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps({**head, "spec": {"replicas": deployment["spec"]["replicas"] + 1}}))
    apply = ("apply", "--server-side", "--validate=false", "--field-manager=console", "-f", str(wanted))
    refused = fresh(*apply, code=1)
    assert 'conflict with "kube-controller-manager" with subresource "scale" using apps/v1: .spec.replicas' in refused
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == deployment["spec"]["replicas"]
    fresh(*apply, "--force-conflicts")
    after = fresh.json("get", "deploy", *where, "--show-managed-fields")
    assert after["spec"]["replicas"] == deployment["spec"]["replicas"] + 1
    assert replicas_manager(after) == ("console", "Apply", "")
    head["metadata"]["annotations"] = {"note": "by hand"}
    wanted.write_text(json.dumps(head))
    fresh(*apply)
    assert fresh.json("get", "deploy", *where)["metadata"]["annotations"]["note"] == "by hand"


def test_an_autoscaler_made_for_what_nobody_scaled_scales_it_and_can_be_deleted(fresh, tmp_path):
    deployment = free(fresh)
    where, before = key(deployment), deployment["spec"]["replicas"]
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": where[2]}
    spec = {"scaleTargetRef": target, "minReplicas": before + 2, "maxReplicas": before + 6, "metrics": [metric]}
    made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": spec}
    made["metadata"] = {"namespace": where[1], "name": where[2]}
    (tmp_path / "hpa.json").write_text(json.dumps(made))
    fresh("create", "--validate=false", "-f", str(tmp_path / "hpa.json"))
    fresh.platform.advance(20)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == before + 2
    fresh("delete", "hpa", *where)
    fresh("scale", "deploy", *where, f"--replicas={before}")
    fresh.platform.advance(40)
    assert fresh.json("get", "deploy", *where)["spec"]["replicas"] == before


def test_one_verb_on_one_resource_is_denied_and_the_review_says_so(fresh):
    deployment = free(fresh)
    where = key(deployment)
    fresh.platform.fault("denied:kubernetes/patch/deployments/scale")
    assert fresh("auth", "can-i", "patch", "deployments", "--subresource=scale", "-n", where[1], code=1) is not None
    assert fresh("auth", "can-i", "patch", "deployments", "-n", where[1]).strip() == "yes"
    refused = fresh("scale", "deploy", *where, "--replicas=1", code=1)
    assert "Forbidden" in refused and "deployments/scale" in refused
    fresh("annotate", "deploy", *where, "note=still-allowed")
    fresh.platform.heal()
    fresh("scale", "deploy", *where, f"--replicas={deployment['spec']['replicas']}")
