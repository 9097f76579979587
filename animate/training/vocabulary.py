"""A small vocabulary of our own in the format of CLIP's tokenizer.

Byte pair encoding (arXiv 1508.07909) over bytes, as CLIP's: words of the given texts become one
token each, every other word falls into pieces and at last into bytes, so that none is unknown.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"  # CLIP's
LAST = "</w>"  # CLIP's mark of a word's last piece
FILES = ("vocab.json", "merges.txt")  # CLIP's names
Pieces = tuple[str, ...]


def byte_letters() -> list[str]:
    """The printable letter that stands for each of the 256 bytes, GPT-2's table."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def learn_merges(words: Iterable[str]) -> list[tuple[str, str]]:
    """Join the commonest pair of neighbouring pieces until every word is one; ties by letters."""
    split: list[Pieces] = [(*word[:-1], word[-1] + LAST) for word in sorted(set(words))]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for word in split for pair in pairwise(word)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        split = [_joined(word, best) for word in split]
    return merges


def write_tokenizer(words: Iterable[str], folder: Path, *, length: int) -> CLIPTokenizer:
    """Write a tokenizer in which every one of the words is a token; prompts have ``length``."""
    letters, merges = byte_letters(), learn_merges(words)
    entries = [*letters, *(letter + LAST for letter in letters), *map("".join, merges), START, END]
    vocabulary = {entry: place for place, entry in enumerate(dict.fromkeys(entries))}
    folder.mkdir(parents=True, exist_ok=True)
    words_file, merges_file = (folder / name for name in FILES)
    words_file.write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    rows = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    merges_file.write_text("\n".join(rows), "utf-8")
    tokenizer: CLIPTokenizer = CLIPTokenizer(
        str(words_file),
        str(merges_file),
        model_max_length=length,
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=END,
    )
    return tokenizer


def copy_words(folder: Path, saved: Path) -> None:
    """Lay the files of ``write_tokenizer`` beside a tokenizer that transformers saved: before
    version 5 it reads nothing else."""
    for name in FILES:
        shutil.copy(folder / name, saved / name)


def _joined(word: Pieces, pair: tuple[str, str]) -> Pieces:
    pieces: list[str] = []
    for piece in word:
        if pieces and (pieces[-1], piece) == pair:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)
