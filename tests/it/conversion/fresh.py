"""Legacy files written from scratch, from lists of our own: nothing of them comes from upstream data.

Most records are sound and carry one or two things at the edge: numbers of every size and form, CSV in every spelling
of the dialect, duplicate keys, Unicode, dates, URLs, licence expressions.
"""
import json
import math
import struct

JSON_CATEGORIES = ["blip", "clip", "codeformer", "controlnet", "esrgan", "gfpgan", "safety_checker", "image_generation",
                   "image_generation", "image_generation", "miscellaneous"]
WORDS = ["Lantern", "Heron", "Quartz", "Mellow", "Ember", "Tide", "nova", "x", "Birch Wood", "v2"]
ODD_CHARACTERS = ("\u00e9\u00df\u0130\u0131\u017f\u212a\u0660\u0661\u0969\uff17\u00b2\u2160\u0301\u200b\u200f\u202e\u2028\u2029\u3000\u1680"
                  "\u0085\u00a0\ufeff\ufffd\uffff\U0001f600\U0001d7d8\U00010400\x00\x01\x1b\x1c\x1f\x7f\x80\"\\/'<>&\t\r\n\x0b\x0c ")
IDENTIFIERS = ["MIT", "Apache-2.0", "GPL-3.0+", "LicenseRef-own", "a:b", "\u00e9x", "Foo  Bar", "CC_BY", "X"]


class Raw(str):
    """JSON text that is written as it is."""


class Pairs(list):
    """The members of an object, so that a key can come twice."""


def digits(rng, most):
    return str(rng.randint(1, 9)) + "".join(rng.choice("0123456789") for _ in range(rng.randint(0, most)))


def double(rng):
    """A finite double: any bits, a tie between two shortest decimals, or a sum that rounds."""
    kind = rng.random()
    if kind < 0.4:
        value = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        return value if math.isfinite(value) else 0.5
    if kind < 0.7:
        return rng.getrandbits(53) * 2.0 ** rng.randint(-8, 4)
    return rng.choice([0.1 + 0.2, 1e15, 1e16, 1e22, 9.999999e22, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 2.0 ** 63, 123456.0]) * rng.choice([1, -1])


def number(rng):
    """A literal; not all of them are JSON."""
    kind = rng.random()
    sign = rng.choice(["", "", "", "-"])
    if kind < 0.25:
        return sign + rng.choice(["0", digits(rng, 2), digits(rng, 18), digits(rng, 40)])
    if kind < 0.5:
        return repr(double(rng))
    if kind < 0.6:
        return "%.*e" % (rng.randint(0, 25), double(rng))
    if kind < 0.85:
        text = sign + rng.choice(["0", digits(rng, 20)]) + "." + rng.choice(["0", "00", "5", "10", digits(rng, 25)])
        return text + rng.choice(["", "", rng.choice("eE") + rng.choice(["", "+", "-"]) + str(rng.randint(0, 330))])
    if kind < 0.993:
        return rng.choice(["-0", "0", "-0.0", "0.0", "1e0", "-0e5", "1E400", "-1e999", "NaN", "Infinity", "-Infinity", "9007199254740993",
                           "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 310, "1.0", "1e5"])
    return rng.choice(["01", "1.", ".5", "+1", "1e", "-", "0x1", "--1", "1_0", "infinity", "9" * 4301])


def number_text(rng):
    text = number(rng)
    kind = rng.random()
    if kind < 0.3:
        text = rng.choice(["", " ", "+", "\u3000", "\t"]) + text + rng.choice(["", " ", ".0", ".00", "_", "_0"])
    elif kind < 0.5 and len(text) > 2:
        at = rng.randrange(1, len(text))
        text = text[:at] + "_" + text[at:]
    elif kind < 0.6:
        text = "".join(chr(0x660 + int(c)) if c.isascii() and c.isdigit() else c for c in text)
    return text


def text(rng):
    kind = rng.random()
    if kind < 0.5:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3)))
    if kind < 0.55:
        return ""
    return "".join(rng.choice(ODD_CHARACTERS) if rng.random() < 0.6 else rng.choice("abcXYZ 019-_.") for _ in range(rng.randint(1, 12)))


