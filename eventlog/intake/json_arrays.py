"""JSON arrays of any size, a stretch of elements at a time.

A parser makes objects of a text that take up to thirty times its size (``[[],[],[]]``), so that a large array is never
parsed as a whole: its commas are found first, and what stands between two of them is parsed by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from eventlog.errors import MalformedBodyError, TooManyEventsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRETCH_BYTES = 256 * 1024
"""About how much text is parsed at once; as much memory as its objects take is taken at once."""
_SPACE = b" \t\r\n"
_QUOTE, _OPEN, _CLOSE, _COMMA = 1, 2, 3, 4


def elements(text: bytes, max_elements: int, max_element_bytes: int) -> Iterator[list[Any] | bytes]:
    """The elements of a JSON array, in order and a stretch at a time.

    Parameters
    ----------
    text
        The array.
    max_elements
        How many there may be, told while they are read.
    max_element_bytes
        How large one may be. The text of a larger one comes as it is; nobody looked into it.

    >>> list(elements(b'[1, {"a": [2, 3]}]', 2, 100))
    [[1, {'a': [2, 3]}]]

    Raises
    ------
    MalformedBodyError
        If the text is no JSON.
    TooManyEventsError
        As soon as there are more than `max_elements`.
    """
    count = 0
    whole = _inside(text)
    for begin, end, single in _stretches(text, *whole):
        if single and len(alone := text[begin:end].strip()) > max_element_bytes:
            count += 1
            found: list[Any] | bytes = alone
        else:
            found = _parsed(text, begin, end)
            count += len(found)
            if not found and (begin, end) != whole:  # `[1,]`; an array of nothing may be empty
                raise MalformedBodyError("not JSON: a comma with no value beside it", text.count(b"\n", 0, end) + 1)
        if count > max_elements:
            raise TooManyEventsError(max_elements)
        yield found


def not_json(error: orjson.JSONDecodeError, text: bytes, begin: int = 0, end: int | None = None) -> MalformedBodyError:
    """What to tell of a text that a parser refused, or of a piece of it: the problem, and its line in the text."""
    line = text.count(b"\n", 0, begin) + error.lineno
    try:
        text[begin:end].decode()
    except UnicodeDecodeError as wrong:
        place = begin + wrong.start
        return MalformedBodyError(f"not JSON: byte {place} is not UTF-8", text.count(b"\n", 0, place) + 1)
    return MalformedBodyError(f"not JSON: {error.msg}", line)


def json_text(value: Any) -> bytes:
    """The text of a value that was read from one; `MalformedBodyError` if it is nested too deeply for that."""
    try:
        return b"%b" % orjson.dumps(value)  # a copy of its size: what comes is of a buffer of a kilobyte or more
    except TypeError:  # what it reads may be nested 1,024 deep, what it writes 254
        raise MalformedBodyError("an event is nested more than 254 deep") from None


def _inside(text: bytes) -> tuple[int, int]:
    """Where what stands between the brackets begins and ends."""
    begin, end = len(text) - len(text.lstrip(_SPACE)) + 1, len(text.rstrip(_SPACE)) - 1
    if end < begin or text[end] != ord("]"):
        raise _unclosed(text)
    return begin, end


def _stretches(text: bytes, begin: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(begin, end, whether it is one element) of stretches that begin and end at borders of elements.

    One element may be of any length; several together are never longer than `STRETCH_BYTES`.
    """
    if end - begin <= STRETCH_BYTES:
        yield begin, end, False
        return
    scanner = _Scanner(text)
    for start in range(begin, end, STRETCH_BYTES):
        first, last = scanner.outer_commas(start, min(start + STRETCH_BYTES, end))
        if first is None or last is None:
            continue
        if begin < start:  # what has reached into this block from those before it
            yield begin, first, True
            begin = first + 1
        if begin <= last:
            yield begin, last, False
            begin = last + 1
    scanner.check_closed()
    yield begin, end, True


def _parsed(text: bytes, begin: int, end: int) -> list[Any]:
    """The elements in a stretch. Where each stretch is a list of elements, so is the text: JSON's grammar says so."""
    try:
        found: list[Any] = orjson.loads(b"[%b]" % text[begin:end])
    except orjson.JSONDecodeError as error:
        raise not_json(error, text, begin, end) from None
    return found


class _Scanner:
    """Finds the commas between the elements of an array, block by block, without parsing any element.

    It need not be right about a text that is no JSON: whatever stands between two commas is parsed by itself.
    """

    def __init__(self, text: bytes):
        import numpy as np  # takes long to load, and few send arrays as large

        self._np = np
        self._text = text
        self._kinds = np.zeros(256, np.int8)
        for characters, kind in ((b'"', _QUOTE), (b"[{", _OPEN), (b"]}", _CLOSE), (b",", _COMMA)):
            self._kinds[list(characters)] = kind
        self._steps = np.array([0, 0, 1, -1, 0], np.int32)
        self._depth = 0
        self._quotes = 0
        self._escaped = False
        """Whether the character behind the last block is escaped by a backslash at its end."""

    def outer_commas(self, begin: int, end: int) -> tuple[int | None, int | None]:
        """Where the first and the last comma at the top level of a block are; blocks are asked for in order."""
        np = self._np
        block = np.frombuffer(self._text, np.uint8, end - begin, begin)
        kinds = self._kinds[block]
        self._unmark_escaped(kinds, block)
        places = np.flatnonzero(kinds)
        kinds = kinds[places]
        quotes = np.cumsum(kinds == _QUOTE) + self._quotes
        outside = (quotes % 2 == 0) & (kinds != _QUOTE)
        places, kinds = places[outside], kinds[outside]
        depths = np.cumsum(self._steps[kinds]) + self._depth
        self._quotes = int(quotes[-1]) % 2 if quotes.size else self._quotes
        if not depths.size:
            return None, None
        self._depth = int(depths[-1])
        if depths.min() < 0:
            wrong = begin + int(places[int(np.argmax(depths < 0))])
            raise MalformedBodyError("not JSON: the array ends early", self._text.count(b"\n", 0, wrong) + 1)
        commas = places[(depths == 0) & (kinds == _COMMA)]
        return (begin + int(commas[0]), begin + int(commas[-1])) if commas.size else (None, None)

    def check_closed(self) -> None:
        """Raise `MalformedBodyError` unless all that was opened is closed."""
        if self._depth or self._quotes:
            raise _unclosed(self._text)

    def _unmark_escaped(self, kinds: NDArray[np.int8], block: NDArray[np.uint8]) -> None:
        """Take the mark from what a backslash escapes: the character behind an odd number of them."""
        np = self._np
        backslashes = np.flatnonzero(block == ord("\\"))
        if self._escaped:
            kinds[0] = 0
            backslashes = backslashes[backslashes > 0]
        self._escaped = False
        if not backslashes.size:
            return
        begins = np.flatnonzero(np.diff(backslashes, prepend=-2) != 1)
        lengths = np.diff(begins, append=backslashes.size)
        behind = (backslashes[begins] + lengths)[lengths % 2 == 1]
        if behind.size and behind[-1] == block.size:
            self._escaped = True
            behind = behind[:-1]
        kinds[behind] = 0


def _unclosed(text: bytes) -> MalformedBodyError:
    return MalformedBodyError("not JSON: the array does not end", text.count(b"\n") + 1)
