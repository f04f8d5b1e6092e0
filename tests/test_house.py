"""The house rules that a machine can hold: who imports whom, how large a room may be, what has
to be documented.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tests.support.rules import marked, tables

ROOT = Path(__file__).parents[1]
ROOMS = {"cdshooks", "smartapp", "ehr", "models", "studies", "runtime", "demo", "vigil", "tests"}
MAY_IMPORT = {
    "vigil": {"cdshooks", "smartapp", "ehr", "demo", "models", "studies", "runtime"},
    "cdshooks": {"ehr", "models", "runtime"},
    "smartapp": {"ehr", "models", "runtime"},
    "ehr": {"models", "runtime"},
    "models": set(),
    "runtime": set(),
    "studies": {"models", "runtime.audit"},
    "demo": {"models.patient.vocabulary"},
}
# models/ is four sub-rooms on one way; what stands beside them is on the way's floor after
# `fitted`.
WAYS = {
    "models.patient": {"models.patient"},
    "models.reading": {"models.patient", "models.reading"},
    "models.findings": {"models.patient", "models.findings"},
    "models.fitted": {"models.patient", "models.fitted"},
    "models.card": {"models.patient", "models.fitted", "models.card", "models.ticks"},
    "studies.data": {"models", "studies.data"},
    "studies.report": {"models", "studies.report"},
}
MODULES = sorted(
    p
    for room in MAY_IMPORT
    for p in ([ROOT / "vigil.py"] if room == "vigil" else (ROOT / room).rglob("*.py"))
)
LONGEST_MODULE, LONGEST_FUNCTION = 300, 50
MOST_FILES = 15
# Rooms that are still to be parted.
CROWDED = {"cdshooks", "demo", "demo/patients/scenarios", "smartapp"}
# An id as comments cite it. E50 and E90 are distances of a calibration curve.
CITED = re.compile(r"\b(?:R\d+|SMART-\d+|(?!E[59]0\b)[A-G]\d{1,2}|[Gg]overnance\s+part\s+\d+)\b")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {module for module in found if module.split(".")[0] in ROOMS}


def within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_imports_only_what_it_may(path):
    """The services never meet, models and runtime stand alone, and nobody imports tests, or
    studies but the front door.
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    allowed = MAY_IMPORT[parts[0]] | ({parts[0]} if parts[0] != "vigil" else set())
    allowed = WAYS.get(".".join(parts[:2]), allowed)
    strangers = [
        module for module in imports(path) if not within(module, allowed) and module != parts[0]
    ]
    assert not strangers, f"{name(path)} imports {strangers}"


def test_no_import_cycles():
    """Data flow one way: no module reaches itself over its imports."""
    names = {str(p.relative_to(ROOT).with_suffix("")).replace("/", "."): p for p in MODULES}
    edges = {module: imports(path) & set(names) - {module} for module, path in names.items()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for following in edges[module]:
                visit(following, (*way, module))
            done.add(module)

    for module in edges:
        visit(module, ())


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rooms_and_functions_stay_small_and_documented(path):
    """300 lines a module and 50 a function at the most; modules and public functions have a
    docstring.
    """
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= LONGEST_MODULE and ast.get_docstring(tree), name(path)
    if path.name == "__init__.py":
        assert len(tree.body) == 1, f"{name(path)} holds more than a docstring"
    hidden = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef)
        or (isinstance(n, ast.ClassDef) and n.name.startswith("_"))
    ]
    inner = {child for node in hidden for child in ast.walk(node) if child is not node}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and node not in inner
            and not node.name.startswith("_")
        ):
            assert ast.get_docstring(node), f"{name(path)}: {node.name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, (
                f"{name(path)}: {node.name} is too long"
            )


def defined(tree: ast.Module) -> dict[str, ast.AST]:
    """Return the public functions, classes and constants of a module; what a command or a route
    decorates is called by its decorator.
    """
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if not any(isinstance(one, ast.Call) for one in node.decorator_list):
                found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [one for target in targets for one in ast.walk(target)]
            found |= {one.id: node for one in names if isinstance(one, ast.Name)}
    return {name: node for name, node in found.items() if not name.startswith("_")}


def loaded(tree: ast.AST) -> list[str]:
    """Return every name that is read in it, as often as it is read."""
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]


