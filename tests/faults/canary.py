"""Marked names, identifiers and tokens go in on every way, right and wrong; none may come out in a
log, an error, Redis, or a file beside the audit log (C4, F9, F10, B8, E7).
"""

import json
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.faults.outcome import Outcome, Scale
from tests.faults.redis_away import Server
from tests.faults.site import HOST, Answer, Site, request
from tests.support.hookcall import KEYS, SERVICE, authorization, patient
from tests.support.small_ehr import SmallEhr

# What is secret may not even stand in the audit log; who the patient is may, and only there.
SECRET, PERSON = "CANARYSECRET", "CANARYPERSON"
# How the access tokens of the EHR that is launched from begin.
TOKEN = "token-of-"
RECORD = """
[[ehr]]
id = "app"
fhir_base = ["{0}"]
hook_auth = "open"
smart_client_id = "vigil"
smart_client_auth = "none"
"""


def nothing_leaks(folder: Path, scale: Scale) -> Outcome:
    """Everything that was written or answered in error is searched for the marks."""
    redis, ehr = Server(folder / "shared"), SmallEhr()
    ehr.patient, ehr.claims = f"{PERSON}-4", {"sub": f"{PERSON}-5"}
    ehr.token_extra = {"refresh_token": f"{SECRET}-refresh"}
    try:
        with Site(folder, f'redis_url = "{redis.url}"', RECORD.format(ehr.base)) as site:
            answers = [*_hooks(site), *_strange(site), *_launches(site, ehr)]
            dump = {key: _value(redis, key) for key in redis.client.scan_iter()}
            site.stop()
            audited = site.command("audit", "show", "--limit", "1000").stdout
            places = {"log": site.said().encode(), "audit log": audited.encode()}
            places |= {
                path.name: path.read_bytes()
                for path in site.data.rglob("*")
                if path.is_file() and not path.name.startswith("audit")
            }
    finally:
        redis.stop()
        ehr.stop()
    places["Redis"] = b"\n".join(part for pair in dump.items() for part in pair)
    errors = [a for a in answers if a.status >= 400]
    places["errors"] = b"\n".join(_whole(a) for a in errors)
    places["addresses"] = "\n".join(
        a.headers["Location"] for a in answers if a.headers.get("Location", "").startswith("/")
    ).encode()
    found = _found(places)
    return Outcome(
        f"{len(answers)} calls, {len(errors)} of them errors; searched log, audit log, "
        f"{len(dump)} Redis keys, {len(places) - 5} files: {', '.join(found) or 'nothing found'}",
        not found
        and {200, 303, 400, 401, 403, 404, 412, 502} <= {a.status for a in answers}
        and len(dump) > 0
        and PERSON in audited,
    )


def broken_http(folder: Path, scale: Scale) -> Outcome:
    """What is no HTTP is answered and logged without a word of it."""
    with Site(folder) as site:
        raw = _broken_http(site)
        site.stop()
        places = {"log": site.said().encode(), "answers": b"\n".join(raw)}
    found = _found(places)
    statuses = sorted({one.split(b" ")[1].decode() for one in raw if one.startswith(b"HTTP/")})
    return Outcome(
        f"{len(raw)} broken requests: {' '.join(statuses)}; {', '.join(found) or 'nothing found'}",
        not found and "500" not in statuses,
    )


def _found(places: dict[str, bytes]) -> list[str]:
    return [
        f"{mark} in {place}"
        for place, text in places.items()
        for mark in (SECRET, TOKEN, PERSON)
        if mark.lower().encode() in text.lower() and (place, mark) != ("audit log", PERSON)
    ]


def _hooks(site: Site) -> list[Answer]:
    """Call the hook rightly and in every wrong way that comes to mind."""
    person = {
        "id": f"{PERSON}-1",
        "name": [{"family": f"{PERSON}-name"}],
        "birthDate": "1950-02-03",
    }
    marked = request(
        f"{PERSON}-1",
        context={
            "userId": f"Practitioner/{PERSON}-2",
            "patientId": f"{PERSON}-1",
            "encounterId": f"{PERSON}-3",
        },
        fhirAuthorization=authorization(access_token=f"{SECRET}-bearer"),
    )
    marked["prefetch"]["patient"] = patient(**person)
    whole = json.dumps(marked).encode()
    token = lambda **claims: site.token(sub=f"{SECRET}-sub", **claims)  # noqa: E731
    used = token(jti=f"{SECRET}-jti")
    bodies = [
        marked | {"hook": f"{PERSON}"},
        marked | {"hookInstance": f"{PERSON}"},
        marked | {"fhirServer": f"https://{PERSON}.example.org/{SECRET}"},
        marked | {"context": marked["context"] | {"patientId": f"{PERSON} {PERSON}"}},
        marked | {"context": f"{PERSON}"},
        marked | {"prefetch": {"patient": patient(id=f"{PERSON}-other")}},
        marked
        | {"prefetch": {"patient": f"{PERSON}", "vitals": [f"{PERSON}"], "labs": f"{PERSON}"}},
        marked | {"fhirAuthorization": f"{SECRET}"},
        {f"{PERSON}": f"{SECRET}"},
    ]
    tokens = [
        used,
        token(aud="https://other.example.org"),
        token(exp=1),
        token(jti=f"{SECRET}\n{SECRET}"),
        token(key=KEYS["stranger"]),
        token()[:-5],
        f"{SECRET}.{SECRET}.{SECRET}",
        f"{SECRET}" * 1000,
    ]
    return [
        site.call(whole, token=used),
        *(site.call(json.dumps(body).encode(), token=token()) for body in bodies),
        *(site.call(whole, token=one) for one in tokens),
        site.call(whole[:-3], token=token()),
        site.call(whole.decode().encode("utf-16"), token=token()),
    ]


