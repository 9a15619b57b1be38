"""One text for equal JSON values, whatever the order of their keys: to compare them, or for a digest."""

import json
from typing import Any

import orjson

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False, default=str
).encode


def to_canonical(value: Any) -> bytes:
    """The text of a value that JSON can hold; of this version and process only, so not for keeping.

    RecursionError for a value that contains itself.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # It takes no number of more than 64 bits, no half of a surrogate pair, no key but text, and nothing
        # deeper than 254 levels; a value that has one of these always comes here, so equal texts stay equal.
        return _encode(value).encode(errors="surrogatepass")
