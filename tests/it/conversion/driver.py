"""Makes random legacy files, and says what they must become.

Prints one JSON object a line: id, category, legacy_b64, ok, and with ok v2, issues and for text the two views.
The same seed and count give the same files. `--generator mutated` changes the recorded cases and the corpus,
`--generator fresh` writes files from scratch (fresh.py). `--engine model` asks the executable specification,
`--engine package` an installed horde_model_reference.
"""
import argparse
import base64
import json
import os
import random
import sys

import fresh

SCALARS = [
    None, True, False, 0, 1, -1, 2, 64, 10**19, -(2**63), 10**400, 0.0, -0.0, 1.0, 1.5, 1e16, 1e22, 1e-5, 5e-324, 1.7e308,
    float("nan"), float("inf"), -float("inf"), "", " ", "a", "1", "0", "true", "OFF", "yes", "007", " +1_000.00 ", "0-1",
    "1.0", "1e3", "-0", "\u0661", "2024-02-29", "2024-01-02T00:00:00Z", "2024-01-02_00:00:00,0000009-2359", "1704153600",
    "86400.", 1704153600, 1704153600000.0, "nan", "1_0", " 1_0", "1._5", "inf", "\x1c\x85x\u3000", "\x7f\u2028", "\U0001f600",
    "A\u0308", "\ufeff", "\u200b", "huggingface", "x.yaml", "CIVITA\u0130", "civitai.ckpt", "a.ckpt", "FIXME", "2.1.0",
    "stable diffusion 1", "stable diffusion 2", "stable diffusion 2 512", "flux_1", "generalist", " anime ", "ckpt", "coca",
    "clip", "control_x", "NOASSERTION", "MIT", "MIT AND Apache-2.0", "(A OR B) C with D", "allowed", "unknown", "supported",
    "attribution", "http://[::1]/", "http://[::1", "//[v1.x]", "//\u2100/", "https://[1.2.3.4]/", "\t//[fe80::1%25]", "a" * 64,
]
CONTAINERS = [
    [], {}, [1], ["a"], [1, 2.0], [True], ["1", 2], [True, 1.5], [1.0, True], ["nan", 1], [1, "a"], [None], [[1]], {"a": 1},
    {"a": [1, 2]}, {"karras": True}, {"karras": "x", "schedulers": 1}, {"path": "b.ckpt"}, [{"path": "b.ckpt"}],
    [{"path": "c/x.YAML"}, {"path": "a.ckpt", "sha256sum": None, "file_type": "t", "content_hash": ""}],
    [{"file_name": "a.ckpt"}], [{"file_name": "b.ckpt", "file_path": None, "file_url": ""}], [10**400, 1.0], [10**400, 1.5],
    {"schema_version": None}, {"schema_version": "2.1.0", "created_at": "5"}, {"created_by": "x", "z": [[]]},
    {"license_expression": "MIT", "license_ids": ["MIT"], "commercial_use": "allowed", "redistribution": "unknown"},
    {"license_expression": "NOASSERTION", "commercial_use": "unknown", "redistribution": "unknown"},
    {"license_expression": "(A) B OR C", "license_ids": ["C", "B", "A", "A"], "commercial_use": "allowed",
     "redistribution": "prohibited", "evidence": [{"source": "s", "checked_at": 86400}], "obligations": ["other"]},
    {"maximum_tokens": "8_192"}, {"maximum_tokens": 0}, {"maximum_tokens": 5.0, "sources": [], "qualification": None},
    {"chat": {"status": "supported"}}, {"tool_calling": {"status": "unknown", "sources": [], "qualification": "q"}},
]
KEYS = ("name type description version style nsfw download_all config available features_not_supported licensing metadata "
        "inpainting baseline tags showcases min_bridge_version trigger homepage size_on_disk_bytes optimization requirements "
        "pretrained_name files download embedded_component_hashes path md5sum sha256sum file_type content_hash file_name "
        "file_path file_url license_expression license_ids commercial_use redistribution obligations attribution evidence "
        "reviewed_by reviewed_at notes source checked_at schema_version created_at updated_at created_by updated_by "
        "maximum_tokens sources qualification status chat completion tool_calling karras schedulers extra").split() + ["", "\u00e9"]
