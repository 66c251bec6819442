"""Reads everything through horde_model_reference, as its environment says, and prints one JSON object a read.

usage: read.py [--as-stranger] [--async] [--v1] [--each-line]

--as-stranger   become another user after the import (an interpreter below /root is closed to others)
--async      by the asynchronous methods
--v1         the legacy form as well
--each-line  read again, in the same process, for each line on stdin, until it ends
"""
import argparse
import asyncio
import hashlib
import json
import os
import sys
from importlib.metadata import version

from loguru import logger

logger.remove()
from horde_model_reference import MODEL_REFERENCE_CATEGORY as Category  # noqa: E402
from horde_model_reference.model_reference_manager import ModelReferenceManager  # noqa: E402

LEGACY = ("blip", "clip", "codeformer", "controlnet", "esrgan", "gfpgan", "safety_checker", "image_generation",
          "text_generation", "miscellaneous")


def digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def read(manager, options):
    if options.asynchronous:
        found = asyncio.run(manager.get_all_model_references_or_none_async())
    else:
        found = manager.get_all_model_references_or_none()
    types = {}
    records = {}
    for category, typed in found.items():
        if typed is None:
            types[category.value] = records[category.value] = None
            continue
        types[category.value] = sorted({type(record).__name__ for record in typed.values()})
        records[category.value] = {name: record.model_dump(mode="json") for name, record in typed.items()}
    answer = {
        "version": version("horde_model_reference"),
        "backend": type(manager.backend).__name__,
        "user": os.geteuid(),
        "records": {name: None if found is None else len(found) for name, found in records.items()},
        "types": types,
        "digests": {name: None if found is None else digest(found) for name, found in records.items()},
        "descriptions": {
            name: sorted(str(record.get("description")) for record in found.values())
            for name, found in records.items() if found is not None
        },
    }
    if options.v1:
        answer["v1"] = {name: len(manager.backend.get_legacy_json(Category(name)) or {}) for name in LEGACY}
    return answer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--as-stranger", action="store_true")
    parser.add_argument("--async", dest="asynchronous", action="store_true")
    parser.add_argument("--v1", action="store_true")
    parser.add_argument("--each-line", action="store_true")
    options = parser.parse_args()
    if options.as_stranger:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    manager = ModelReferenceManager()
    print(json.dumps(read(manager, options)), flush=True)
    if options.each_line:
        for _ in sys.stdin:
            print(json.dumps(read(manager, options)), flush=True)


main()