def taken(trees: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Return module and name of all that one module takes from another."""
    found: set[tuple[str, str]] = set()
    for tree in trees.values():
        nodes = list(ast.walk(tree))
        froms = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
        names = {(node.module, one.name) for node in froms for one in node.names}
        whole = {f"{module}.{name}" for module, name in names} & set(trees)
        whole |= {one.name for n in nodes if isinstance(n, ast.Import) for one in n.names}
        found |= names | {(m, n.attr) for n in nodes if isinstance(n, ast.Attribute) for m in whole}
    return found


def test_whatever_only_tests_use_goes():
    """Each public definition is used in its own module, or taken by another that is no test."""
    trees = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts): ast.parse(p.read_text("utf-8"))
        for p in MODULES
    }
    used = taken(trees)
    idle = {
        f"{module}.{name}"
        for module, tree in trees.items()
        for name, node in defined(tree).items()
        if (module, name) not in used and loaded(tree).count(name) <= loaded(node).count(name)
    }
    assert not idle


def test_a_folder_holds_fifteen_files_at_most():
    """A room that has grown past that holds two subjects; what is generated does not count."""
    folders = {p.parent for room in MAY_IMPORT for p in (ROOT / room).rglob("*.py")}
    folders |= {p.parent for room in ("templates", "demo") for p in (ROOT / room).rglob("*.*")}
    counts = {
        name(folder): sum(p.is_file() for p in folder.iterdir())
        for folder in folders
        if "__pycache__" not in folder.parts
    }
    assert not {
        folder: count
        for folder, count in counts.items()
        if count > MOST_FILES and folder not in CROWDED
    }


def test_no_room_without_a_subject():
    """No utils, helpers or common: a module is named by its subject."""
    assert not [
        name(p)
        for p in MODULES
        if p.stem in {"utils", "util", "helpers", "common", "types", "misc"}
    ]


def cited(path: Path) -> set[str]:
    """Return the ids in a module's comments, docstrings and marks."""
    text = path.read_text("utf-8")
    marks: set[str] = set()
    words = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            words.append(ast.get_docstring(node) or "")
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "rule":
            marks |= {argument.value for argument in node.args}
    found = CITED.findall("\n".join(words))
    return marks | {re.sub(r"\s+", " ", one).replace("Governance", "governance") for one in found}


def test_every_rule_that_is_cited_is_in_a_table():
    """An id in a comment, a docstring or a mark stands in tests/spec/rules with what it asks for,
    once.
    """
    known = [rule.number for rules in tables().values() for rule in rules]
    assert len(known) == len(set(known))
    places = {p: cited(p) - set(known) for p in (*MODULES, *(ROOT / "tests").rglob("*.py"))}
    assert not {name(p): ids for p, ids in places.items() if ids}


def test_every_rule_on_a_service_has_a_test():
    """What CDS Hooks says that a service must or should do is cited by a test that proves it."""
    rules = [rule for rule in tables()["cds-hooks"] if rule.who == "service" and rule.binding]
    assert len(rules) > 50
    proven = marked()
    assert not {rule.number: rule.title for rule in rules if rule.number not in proven}


def test_the_code_is_clean():
    """ruff finds nothing."""
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--quiet", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_serving_process_stays_light():
    """pandas, scikit-learn, shap, matplotlib and lightgbm's Python package never enter a serving
    process.
    """
    code = (
        "import sys, cdshooks.views, smartapp.views, runtime.serving.server, models.fitted.registry;"
        "models.fitted.registry.load_models();"
        "print([m for m in ('pandas','sklearn','shap','matplotlib','lightgbm','numpy','scipy') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_every_setting_is_documented():
    """vigil.example.toml names every key, loads as it stands, and holds no other."""
    import msgspec

    from runtime.settings import Ehr, Settings, Trial
    from runtime.settings_file import load_settings

    text = (ROOT / "vigil.example.toml").read_text("utf-8")
    keys = set(re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE))
    fields = {f.name for kind in (Settings, Ehr, Trial) for f in msgspec.structs.fields(kind)} - {
        "ehr",
        "trial",
        "base_dir",
    }
    assert keys == fields and load_settings(ROOT / "vigil.example.toml").ehr[0].id == "demo"


@pytest.mark.rule("F8")
@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ["demo"]),
        ("requirements-studies.lock", ["demo", "studies"]),
        ("requirements-test.lock", ["demo", "studies", "test"]),
    ],
)
def test_a_lock_holds_hashes_of_every_dependency(lock, extras):
    """The locks are made from setup.cfg: each dependency is pinned with its hashes (F8)."""
    import configparser

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    optional = config["options.extras_require"]
    lines = [config["options"]["install_requires"], *(optional[extra] for extra in extras)]
    wanted = {re.split(r"[>=<]", one)[0].lower() for one in "\n".join(lines).split()}
    text = (ROOT / lock).read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert wanted - {"vigil[demo,studies]"} <= pinned
    assert text.count("--hash=sha256:") >= len(pinned)


def test_what_serves_imports_nothing_of_studies():
    """`vigil check` walks the way of a start, and neither it nor the services import studies or
    the demonstration.
    """
    code = (
        "import sys, vigil, cdshooks.views, smartapp.views, runtime.serving.server;"
        f"vigil.main(['check', '--offline', '--config', {str(ROOT / 'vigil.example.toml')!r}], standalone_mode=False);"
        "print([m for m in sys.modules if m.split('.')[0] in ('studies', 'demo')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "verified" in run.stdout and run.stdout.splitlines()[-1] == "[]"


def test_serving_needs_nothing_that_the_lock_lacks():
    """Whatever the services, the server and the demonstration import is pinned in
    requirements.lock, not only in the tests' list.
    """
    code = (
        "import sys, vigil, cdshooks.views, smartapp.views, runtime.serving.server, gunicorn.workers.ggevent, demo.app, demo.serve, demo.run;"
        "from importlib.metadata import packages_distributions as owners;"
        "owners = owners();"
        "print(*{o for m in sys.modules for o in owners.get(m.split('.')[0], ())})"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    pinned = set(
        re.findall(
            r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
        )
    )
    # Taken where they are there, and not missed where they are not: structlog prints with rich.
    optional = {"typing-extensions", "attrs", "chardet", "pygments", "rich"}
    used = {re.sub(r"[-_.]+", "-", name).lower() for name in run.stdout.split()} - {
        "vigil",
        *optional,
    }
    assert used and used <= pinned, used - pinned
