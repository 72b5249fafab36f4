"""A text taken apart once, for all who judge it."""

from dataclasses import dataclass

from domain.acceptance.text import blocks, plain, split_sentences, words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of text: as it is written, without marks, in sentences and in lower-case words."""

    written: str
    line: str
    sentences: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A unified text, the same without its markdown marks, and its paragraphs."""

    text: str
    plain: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def sentences(self) -> list[str]:
        """Every plain sentence of the text."""
        return [sentence for paragraph in self.paragraphs for sentence in paragraph.sentences]


def read(unified: str) -> Reading:
    """Take a unified text apart."""
    return Reading(unified, plain(unified), tuple(map(_paragraph, blocks(unified))))


def _paragraph(block: str) -> Paragraph:
    line = plain(block)
    return Paragraph(block, line, tuple(split_sentences(line)), tuple(words(line)))
