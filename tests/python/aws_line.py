"""Runs a pasted `aws …` line: parsed by AWS's own service models, as the AWS CLI parses it, and sent by botocore.

An option the operation does not have, or a value its member cannot take, is refused; `--region` goes to the client.
"""

import json
import shlex

import botocore.config
import botocore.session
from botocore import xform_name


def run(line: str, endpoint: str) -> dict:
    """The answer to the line, asked of `endpoint`."""
    words = shlex.split(line)
    assert words[0] == "aws" and len(words) > 2, line
    service, command, options = words[1], words[2], list(words[3:])
    region = options[options.index("--region") + 1]
    session = botocore.session.Session()
    session.set_credentials("any", "any")
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    client = session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    model = client.meta.service_model
    named = {xform_name(name, "-"): name for name in model.operation_names}
    assert command in named, f"{service} has no {command}"
    parameters = given(model.operation_model(named[command]).input_shape, options)
    return getattr(client, xform_name(named[command]))(**parameters)


def given(shape, options: list[str]) -> dict:
    """Parameters by AWS's names."""
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    parameters, at = {}, 0
    while at < len(options):
        option = options[at]
        assert option.startswith("--"), option
        word = option[2:]
        if word == "region":
            at += 2
        elif word in members and members[word][1].type_name == "boolean":
            parameters[members[word][0]], at = True, at + 1
        elif word.removeprefix("no-") in members and members[word.removeprefix("no-")][1].type_name == "boolean":
            parameters[members[word.removeprefix("no-")][0]], at = False, at + 1
        else:
            assert word in members, f"no option --{word}; there are {sorted(members)}"
            name, member = members[word]
            parameters[name], at = value(member, options[at + 1]), at + 2
    return parameters


def value(shape, text: str):
    """A word as the member takes it; structures as JSON or in the shorthand `a=1,b=2`."""
    match shape.type_name:
        case "integer" | "long":
            return int(text)
        case "string":
            return text
        case "structure" if text.startswith("{"):
            return json.loads(text)
        case "structure":
            pairs = (pair.split("=", 1) for pair in text.split(","))
            return {name: value(shape.members[name], part) for name, part in pairs}
        case other:
            raise AssertionError(f"a {other} cannot be pasted here")