CELLS = ["", " ", "7", "0", "-3", "8.03", "1e3", "1_0", "\u0661.5", "nan", "1e300", "x", "true", " TRUE ", "a,b", "a, ,b ", "{}",
         "null", "[1]", "{\"a\": 1}", "{\"a\": 1,}", "{\"a\": [1, \"a\"]}", "{\"a\": [1, 2.0], \"a\": NaN}", "{\"a\": {}}",
         "{\"a\" 1}", "{\"\\u00\"}", "{\"maximum_tokens\": 5}", "{\"maximum_tokens\": 0}", "{\"chat\": {\"status\": \"supported\"}}",
         "{\"tool_calling\": {\"status\": \"unknown\"}}", "\"", "\"q\"", "line\nbreak", "cr\rlf\r\n", "\u2028", "\x00", "\x1c",
         "koboldcpp/a", "aphrodite/b/c", "a/b/c-7B", "http://x", "Org/Name-7B-Instruct-v1.2-Q4_K_M.gguf", "x-2024-05", "generalist"]
NAME_PARTS = ["7B", "1.5b", "8x7B", "8x22B", "350M", "v1", "v1.2.3", "V2", "v1.2a", "Q4_K_M", "q8_0", "Q5", "GGUF", "awq", "fp16",
              "int8", "Instruct", "chat", "Base", "FT", "Thinking", "turbo", "latest", "2024", "2024-05", "05-2024", "12", "a",
              "Llama", "\u0130nt8", "\u212a", "\u017f", "\u0661\u0662B", "\u00b2", "\u0301", "\u2160", "\U0001d7d8B", "-", "_", ".",
              " ", "--", "/", "x", "b", "k", "m", "0", "9"]


class Pairs(list):
    """The members of an object, so that a key can come twice."""


def load(text):
    return json.loads(text, object_pairs_hook=Pairs)


def dump(rng, value):
    space = lambda: rng.choice(["", "", "", " ", "\n", "\r\n", "\t"]) if rng.random() < 0.2 else ""
    if isinstance(value, dict):
        value = Pairs(value.items())
    if isinstance(value, Pairs):
        items = (space() + json.dumps(k, ensure_ascii=rng.random() < 0.5) + space() + ":" + space() + dump(rng, v) for k, v in value)
        return "{" + ",".join(items) + space() + "}"
    if isinstance(value, list):
        return "[" + ",".join(space() + dump(rng, v) for v in value) + space() + "]"
    if isinstance(value, float) and rng.random() < 0.2 and value == value and abs(value) < 1e300:
        return rng.choice(["%.3e", "%.20e", "%E"]) % value
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def odd(rng):
    return rng.choice(CONTAINERS) if rng.random() < 0.4 else rng.choice(SCALARS)


def nodes(value, found):
    if isinstance(value, list):
        found.append(value)
        for item in value:
            nodes(item[1] if isinstance(value, Pairs) else item, found)
    return found


def mutate_tree(rng, tree):
    for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
        node = rng.choice(nodes(tree, []) or [[]])
        pick = rng.randrange(len(node)) if node else None
        what = rng.random()
        if isinstance(node, Pairs):
            if pick is None or what < 0.25:
                node.insert(rng.randint(0, len(node)), (rng.choice(KEYS), odd(rng)))
            elif what < 0.6:
                node[pick] = (node[pick][0], odd(rng))
            elif what < 0.75:
                del node[pick]
            elif what < 0.85:
                node.append((node[pick][0], odd(rng) if rng.random() < 0.5 else node[pick][1]))
            elif what < 0.93:
                node[pick] = (rng.choice(KEYS), node[pick][1])
            else:
                rng.shuffle(node)
        elif node is not tree:
            if pick is None or what < 0.3:
                node.append(odd(rng))
            elif what < 0.7:
                node[pick] = odd(rng)
            elif what < 0.85:
                del node[pick]
            else:
                node.append(node[pick])


def mutate_text(rng, text):
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randint(0, len(text))
        what = rng.random()
        if what < 0.2:
            text = text[:at]
        elif what < 0.6:
            text = text[:at] + rng.choice(list('"\\,:{}[]0-.eE \n\r\tnNtI\x00\x1f\x7f\u00e9\ufeff') + ["\\u00e9", "\\ud83d\\ude00", "\\q"]) + text[at:]
        else:
            text = text[:at] + text[at + rng.choice([1, 1, 2, 8]):]
    return text


