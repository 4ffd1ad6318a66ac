"""CloudWatch's rpc-v2-cbor in front of an emulator that keeps the same metrics and speaks only awsJson.

The two carry the same members (Smithy: "Smithy RPC v2 CBOR", "AWS JSON 1.0"); times are tagged epoch seconds
in the one and plain numbers in the other.
"""

import datetime
import json

import cbor2

TIMES = ("Timestamp", "Timestamps", "StartTime", "EndTime")
KIND = "application/x-amz-json-1.0"


def request(path: str, body: bytes) -> tuple[str, dict, bytes]:
    """`/service/NAME/operation/X` as the call `NAME.X`."""
    _, _, service, _, operation = path.rstrip("/").split("/")
    headers = {"x-amz-target": f"{service}.{operation}", "content-type": KIND, "accept": KIND}
    return "/", headers, json.dumps(cbor2.loads(body) if body else {}, default=epoch).encode()


def answer(data: bytes) -> tuple[list, bytes]:
    headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
    return headers, cbor2.dumps(tagged(json.loads(data or b"{}")))


def epoch(value) -> float:
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} is nothing that JSON carries")


def tagged(value, name: str = ""):
    if isinstance(value, dict):
        return {key: tagged(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [tagged(one, name) for one in value]
    timed = name.endswith(TIMES) and isinstance(value, (int, float))
    return cbor2.CBORTag(1, float(value)) if timed else value
