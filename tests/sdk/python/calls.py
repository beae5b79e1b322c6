"""What an app does with b24pysdk, against the emulator: `calls.py CONTROL_URL`. Ends at the first that does not work, with 1."""

import sys
from contextlib import contextmanager
from importlib.metadata import version

from b24pysdk.credentials import BitrixApp, BitrixToken, OAuthEventData, OAuthPlacementData, OAuthWorkflowData
from b24pysdk.errors import BitrixAPIAccessDenied
from emulator import Handler, Portal

VALUES = {"text": "Тестовый текст & [a]=%41+\r\n", "list": ["one", "", "three"], "zero": "0", "untouched": ""}
MANY = 60  # more than a page of a list, and than one batch

passed = 0


@contextmanager
def seen(what):
    global passed
    try:
        yield
    except Exception as error:
        print(f"FAILED: b24pysdk: {what}: {type(error).__name__}: {error}")
        end(failed=1)
    passed += 1
    print(f"passed: b24pysdk: {what}", flush=True)


def end(failed):
    print(f"b24pysdk {version('b24pysdk')}: {passed} passed, {failed} failed")
    sys.exit(failed)


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def start(**more):
    """Starts workflows of one step and gives what the relay posted for the first."""
    step = {"name": "A1", "code": "sdk", "properties": VALUES | {"untouched": None}}
    started = portal.post("workflows", {"steps": [step], **more})
    return started, handler.next()


portal, handler = Portal(sys.argv[1], "b24pysdk"), Handler()
app = BitrixApp(client_id="local.b24pysdk.1", client_secret="secret-of-b24pysdk")

with seen("the frame's form is parsed"):
    portal.post("apps", {"client_id": app.client_id, "client_secret": app.client_secret, "url": handler.url})
    placement = OAuthPlacementData.from_dict(handler.next())
    same(placement.domain, portal.about["domain"])
    same(placement.placement_options, {"any": "1/"})
    token = BitrixToken.from_oauth_placement_data(placement, app)
    client = token.get_client()

with seen("app.info: the authorisation server knows the frame's token"):
    info = placement.get_app_info(app)
    same(placement.validate_against_app_info(info), True)
    same((info.client_id, info.user_id, info.install.installed), (app.client_id, 1, False))

with seen("event.bind"):
    for event in ("ONAPPINSTALL", "ONAPPUNINSTALL"):
        same(client.event.bind(event, handler.url).result, True)

with seen("ONAPPINSTALL is parsed"):
    portal.post(f"apps/{app.client_id}/finish")
    event = OAuthEventData.from_dict(handler.next())
    same((event.event, event.is_system, event.data["INSTALLED"]), ("ONAPPINSTALL", False, "Y"))
    same(event.validate_against_app_info(event.get_app_info(app)), True)

with seen("bizproc.activity.add"):
    properties = {key: {"NAME": key, "MULTIPLE": "Y" if key == "list" else "N"} for key in VALUES}
    added = client.bizproc.activity.add(
        "sdk",
        handler.url,
        {"en": "By an SDK", "ru": "Через SDK"},
        use_subscription=True,
        properties=properties,
        return_properties={"outputString": {"NAME": "Output", "TYPE": "string"}},
    )
    same(added.result, True)
    stored = portal.get("activities")[0]
    same((stored["APP_ID"], stored["CODE"], stored["USE_SUBSCRIPTION"]), (app.client_id, "sdk", "Y"))
    same((stored["NAME"]["RU"], list(stored["PROPERTIES"])), ("Через SDK", list(properties)))

with seen("bizproc.activity.list"):
    same(client.bizproc.activity.list().result, ["sdk"])

with seen("an activity's callback is parsed"):
    started, form = start()
    callback = OAuthWorkflowData.from_dict(form)
    same((callback.workflow_id, callback.code, callback.use_subscription), (started["id"], "sdk", True))
    same(callback.properties, VALUES)
    same(callback.document_id, portal.get(f"workflows/{started['id']}")["document_id"])
    same(callback.validate_against_app_info(callback.get_app_info(app)), True)
    # From here on with the token that came with it.
    token = BitrixToken.from_oauth_workflow_data(callback, app)
    client = token.get_client()

with seen("bizproc.activity.log"):
    same(client.bizproc.activity.log(callback.event_token, "Работаю").result, True)
    same("Работаю" in str(portal.get(f"workflows/{callback.workflow_id}")["log"]), True)

with seen("bizproc.workflow.instances"):
    rows = client.bizproc.workflow.instances(select=["ID", "STARTED_BY"], filter={"ID": callback.workflow_id}).result
    same(rows, [{"ID": callback.workflow_id, "STARTED_BY": "1"}])

with seen("bizproc.event.send"):
    same(client.bizproc.event.send(callback.event_token, {"outputString": "готово"}, log_message="Done").result, True)
    ended = portal.get(f"wait?workflow={callback.workflow_id}")
    same((ended["state"], ended["values"]["A1"]["outputString"]), ("completed", "готово"))
    same(client.bizproc.workflow.instances(filter={"ID": callback.workflow_id}).result, [])

with seen("a refused call is the SDK's own error"):
    try:
        client.bizproc.event.send(callback.event_token[:-1], {}).call()
    except BitrixAPIAccessDenied as error:
        same((error.status_code, error.error_description), (403, "Access denied!"))
    else:
        raise AssertionError("no error")

with seen("an expired token is refreshed"):
    refreshes, old = portal.refreshes(), token.oauth_token
    portal.post(f"apps/{app.client_id}/expire")
    same(client.bizproc.activity.list().result, ["sdk"])
    same(portal.refreshes(), refreshes + 1)
    same(token.auth_token != old.access_token and token.refresh_token != old.refresh_token, True)

with seen("batch"):
    commands = {
        "list": client.bizproc.activity.list(),
        "refused": client.bizproc.activity.log("no token", "text"),
        "instances": client.bizproc.workflow.instances(),
    }
    batch = client.call_batch(commands).result
    same((batch.result["list"], batch.result_total["instances"]), (["sdk"], 0))
    same(batch.result_error["refused"]["error"], "ACCESS_DENIED")

with seen("bizproc.workflow.instances, all pages"):
    _, form = start(count=MANY)
    forms = [form] + [handler.next() for _ in range(MANY - 1)]
    rows = client.bizproc.workflow.instances(select=["ID"]).as_list().result
    same({row["ID"] for row in rows}, {form["workflow_id"] for form in forms})

with seen("bizproc.event.send in batches"):
    sends = [client.bizproc.event.send(form["event_token"], {"outputString": str(i)}) for i, form in enumerate(forms)]
    answers = client.call_batches(sends).result
    same((list(answers.result.values()), list(answers.result_error)), ([True] * MANY, []))
    finished = portal.get(f"wait?counter=workflows_finished&at_least={MANY + 1}")
    same((finished["workflows_finished"], finished["steps_completed_twice"]), (MANY + 1, 0))

with seen("a renamed portal is found"):
    renamed = portal.post("rename")
    same(client.bizproc.activity.list().result, ["sdk"])
    same(token.domain, renamed["domain"])

with seen("bizproc.activity.delete"):
    same(client.bizproc.activity.delete("sdk").result, True)
    same(portal.get("activities"), [])

with seen("ONAPPUNINSTALL is parsed: no tokens in it"):
    portal.delete(f"apps/{app.client_id}?clean=1")
    event = OAuthEventData.from_dict(handler.next())
    same((event.event, event.is_system, event.data["CLEAN"]), ("ONAPPUNINSTALL", True, "1"))

end(failed=0)
