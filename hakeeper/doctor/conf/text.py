"""Text as keepalived's C code sees it: bytes, with its own rules for blanks and quotes.

Text is handled as `str` with one character per byte (`as_bytes`), so that lengths match those that
keepalived counts, and a no-break space is two ordinary characters, as it is to keepalived.
"""

import re
from typing import Final

BLANKS: Final = " \t"
SPACES: Final = " \t\f\n\r\v"
"""The characters at which keepalived splits words."""
_COMMENT_QUOTE_OR_ESCAPE: Final = re.compile(r'[!#"\\]')
_BRACE_OR_QUOTE: Final = re.compile(r'[{}"]')
_END_OF_WORD: Final = re.compile(r'[ \t\f\n\r\v"]')
_ENDS_PART: Final = {
    "": re.compile(r"[ \t\f\n\r\v'\"\\]"),
    '"': re.compile(r'["\\]'),
    "'": re.compile(r"['\\]"),
}
_HEX: Final = re.compile(r"x([0-9A-Fa-f]+)")
_OCTAL: Final = re.compile(r"[0-7]{1,3}")
_LETTERS: Final = {
    "a": "\a",
    "b": "\b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def as_bytes(text: str) -> str:
    """Return the text with one character for each of its bytes in UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def as_text(text: str) -> str:
    """Undo `as_bytes`; bytes that are not UTF-8 are replaced."""
    return text.encode("latin-1").decode("utf-8", "replace")


def without_comment(line: str) -> tuple[str, bool]:
    """Return the line without its comment and outer blanks, and whether a quote stays open.

    A comment begins with `#` or `!` outside of double quotes. A backslash before it makes it a
    plain character, and is removed. A backslash at the very end of the line survives a comment.
    """
    line = line.lstrip(BLANKS)
    done: list[str] = []
    at = 0
    cut: int | None = None
    """How many parts of `done` precede the comment."""
    quoted = goes_on = False
    while match := _COMMENT_QUOTE_OR_ESCAPE.search(line, at):
        start, character = match.start(), match[0]
        done.append(line[at:start])
        at = start + 1
        if character == "\\":
            following = line[at : at + 1]
            if not following:
                goes_on = True
                break
            at += 1
            done.append(following if following in "#!" and not quoted else "\\" + following)
            continue
        if cut is None:
            if character == '"':
                quoted = not quoted
            elif not quoted:
                cut = len(done)
        done.append(character)
    if not goes_on:
        done.append(line[at:])
    kept = "".join(done if cut is None else done[:cut]).rstrip(BLANKS)
    return kept + ("\\" if goes_on else ""), quoted


def split_at_brace(text: str) -> tuple[str, str]:
    """Split a line into its first part (a brace, or what precedes one) and the rest."""
    if text[0] in "{}":
        return text[0], text[1:].strip(BLANKS)
    at = 0
    while match := _BRACE_OR_QUOTE.search(text, at):
        if match[0] != '"':
            return text[: match.start()].rstrip(BLANKS), text[match.start() :].rstrip(BLANKS)
        at = text.find('"', match.end()) + 1
        if at == 0:
            break
    return text.rstrip(BLANKS), ""


def words_of(text: str) -> tuple[list[str], bool]:
    """Split into words; True: a quote is never closed, and its text is lost.

    A double quote always begins a new word, and cannot be escaped.
    """
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if at == len(text):
            return words, False
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                return words, True
            words.append(text[at + 1 : end])
            at = end + 1
        else:
            match = _END_OF_WORD.search(text, at)
            end = len(text) if match is None else match.start()
            words.append(text[at:end])
            at = end


def command_words(text: str) -> list[str] | None:
    """Split a command line as keepalived does, with single quotes and escapes.

    None: a quote is not closed, or nothing follows the last backslash; keepalived ignores the line.
    """
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if at == len(text):
            return words
        read = _command_word(text, at)
        if read is None:
            return None
        word, at = read
        words.append(word)


def _command_word(text: str, at: int) -> tuple[str, int] | None:
    parts: list[str] = []
    quote = ""
    while at < len(text):
        match = _ENDS_PART[quote].search(text, at)
        if match is None:
            if quote:
                return None
            parts.append(text[at:])
            at = len(text)
            break
        parts.append(text[at : match.start()])
        at = match.start()
        character = match[0]
        if character == "\\":
            escaped = _escaped(text, at + 1)
            if escaped is None:
                return None
            parts.append(escaped[0])
            at = escaped[1]
        elif quote:
            quote = ""
            at += 1
        elif character in "'\"":
            quote = character
            at += 1
        else:
            break
    return "".join(parts), at


def _escaped(text: str, at: int) -> tuple[str, int] | None:
    """Return the character of the escape after a backslash, and where the text continues."""
    if at == len(text):
        return None
    if match := _HEX.match(text, at):
        return chr(int(match[1], 16) & 0xFF), match.end()
    if text[at] == "c" and at + 1 < len(text):
        return chr(ord(text[at + 1]) & 0x1F), at + 2
    if match := _OCTAL.match(text, at):
        return chr(int(match[0], 8) & 0xFF), match.end()
    return _LETTERS.get(text[at], text[at]), at + 1
