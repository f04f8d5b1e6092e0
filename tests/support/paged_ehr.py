"""A SmallEhr whose chart is long: 480 vital signs of two days, given page by page as real servers do."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import Response, request

from tests.conftest import observation
from tests.support.small_ehr import SmallEhr

HOURS = 48
# Six Observations every 36 minutes; the patient gets worse, and was worst a day and a half ago.
EACH = {
    "heart_rate": lambda h: 84 + (44 if 34 < h < 38 else 0) + (20 if h < 4 else 0),
    "respiratory_rate": lambda h: 16 + (6 if h < 6 else 0),
    "spo2": lambda h: 96 - (4 if h < 3 else 0),
    "systolic": lambda h: 118 - (40 if 34 < h < 38 else 0),
    "diastolic": lambda h: 66,
    "temperature": lambda h: 37.1,
}
LABS = {"lactate": 2.4, "creatinine": 1.4}


class PagedEhr(SmallEhr):
    """`size` entries a page; `links` is the form of `next`, `ascending` the order, `broken` a page that fails."""

    def __init__(self, size: int = 100):
        self.size, self.links, self.ascending = size, "absolute", False
        self.broken: int | None = None
        super().__init__()

    def _observation(self):
        page = int(request.args.get("page", 1))
        if page == self.broken:
            return Response("no", 503)
        every = sorted(
            self._all(), key=lambda o: o["effectiveDateTime"], reverse=not self.ascending
        )
        mine = every[(page - 1) * self.size : page * self.size]
        links = [{"relation": "self", "url": request.url}]
        if page * self.size < len(every):
            links.append({"relation": "next", "url": self._next(page + 1)})
        entries = [{"resource": resource, "search": {"mode": "match"}} for resource in mine]
        return self._fhir(
            {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        )

    def _all(self) -> list[dict]:
        at = datetime.fromtimestamp(self.now(), UTC).replace(minute=0, second=0, microsecond=0)
        patient, codes = request.args["patient"], request.args["code"].split(",")
        steps = [HOURS * step / 80 for step in range(80)]
        made = [(name, value(hour), hour) for hour in steps for name, value in EACH.items()]
        made += [(name, value, 5.0) for name, value in LABS.items()]
        found = [observation(*one, patient_id=patient) for one in made]
        for (_, _, hour), resource in zip(made, found, strict=True):
            resource["effectiveDateTime"] = (at - timedelta(hours=hour)).isoformat()
        return [o for o in found if o["code"]["coding"][0]["code"] in codes]

    def _next(self, page: int) -> str:
        query = urlencode(request.args.to_dict() | {"page": page})
        return {
            "absolute": f"{self.iss}/Observation?{query}",
            "rooted": f"/fhir/Observation?{query}",
            "sibling": f"Observation?{query}",
            "query": f"?{query}",
            "elsewhere": f"http://localhost:1/fhir/Observation?{query}",
        }[self.links]