def string(rng, value):
    """A string as JSON in one of its spellings; now and then a broken one."""
    out = []
    for c in value:
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(c)
        if rng.random() < 0.15 or ord(c) < 0x20 and short is None:
            units = c.encode("utf-16-be")
            escape = "".join("\\u" + units[i:i + 2].hex() for i in range(0, len(units), 2))
            out.append(escape.upper().replace("\\U", "\\u") if rng.random() < 0.3 else escape)
        elif short is not None:
            out.append(short)
        else:
            out.append("\\/" if c == "/" and rng.random() < 0.3 else c)
    if rng.random() < 0.001:
        out.append(rng.choice(["\\q", "\\u12", "\x01", "\\u12G4", "\n"]))
    return '"' + "".join(out) + '"'


def dump(rng, value, space):
    gap = (lambda: rng.choice(["", " ", "\n", "\t", "\r\n", "    "])) if space else (lambda: "")
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return string(rng, value)
    if isinstance(value, dict):
        value = Pairs(value.items())
    if isinstance(value, Pairs):
        return "{" + ",".join(gap() + string(rng, k) + gap() + ":" + gap() + dump(rng, v, space) + gap() for k, v in value) + gap() + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(gap() + dump(rng, v, space) + gap() for v in value) + "]"
    return json.dumps(value)


def scalar(rng):
    return rng.choice([lambda: Raw(number(rng)), lambda: Raw(number(rng)), lambda: number_text(rng), lambda: text(rng),
                       lambda: rng.choice([True, False]), lambda: None])()


