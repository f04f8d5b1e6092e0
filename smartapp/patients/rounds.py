"""Assesses the charts of a whole list behind the page: a few reads at a time, one chart's
computing at a time, and only where nothing else waits, so that no hook call waits for a list.

What is done so far is kept sealed beside the session, where each worker's page finds it; the
thread that does it ends with its deadline, with the session's word to stop, or with the process.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec
from gevent import idle, monkey

from runtime.logs import get_logger
from smartapp.door import Door, Opened
from smartapp.patients.assessed import Assessed
from smartapp.patients.chart import Unread, assess_chart
from smartapp.problems import Mismatch, NotRenewed, TokenRefused
from smartapp.record import Person

# Reads at a time, of one process and for all its users; a chart is three reads.
AT_ONCE = 4
# As many lists may wait for their turn in a process as this.
MOST_WAITING = 4
SECONDS = 180.0
# Of its time a process gives so much to a list: it rests twice as long as it computes.
REST = 2.0
# The progress is kept as often as this, and not after each chart; by who waits too.
KEEP_SECONDS, WAIT_SECONDS = 1.0, 2.0
# Nobody has written it for so long: the process is gone.
LOST_SECONDS = 30.0
LATE = "not in time"
STOP, GO = b"stop", b"go"
log = get_logger("smartapp")
State = Literal["waiting", "running", "done", "stopped", "late", "refused", "lost"]


class Done(msgspec.Struct, frozen=True):
    """One chart of a list: its assessment, or `why` there is none."""

    patient: str
    person: Person | None = None
    assessed: Assessed | None = None
    why: str = ""


class Progress(msgspec.Struct, kw_only=True):
    """How far a list is; `number` is its place among those offered, `total` how many patients it
    has, of which `wanted` are assessed, and `unknown` how many more entries may be patients; `at`
    and `written` are aware UTC.
    """

    number: int
    name: str
    total: int
    wanted: int
    unknown: int = 0
    at: datetime
    written: datetime
    state: State = "waiting"
    done: list[Done] = []

    def seen(self, now: datetime) -> "Progress":
        """Return how it stands for who looks now."""
        away = (now - self.written).total_seconds() > LOST_SECONDS
        return msgspec.structs.replace(self, state="lost") if self.going and away else self

    @property
    def going(self) -> bool:
        """Tell whether more will come."""
        return self.state in ("waiting", "running")


@dataclass(slots=True)
class Round:
    """What a thread of its own goes by: nothing of a request; `opened` has the newest token."""

    opened: Opened
    patients: Sequence[str]
    progress: Progress


class Rounds:
    """The lists of one process: one at a time, the others wait."""

    def __init__(self, door: Door):
        self._door = door
        self._turn, self._computing = threading.Lock(), threading.Lock()
        self._waiting = 0
        self._quiet: Callable[[], object] = (
            idle if monkey.is_module_patched("threading") else lambda: None
        )

    def begin(self, opened: Opened, patients: Sequence[str], progress: Progress) -> bool:
        """Begin with a list; return whether there was room for it."""
        if self._waiting >= MOST_WAITING:
            return False
        self._waiting += 1
        self._door.sessions.show(opened.ticket, opened.session, GO, opened.now, "stop")
        self._keep(opened, progress)
        one = Round(opened, patients, progress)
        threading.Thread(target=self._run, args=(one,), name="list", daemon=True).start()
        return True

    def progress(self, opened: Opened) -> Progress | None:
        """Return how far the session's list is, None where there is none."""
        content = self._door.sessions.shown(opened.ticket, "charts")
        try:
            found = msgspec.json.decode(content, type=Progress) if content else None
        except ValueError:
            return None
        return found.seen(self._door.clock()) if found else None

    def stop(self, opened: Opened) -> None:
        """Have the session's list end with the charts that are being read."""
        self._door.sessions.show(opened.ticket, opened.session, STOP, opened.now, "stop")

    def _run(self, one: Round) -> None:
        try:
            if self._waited(one):
                try:
                    one.progress.state = "running"
                    self._assess(one, time.monotonic() + SECONDS)
                finally:
                    self._turn.release()
            self._keep(one.opened, one.progress)
        # A store that is away loses the list, and no process.
        except Exception as error:
            log.error("list", error=error)
        finally:
            self._waiting -= 1

    def _waited(self, one: Round) -> bool:
        """Wait for the turn of a list; return whether it came."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and not self._stopped(one.opened):
            if self._turn.acquire(timeout=WAIT_SECONDS):
                return True
            self._keep(one.opened, one.progress)
        one.progress.state = "stopped" if self._stopped(one.opened) else "late"
        return False

    def _assess(self, one: Round, until: float) -> None:
        progress, kept = one.progress, 0.0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [pool.submit(self._one, one, until, patient) for patient in one.patients]
            for done in as_completed(asked):
                progress.done.append(done.result())
                if time.monotonic() - kept > KEEP_SECONDS:
                    self._keep(one.opened, progress)
                    kept = time.monotonic()
                    if self._stopped(one.opened):
                        progress.state = "stopped"
        if progress.state == "running":
            late = any(done.why == LATE for done in progress.done)
            progress.state = "late" if late else "done"

    def _one(self, one: Round, until: float, patient: str) -> Done:
        if one.progress.state != "running":
            return Done(patient, why="not read")
        if time.monotonic() > until:
            return Done(patient, why=LATE)
        try:
            person, assessed = self._read(one, patient)
        except (TokenRefused, NotRenewed, Mismatch) as problem:
            one.progress.state = "refused"
            return Done(patient, why=problem.reason)
        except Unread as why:
            return Done(patient, why=str(why))
        # Whatever is wrong with one chart costs only itself.
        except Exception as error:
            log.error("list_chart", error=error)
            return Done(patient, why="could not be assessed")
        return Done(patient, person, assessed)

    def _read(self, one: Round, patient: str) -> tuple[Person, Assessed]:
        """Read and assess a chart: with a token that will do, and once more with another where the
        EHR refuses it, as Door.reading does; the page may have had it renewed meanwhile.
        """
        ticket, ehr, renewal = one.opened.ticket, one.opened.ehr, self._door.renewal
        session = renewal.fresh(ticket, one.opened.session, ehr)
        one.opened = opened = replace(one.opened, session=session)
        try:
            return assess_chart(self._door, opened, patient, self._alone)
        except TokenRefused:
            session = renewal.renewed(ticket, session, ehr)
        one.opened = opened = replace(opened, session=session)
        return assess_chart(self._door, opened, patient, self._alone)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Use the processor, one chart at a time and where the process has nothing else to do."""
        with self._computing:
            self._quiet()
            began = time.monotonic()
            yield
            time.sleep(REST * (time.monotonic() - began))

    def _stopped(self, opened: Opened) -> bool:
        """Tell whether the session's word is to stop, or the session was closed."""
        return self._door.sessions.shown(opened.ticket, "stop") != GO

    def _keep(self, opened: Opened, progress: Progress) -> None:
        if self._door.sessions.shown(opened.ticket, "stop") is None:
            # Of a session that was closed nothing is kept.
            return
        progress.written = self._door.clock()
        content = msgspec.json.encode(progress)
        self._door.sessions.show(opened.ticket, opened.session, content, progress.written, "charts")
