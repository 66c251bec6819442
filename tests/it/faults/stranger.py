"""A worker under another user id: the package's own offline client reads the mirror (argument: its parent directory)."""
import json
import os
import sys

os.environ["HORDE_MODEL_REFERENCE_OFFLINE"] = "true"
os.environ["AIWORKER_CACHE_HOME"] = sys.argv[1]
from loguru import logger

logger.remove()
from horde_model_reference.model_reference_manager import ModelReferenceManager

manager = ModelReferenceManager()
print(json.dumps({name: len(manager.get_model_reference(name)) for name in sys.argv[2:]}))