def anything(rng, depth=2):
    kind = rng.random()
    if depth and kind < 0.15:
        return [anything(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if depth and kind < 0.25:
        return Pairs((text(rng), anything(rng, depth - 1)) for _ in range(rng.randint(0, 3)))
    return scalar(rng)


def flat(rng):
    kind = rng.random()
    if kind < 0.45:
        return Raw(number(rng))
    if kind < 0.6:
        return [Raw(number(rng)) for _ in range(rng.randint(0, 4))]
    if kind < 0.7:
        return [rng.choice([Raw(number(rng)), number_text(rng), True, 1, 0.5]) for _ in range(rng.randint(1, 4))]
    if kind < 0.8:
        return [text(rng) for _ in range(rng.randint(0, 3))]
    return rng.choice([text(rng), True, False, number_text(rng)]) if kind < 0.97 else anything(rng)


def flats(rng):
    keys = ["a", "b", "steps", "cfg", "karras", "schedulers", "", text(rng)]
    members = Pairs((rng.choice(keys), flat(rng)) for _ in range(rng.randint(0, 4)))
    if rng.random() < 0.3:
        members.append(("karras", rng.choice([True, False, True, False, 1, "yes"])))
    return members


def date(rng):
    if rng.random() < 0.6:
        day = "%04d-%02d-%02d" % (rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28))
        return rng.choice([day, day, day + "T00:00Z", day + " 00:00:00.0000009+05:30", Raw(86400 * rng.randint(-100000, 200000))])
    day = "%04d-%02d-%02d" % (rng.choice([0, 1, 1970, 2000, 2023, 2024, 9999]), rng.randint(0, 13), rng.choice([1, 15, 28, 29, 30, 31, 32]))
    kind = rng.random()
    if kind < 0.5:
        return day
    if kind < 0.8:
        time = rng.choice(["00:00", "00:00:00", "00:00:00.0", "00:00:00,000000", "00:00:00.0000009", "00:00:01", "24:00", "0:00", "00:00:00."])
        return day + rng.choice("Tt_ -") + time + rng.choice(["", "Z", "z", "+00:00", "-0530", "+24:00", "\u221201:00", "+1", " "])
    seconds = rng.choice([86400 * rng.randint(-800000, 3000000), rng.randint(-10**12, 10**12), 86400000 * rng.randint(-800000, 3000000)])
    return rng.choice([Raw(seconds), Raw("%d.0" % seconds), str(seconds), "+%d" % abs(seconds), "%d." % seconds, "%d.0000001" % seconds,
                       Raw("%d.5" % seconds), Raw(number(rng)), number_text(rng), True, None])


def expression(rng):
    """An expression and the identifiers that it was made of."""
    used, out = set(), []
    for index in range(rng.randint(1, 4)):
        name = rng.choice(IDENTIFIERS)
        used.add(" ".join(name.split()))
        if index:
            out.append(rng.choice(["AND", "OR", "and", "Or"] if rng.random() < 0.85 else ["WITH", "WITH", "AND NOT"] if rng.random() < 0.5 else ["", "AND AND", "("]))
        out.append("(" * (rng.random() < 0.05) + name + ")" * (rng.random() < 0.05))
    return rng.choice([" ", " ", "  ", "\u3000"]).join(out), sorted(used)


def licensing(rng, files, inner=False):
    if rng.random() < 0.1:
        return {"license_expression": "NOASSERTION", "commercial_use": "unknown", "redistribution": rng.choice(["unknown", "unknown", "allowed"])}
    spelled, used = expression(rng)
    members = Pairs([("license_expression", spelled), ("license_ids", used + used[:1] * (rng.random() < 0.1)),
                     ("commercial_use", rng.choice(["allowed", "allowed_with_conditions", "prohibited", "unknown"])),
                     ("redistribution", rng.choice(["allowed", "unknown"]))])
    if rng.random() < 0.4:
        members.append(("obligations", rng.sample(["attribution", "share_alike", "disclose_source", "other"], rng.randint(0, 3))))
    if rng.random() < 0.5:
        members.append(("evidence", [Pairs([("source", text(rng)), ("checked_at", date(rng))]) for _ in range(rng.randint(0, 2))]))
    if rng.random() < 0.5:
        members.append(("reviewed_at", date(rng)))
    for name in ["attribution", "reviewed_by", "notes"]:
        if rng.random() < 0.3:
            members.append((name, rng.choice([text(rng), None])))
    if not inner and rng.random() < 0.3:
        members.append(("files", {rng.choice(files + ["none.bin"]): licensing(rng, files, True) for _ in range(rng.randint(0, 2))}))
    if rng.random() < 0.03:
        members.append((text(rng), 1))
    return members


def url(rng):
    if rng.random() < 0.7:
        return "https://" + rng.choice(["example.org", "B\u00dccher.example:443", "xn--bcher-kva.example"]) + rng.choice(["", "/a/../b c", "/\u00e9?q=\u00e9#\u00e9", "/%zz"])
    host = rng.choice(["example.org", "EXAMPLE.org:443", "b\u00fccher.example", "xn--bcher-kva.example", "[::1]", "[v1.x]", "[1::2", "1.2.3.4", "0x7f.1",
                       "256.1.1.1", "a_b.example", "\u2100.example", "\uff45xample.org", "user:p@h.example", "", "a..b", "\u00df.example", "h.example.:80"])
    path = rng.choice(["", "/", "/a/../b", "/a%2fb", "/\u00e9 x", "/a\\b", "/a\tb", "//x", "/?q=\u00e9#f", "?", "#", "/%zz", "/" + "p" * rng.choice([3, 2070, 2100])])
    return rng.choice(["", "", "", " ", "\n"]) + rng.choice(["http", "https", "https", "HTTP", "ftp", "data", ""]) + rng.choice(["://", "://", "://", ":", ":/", "//"]) + host + path


def config(rng):
    names = rng.sample(["a.ckpt", "b.safetensors", "c.yaml", "d/CIVITAI.ckpt", "e.YAML", "f.json", "", "g\u00e9.ckpt", "..yaml"], rng.randint(1, 3))
    files = []
    for name in names:
        entry = Pairs([("path", name)])
        for key, value in [("sha256sum", rng.choice(["0" * 64, "FIXME", "", None, "\u00e9" * 64, "ab"])), ("file_type", text(rng)), ("content_hash", text(rng)), ("md5sum", None)]:
            if rng.random() < 0.5:
                entry.append((key, value))
        files.append(entry)
    if rng.random() < 0.15:
        files.append(rng.choice(files))
    sound = [name for name in names if name and "yaml" not in name.lower()]
    downloads = [Pairs([("file_name", name), ("file_url", rng.choice([url(rng), "https://example.org/" + name, "", None]))]
                       + ([("file_path", rng.choice(["", "x", None]))] if rng.random() < 0.2 else []))
                 for name in sound + (["missing.bin"] if rng.random() < 0.05 else [])]
    members = Pairs([("files", files), ("download", downloads)])
    if rng.random() < 0.2:
        members.append(("embedded_component_hashes", rng.choice([{}, None, {text(rng): text(rng)}, {"a": "b", "c": "d"}])))
    if rng.random() < 0.1:
        members.append((text(rng), anything(rng)))
    return members, sound


def record(rng, category, key):
    members = Pairs([("name", key if rng.random() < 0.9 else text(rng))])
    add = lambda name, chance, make: members.append((name, make())) if rng.random() < chance else None
    files, sound = config(rng)
    image = category == "image_generation"
    add("type", 0.6, lambda: "ckpt" if image else rng.choice(["clip", "coca"]) if category == "clip" else text(rng))
    add("description", 0.8, lambda: rng.choice([text(rng), text(rng), None]))
    add("version", 0.6, lambda: rng.choice([text(rng), "1", None]))
    add("style", 0.6, lambda: rng.choice(["generalist", " anime ", "\u3000other", "realistic", None]) if image else text(rng))
    add("nsfw", 0.5, lambda: rng.choice([True, False, None, "yes", "OFF", 1, Raw("0.0"), Raw("-0"), Raw("1e0")]))
    add("available", 0.2, lambda: rng.choice([True, False, None]))
    add("config", 0.9, lambda: files)
    add("licensing", 0.4, lambda: licensing(rng, sound or ["a"]))
    add("metadata", 0.3, lambda: Pairs([(name, make()) for name, make in [
        ("schema_version", lambda: rng.choice(["2.1.0", "1.0.0", text(rng)])), ("created_at", lambda: rng.choice([Raw(digits(rng, 30)), "1_000", Raw(number(rng)), None])),
        ("updated_by", lambda: rng.choice([text(rng), None])), ("z", lambda: anything(rng))] if rng.random() < 0.5]))
    add("features_not_supported", 0.1, lambda: [text(rng)])
    if image:
        members.append(("baseline", rng.choice(["stable diffusion 1", "stable diffusion 2", "stable diffusion 2 512", "flux_1", "SDXL", text(rng)])))
        add("inpainting", 0.4, lambda: rng.choice([True, False, "on", 0]))
        add("tags", 0.5, lambda: [text(rng) for _ in range(rng.randint(0, 3))])
        add("showcases", 0.5, lambda: [url(rng) for _ in range(rng.randint(0, 2))])
        add("trigger", 0.3, lambda: rng.choice([None, [text(rng)]]))
        add("min_bridge_version", 0.3, lambda: rng.choice([1, " 12 ", None, Raw(number(rng))]))
        add("size_on_disk_bytes", 0.4, lambda: rng.choice([Raw(digits(rng, 40)), "0_0", "007", Raw("2e3"), number_text(rng)]))
        add("homepage", 0.3, lambda: rng.choice([url(rng), None]))
        add("optimization", 0.1, lambda: text(rng))
        add("requirements", 0.6, lambda: flats(rng))
    add("pretrained_name", 0.3, lambda: text(rng))
    add(text(rng), 0.2, lambda: anything(rng))
    if rng.random() < 0.2:
        rng.shuffle(members)
    if rng.random() < 0.15:
        name = rng.choice(members)[0]
        members.append((name, rng.choice(members)[1] if rng.random() < 0.3 else dict(members)[name]))
    if rng.random() < 0.06:
        at = rng.randrange(len(members))
        members[at] = (members[at][0], anything(rng))
    return members


def json_file(rng):
    category = rng.choice(JSON_CATEGORIES)
    keys = [text(rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]) if rng.random() < 0.99 else 0)]
    if keys and rng.random() < 0.1:
        keys.append(rng.choice(keys))
    members = Pairs((key, record(rng, category, key)) for key in keys)
    whole = dump(rng, members, rng.random() < 0.4)
    kind = rng.random()
    if kind < 0.03:
        whole = rng.choice(["\ufeff", " ", "\u00a0", "x"]) + whole
    elif kind < 0.06:
        whole += rng.choice(["\n", " \r\n", "x", "\x00", ","])
    elif kind < 0.08:
        whole = whole[:rng.randint(0, len(whole))]
    return category, whole


