"""Says what legacy files become without their bad records, by the executable specification alone.

    skip.py DIRECTORY < cases.jsonl

DIRECTORY has the specification (model.py). Reads one JSON object a line: id, category, legacy_b64; prints one a line: id,
left_out (the keys of the bad records, in the order of the file) and v2: null where the file is no reference at all, or
nothing is left of it. A case that the specification leaves to the package has no line. A record is bad when the specification refuses it on its own: of JSON the member, after duplicate
keys are resolved; of CSV the row under its header.
"""
import base64
import json
import sys

sys.path.insert(0, sys.argv[1])
import model  # noqa: E402


class Unjudged(Exception):
    """What the specification leaves to the package."""


def unjudged(_):
    raise Unjudged


model.url_oracle = unjudged


def is_bad(category, text):
    try:
        model.convert(category, text.encode())
        return False
    except model.Fail:
        return True


def json_rest(category, text):
    records = model.json_loads(text)
    if not isinstance(records, dict):
        raise model.Fail("no object")
    bad = [key for key, value in records.items() if is_bad(category, json.dumps({key: value}))]
    rest = {key: value for key, value in records.items() if key not in bad}
    return bad, rest, json.dumps(rest)


def csv_text(rows):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"'

    return "".join(",".join(map(quoted, row)) + "\n" for row in rows)


def csv_rest(category, text):
    rows = model.csv_rows(text)
    if not rows:
        return [], [], text
    head, *body = [row for row in rows if row] if rows[0] else rows
    bad = [is_bad(category, csv_text([head, row])) for row in body]
    names = [model.py_strip(dict(zip(head, row)).get("name") or "") for row in body]
    rest = [row for row, fault in zip(body, bad) if not fault]
    return [name for name, fault in zip(names, bad) if fault], rest, csv_text([head, *rest])


def without(category, legacy):
    rest_of = csv_rest if category == "text_generation" else json_rest
    try:
        bad, _, text = rest_of(category, legacy.decode())
        v2, _ = model.convert(category, text.encode())
    except (model.Fail, model.JsonError, UnicodeDecodeError):
        return [], None
    return bad, None if bad and v2 == "{}\n" else v2


for line in sys.stdin:
    case = json.loads(line)
    try:
        bad, v2 = without(case["category"], base64.b64decode(case["legacy_b64"]))
    except Unjudged:
        continue
    print(json.dumps({"id": case["id"], "left_out": bad, "v2": v2}), flush=True)