def csv_table(text):
    import csv
    import io
    return list(csv.reader(io.StringIO(text, newline="")))


def mutate_csv(rng, text):
    try:
        table = csv_table(text)
    except Exception:
        return mutate_text(rng, text)
    if len(table) > 6:
        table = table[:1] + rng.sample(table[1:], rng.randint(1, 5))
    for _ in range(rng.choice([1, 2, 3, 6])):
        row = rng.choice(table) if table else []
        what = rng.random()
        if not row:
            table.append([rng.choice(CELLS)])
        elif what < 0.45:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
        elif what < 0.6 and len(table) > 1 and table[0]:
            rng.choice(table[1:])[:1] = ["".join(rng.choice(NAME_PARTS) + rng.choice(["", "-", "_", ".", " "]) for _ in range(rng.randint(1, 6)))]
        elif what < 0.65:
            del row[rng.randrange(len(row)):]
        elif what < 0.7:
            row.append(rng.choice(CELLS))
        elif what < 0.75:
            table.append(list(row))
        elif what < 0.8:
            table.append([])
        elif what < 0.9 and table[0]:
            a = rng.randrange(len(table[0]))
            for r in table:
                if len(r) > a:
                    r.append(r.pop(a))
        elif table[0]:
            table[0][rng.randrange(len(table[0]))] = rng.choice(["name", "parameters_bn", "tags", "version", "nsfw", "context_window",
                                                                "interaction_modes", "capabilities", "settings", "x"])
    end = rng.choice(["\n", "\r\n", "\r\n", "\r"])

    def cell(text):
        if any(c in text for c in ',"\r\n') and rng.random() < 0.97 or rng.random() < 0.1:
            return '"' + text.replace('"', '""') + '"' + (rng.choice(["x", '"', " "]) if rng.random() < 0.02 else "")
        return text
    return "".join(",".join(map(cell, row)) + end for row in table)


def shrink(rng, category, text):
    """A few records of a big file."""
    if category == "text_generation" or len(text) < 5000:
        return text
    try:
        tree = load(text)
    except Exception:
        return text[: rng.randint(1, len(text))]
    if isinstance(tree, Pairs) and len(tree) > 3:
        tree = Pairs(rng.sample(tree, 3))
    return dump(rng, tree)


def pool(shared):
    sources = []
    cases = os.path.join(shared, "spec", "cases")
    for file in sorted(os.listdir(cases)):
        if not file.endswith(".jsonl"):
            continue
        for line in open(os.path.join(cases, file), encoding="utf-8"):
            case = json.loads(line)
            if case.get("legacy") and "category" in case:
                sources.append((case["category"], case["legacy"]))
    corpus = os.path.join(shared, "corpus", "history")
    for legacy, category in CATEGORY_OF.items():
        folder = os.path.join(corpus, legacy)
        for file in sorted(os.listdir(folder)):
            if file.endswith(".legacy"):
                text = open(os.path.join(folder, file), encoding="utf-8", newline="").read()
                sources += [(category, text)] * 3
    return sources


CATEGORY_OF = {"models.csv": "text_generation", "stable_diffusion.json": "image_generation"}


def one(rng, sources):
    category, text = rng.choice(sources)
    text = shrink(rng, category, text)
    if rng.random() < 0.15 or category == "text_generation" and rng.random() < 0.1:
        text = mutate_text(rng, text)
    elif category == "text_generation":
        text = mutate_csv(rng, text)
    else:
        try:
            tree = load(text)
            mutate_tree(rng, tree)
            text = dump(rng, tree)
        except (ValueError, RecursionError):
            text = mutate_text(rng, text)
    return category, text.encode("utf-8", "surrogatepass")