COLUMNS = ["name", "parameters_bn", "description", "version", "style", "nsfw", "baseline", "url", "tags", "settings", "instruct_format", "display_name",
           "context_window", "interaction_modes", "capabilities"]
NAME_PARTS = ["7B", "1.5b", "8x7B", "8x22B", "350M", "70K9", "v1", "v1.2.3", "V2", "v1.2a", "v3.", "Q4_K_M", "q8_0", "Q5", "q3_k_x", "GGUF", "awq", "fp16", "int8",
              "Instruct", "CHAT", "Base", "FT", "Thinking", "turbo", "latest", "2024", "2024-05", "05-2024", "202405", "12", "Heron", "Tide", "\u0130nt8", "\u212a",
              "\u017f", "\u0661\u0662B", "\u00b2", "\u0301", "\u2160", "\U0001d7d8B", "-", "_", ".", " ", "--", "x", "b", "k", "m", "0", "9", "1.0_", "3.1-"]


def model_name(rng):
    name = "".join(rng.choice(NAME_PARTS) + rng.choice(["", "-", "-", "_", ".", " "]) for _ in range(rng.randint(1, 6)))
    return rng.choice(["", "", "own/", "own/", "koboldcpp/", "aphrodite/", "a/b/", "x://"]) + name


def claims(rng, subjects):
    source = lambda: Pairs([("url", url(rng))] + [(name, rng.choice([text(rng), None])) for name in ["title", "note"] if rng.random() < 0.4])
    claim = lambda: Pairs([("status", rng.choice(["supported", "unsupported", "unknown"] if rng.random() < 0.95 else ["no", 1]))]
                          + ([("sources", [source() for _ in range(rng.randint(0, 2))])] if rng.random() < 0.6 else []))
    return Pairs((rng.choice(subjects), claim()) for _ in range(rng.randint(0, 2)))


