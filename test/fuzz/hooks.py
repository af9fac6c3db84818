"""What schemathesis cannot know: an account that exists, whose ids are whose, and that a test should not wait a minute for a record."""

import atexit
import copy
import json
import os

import schemathesis

known = json.loads(os.environ["SLUICE_FUZZ"])
counts = {"cases": 0, "by_status": {}}


@schemathesis.hook
def before_call(ctx, case, **kwargs):
    for given in (case.query, case.body):
        if hasattr(given, "get") and given.get("wait_for") is not None:
            given["wait_for"] = short(given["wait_for"])
    if known["foreign"] is not None:
        name = case.path.split("/")[2] if case.path.startswith("/v1/") else ""
        for parameter in ("id", "credential_id"):
            if parameter in (case.path_parameters or {}) and name in known["foreign"]:
                case.path_parameters[parameter] = known["foreign"][name]
    elif case.meta is not None and case.meta.generation.mode.is_positive:
        make_true(case)


def short(value):
    """Long waits that are valid become short ones; all else stays as wrong as it is."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return 20 if 20 < number <= 60000 and number == int(number) else value


def make_true(case):
    """A well-formed body still has to name a provider, an account and collections that exist."""
    operation = (case.operation.definition.raw or {}).get("operationId")
    body = case.body
    if not isinstance(body, dict):
        return
    if operation == "createCredential":
        case.body = {k: body[k] for k in ("name", "metadata") if k in body}
        case.body["properties"] = copy.deepcopy(known["properties"])
    if operation == "createSync":
        keep = ("name", "rate_limit", "max_age_days", "sync_frequency", "metadata", "external_id")
        case.body = {k: body[k] for k in keep if k in body}
        case.body["collection_ids"] = known["collection_ids"]
        case.body["credential"] = {"properties": copy.deepcopy(known["properties"])}
    if operation == "createOauthApp":
        body["provider"] = known["provider"]
    if operation == "patchSync" and "collection_ids" in body:
        body["collection_ids"] = known["collection_ids"]
    if operation == "createConsumer" and "stream_id" in body:
        body["stream_id"] = "default"


@schemathesis.hook
def after_call(ctx, case, response):
    counts["cases"] += 1
    status = str(response.status_code)
    counts["by_status"][status] = counts["by_status"].get(status, 0) + 1


@schemathesis.check
def foreign_objects_do_not_exist(ctx, response, case):
    if known["foreign"] is None:
        return
    foreign = set(known["foreign"].values())
    if foreign & {str(value) for value in (case.path_parameters or {}).values()}:
        assert response.status_code >= 400, "an object of another tenant was answered"
    for value in foreign:
        assert value not in response.text or value in response.request.url + str(case.body), (
            "an id of another tenant is in the answer"
        )


def write_counts():
    with open(os.environ["SLUICE_FUZZ_COUNTS"], "w") as file:
        json.dump(counts, file)


atexit.register(write_counts)