def _strange(site: Site) -> list[Answer]:
    mark = f"{PERSON}-{SECRET}"
    return [
        site.get(f"/{mark}"),
        site.get(f"/cds-services/{mark}?{mark}={mark}"),
        site.get(f"/launch?iss=https://{mark}.example.org&launch={mark}"),
        site.get(f"/callback?code={mark}&state={mark}", Cookie=f"x={mark}"),
        site.get(f"/callback?error={mark}&error_description={mark}&state={mark}"),
        site.get(f"/app/{mark}", Cookie=f"{mark}={mark}"),
        site.get("/cds-services/none", Authorization=f"Basic {mark}", Origin=f"https://{mark}"),
        site.get("/static/" + mark, **{"X-Request-Id": mark, "X-Forwarded-For": mark}),
    ]


def _launches(site: Site, ehr: SmallEhr) -> list[Answer]:
    """Sign in rightly, open the page, come back twice, and fail at the token endpoint."""
    begun = site.get(f"/launch?{urlencode({'iss': ehr.iss, 'launch': SECRET})}")
    cookies = _cookies(begun)
    asked = begun.headers["Location"]
    back = ehr.approve(asked) | {"state": parse_qs(urlsplit(asked).query)["state"][0]}
    returned = f"/callback?{urlencode(back | {'session_state': SECRET})}"
    answers = [begun, site.get(returned, Cookie=cookies)]
    cookies = f"{cookies}; {_cookies(answers[-1])}"
    page = answers[-1].headers.get("Location", "/")
    answers += [
        site.get(page, Cookie=cookies),
        site.get(page, Cookie=f"x={SECRET}"),
        site.get(returned, Cookie=cookies),
    ]
    for status, body in (
        (400, {"error": "invalid_grant", "hint": SECRET}),
        (200, {"access_token": SECRET, "id_token": SECRET}),
    ):
        again = site.get(f"/launch?{urlencode({'iss': ehr.iss, 'launch': SECRET})}")
        asked = again.headers["Location"]
        back = ehr.approve(asked) | {"state": parse_qs(urlsplit(asked).query)["state"][0]}
        ehr.token_extra, ehr.claims = body, {"sub": None}
        ehr.token_nulls = ("token_type",) if status == 400 else ()
        answers += [again, site.get(f"/callback?{urlencode(back)}", Cookie=_cookies(again))]
    return answers


def _broken_http(site: Site) -> list[bytes]:
    """Send what is no HTTP, and return what comes back."""
    mark = f"{PERSON}{SECRET}"
    head = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunks = f"{head}Transfer-Encoding: chunked\r\n\r\n"
    sent = (
        f"{mark} / {mark}\r\n\r\n", f"GET /{mark} HTTP/{mark}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{mark} {mark}\r\n\r\n", f"GET / HTTP/1.1\r\nX[{mark}]: {mark}\r\n\r\n",
        f"{head}Content-Length: {mark}\r\n\r\n", f"{chunks}{mark}\r\n{mark}\r\n0\r\n\r\n",
        f"{head}Content-Length: 3\r\nTransfer-Encoding: {mark}\r\n\r\n",
        f"GET /{mark * 1000} HTTP/1.1\r\n\r\n", f"GET / HTTP/1.1\r\nX: {mark * 1000}\r\n\r\n",
    )  # fmt: skip
    return [_sent(site, text.encode()) for text in sent]


def _sent(site: Site, text: bytes) -> bytes:
    with socket.create_connection((HOST, site.port), timeout=15) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
        return answer


def _value(redis: Server, key: bytes) -> bytes:
    # DUMP is the serialised value of any type, and short strings stand in it as they are.
    found = (
        redis.client.execute_command("GET", key) if redis.client.type(key) == b"string" else None
    )
    return found if isinstance(found, bytes) else redis.client.dump(key) or b""


def _cookies(answer: Answer) -> str:
    told = [value.split(";")[0] for name, value in answer.sent if name.lower() == "set-cookie"]
    return "; ".join(told)


def _whole(answer: Answer) -> bytes:
    return "\n".join(f"{n}: {v}" for n, v in answer.sent).encode() + b"\n" + answer.body