def cell(rng, column):
    if column == "name":
        return model_name(rng) if rng.random() < 0.96 else rng.choice(["", " ", "\x1c"])
    if rng.random() < 0.25:
        return ""
    if column == "parameters_bn":
        return rng.choice(["7", "0.5", "13", "8.03", "1e22", repr(rng.random() * 100)]) if rng.random() < 0.85 else number_text(rng)
    if column == "tags":
        return ",".join(text(rng) for _ in range(rng.randint(0, 3)))
    if column == "nsfw":
        return rng.choice(["true", " TRUE ", "false", "1", "tr\u00fce"])
    if column == "settings":
        return dump(rng, flats(rng) if rng.random() < 0.9 else anything(rng), rng.random() < 0.3)
    if column == "context_window":
        window = Pairs([("maximum_tokens", rng.choice([4096, "8_192", Raw(digits(rng, 20)), " 512.0 "]) if rng.random() < 0.9 else Raw(number(rng)))])
        if rng.random() < 0.5:
            window.append(("sources", [{"url": url(rng)}]))
        return dump(rng, window if rng.random() < 0.95 else anything(rng), False)
    if column == "interaction_modes":
        return dump(rng, claims(rng, ["completion", "instruction", "chat"] + ["x"] * (rng.random() < 0.05)), rng.random() < 0.3)
    if column == "capabilities":
        return dump(rng, claims(rng, ["tool_calling", "structured_output"]), False)
    return text(rng)


def spelled(rng, value, blank):
    """A cell in the dialect; now and then one that says something else than it was meant to."""
    needs = any(c in value for c in ',"\r\n') and rng.random() < 0.98
    if needs or rng.random() < 0.15:
        return '"' + value.replace('"', '""') + '"' + (rng.choice(["x", '"', " ", 'y"']) if rng.random() < 0.03 else "")
    return (" " if rng.random() < blank else "") + value


def csv_file(rng):
    columns = list(COLUMNS)
    if rng.random() < 0.4:
        columns = columns[:2] + [column for column in columns[2:] if rng.random() < 0.6]
    if rng.random() < 0.3:
        rng.shuffle(columns)
    if rng.random() < 0.1:
        columns.insert(rng.randint(0, len(columns)), rng.choice(COLUMNS + ["other", "", "Name"]))
    rows = [columns]
    for _ in range(rng.choice([1, 2, 3, 5]) if rng.random() < 0.98 else 0):
        row = [cell(rng, column) for column in columns]
        if rng.random() < 0.05:
            row = row[:rng.randint(0, len(row))]
        elif rng.random() < 0.05:
            row.append(text(rng))
        rows.append(row)
        if len(rows) > 2 and rng.random() < 0.1 and "name" in columns and len(row) == len(columns):
            row[columns.index("name")] = (rng.choice(rows[1:]) + [""] * len(columns))[columns.index("name")]
        if rng.random() < 0.05:
            rows.append([])
    end = rng.choice(["\n", "\r\n", "\r\n", "\r"])
    whole = "".join(",".join(spelled(rng, value, 0.003 if row is columns else 0.1) for value in row) + (end if rng.random() < 0.95 else rng.choice(["\n", "\r", "\r\n", "\n\n"])) for row in rows)
    kind = rng.random()
    if kind < 0.03:
        whole = rng.choice(["\ufeff", "\n", "\r\n", '"', " "]) + whole
    elif kind < 0.08:
        whole = whole[:rng.randint(0, len(whole))]
    return "text_generation", whole


def one(rng):
    category, whole = csv_file(rng) if rng.random() < 0.35 else json_file(rng)
    data = whole.encode("utf-8", "surrogatepass")
    if rng.random() < 0.005 and data:
        at = rng.randrange(len(data))
        data = data[:at] + rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"]) + data[at:]
    return category, data