def ask_model(model, category, data):
    """The answer, or None for a file that only the package can judge."""
    answer = {}
    try:
        v2, issues = model.convert(category, data)
        answer.update(ok=True, v2=v2, issues=issues)
    except model.Fail as error:
        answer.update(ok=False, error=str(error))
    except (Unjudged, RecursionError):
        return None
    if category == "text_generation":
        try:
            rows, _ = model.read_text_csv(data.decode("utf-8"))
            answer["views"] = [model.dumps(model.legacy_dict(rows, prefixes), uj=True) for prefixes in (True, False)]
        except (model.Fail, UnicodeDecodeError):
            answer["views"] = None
    return answer


class Unjudged(Exception):
    """Needs a WHATWG URL parser."""


def open_model(shared):
    sys.path.insert(0, os.path.join(shared, "spec"))
    import model
    try:
        from pydantic import HttpUrl, TypeAdapter, ValidationError
        adapter = TypeAdapter(HttpUrl)

        def url(text):
            try:
                return str(adapter.validate_python(text))
            except ValidationError:
                raise model.Bad("url") from None
    except ImportError:
        def url(text):
            raise Unjudged
    model.url_oracle = url
    CATEGORY_OF.update({c[2]: c[0] for c in model.CATEGORIES if c[3]})
    return lambda category, data: ask_model(model, category, data)


def open_package():
    """Conversions, issues and views by the package itself."""
    import pathlib
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oracle-"))
    os.chdir(folder)
    os.environ["AIWORKER_CACHE_HOME"] = str(folder / "cache")
    import ujson
    from loguru import logger
    from horde_model_reference import MODEL_REFERENCE_CATEGORY
    from horde_model_reference.legacy.classes.legacy_converters import BaseLegacyConverter
    from horde_model_reference.legacy.convert_all_legacy_dbs import convert_legacy_database_by_category
    from horde_model_reference.legacy.text_csv_utils import csv_rows_to_legacy_dict, parse_legacy_text_csv_file
    logger.remove()
    base = folder / "base"
    (base / "legacy").mkdir(parents=True)
    names = {"text_generation": "models.csv", "image_generation": "stable_diffusion.json"}
    converters = []
    original = BaseLegacyConverter.convert_to_new_format

    def watched(self):
        converters.append(self)
        return original(self)

    BaseLegacyConverter.convert_to_new_format = watched

    def ask(category, data):
        file = names.get(category, category + ".json")
        legacy = base / "legacy" / file
        v2 = base / file.replace("models.csv", "text_generation.json")
        legacy.write_bytes(data)
        v2.unlink(missing_ok=True)
        converters.clear()
        try:
            ok = convert_legacy_database_by_category(MODEL_REFERENCE_CATEGORY(category), base, base)
        except Exception as error:
            ok, why = False, f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            why = "the conversion reports failure"
        answer = {"ok": False, "error": why}
        if ok and v2.exists():
            answer = {"ok": True, "v2": v2.read_text(), "issues": dict(converters[0].all_validation_errors_log) if converters else {}}
        if category == "text_generation":
            try:
                rows, _ = parse_legacy_text_csv_file(legacy)
                answer["views"] = [ujson.dumps(csv_rows_to_legacy_dict(rows, with_backend_prefixes=prefixes), escape_forward_slashes=False, indent=4)
                                   for prefixes in (True, False)]
            except Exception:
                answer["views"] = None
        return answer
    return ask


def printable(value):
    """Lone surrogates make no valid line; files that have them may be refused whatever the answer says."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--engine", choices=["model", "package"], default="model")
    parser.add_argument("--generator", choices=["mutated", "fresh"], default="mutated")
    parser.add_argument("--shorter-than", type=int, metavar="BYTES", help="leave out what takes more than a line of so many bytes")
    args = parser.parse_args()
    model = open_model(args.shared) if args.shared else None
    sources = pool(args.shared) if args.generator == "mutated" else None
    ask = model if args.engine == "model" else open_package()
    for number in range(args.count):
        rng = random.Random(f"{args.seed}/{number}")
        category, data = one(rng, sources) if sources else fresh.one(rng)
        answer = ask(category, data)
        if answer is not None:
            answer.update(id=f"{args.generator}/{args.seed}/{number}", category=category, legacy_b64=base64.b64encode(data).decode())
            line = json.dumps(printable(answer))
            if args.shorter_than is None or len(line) < args.shorter_than:
                print(line)


if __name__ == "__main__":
    main()
