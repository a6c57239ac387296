"""Prepare a checkout for the release of a tag: version, links, project URLs and release notes.

    python .github/release.py v1.2.3 --repository https://github.com/owner/name

Nothing is published. The release workflow runs this after it has checked out the tag; `make release` runs it in a copy.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

_FINAL = re.compile(r"v(\d+\.\d+\.\d+)$")
_PRERELEASE = re.compile(r"v(\d+\.\d+\.\d+)(?:a|b|rc)\d+$")
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)\s]+)\)")
_IMAGE = re.compile(r'src="(?!https?://)([^"]+)"')


def version_of(tag: str) -> str:
    """Return the version that a tag names.

    Raises:
        SystemExit: the tag is not `v1.2.3`, or `v1.2.3a1`, `b1` or `rc1`.
    """
    if not (_FINAL.match(tag) or _PRERELEASE.match(tag)):
        sys.exit(f"The tag is {tag!r}. Name it v1.2.3, or v1.2.3rc1 for a prerelease.")
    return tag[1:]


def release_notes(changelog: str, version: str) -> str:
    """Return the section of a version. A prerelease without one has the section "Unreleased".

    Raises:
        SystemExit: there is no such section, or it is empty.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    text_by_name = {section.split()[0].strip("[]"): section.partition("\n")[2].strip() for section in sections}
    names = [version] if _FINAL.match(f"v{version}") else [version, "Unreleased"]
    notes = next((text_by_name[name] for name in names if text_by_name.get(name)), None)
    if notes is None:
        sys.exit(f'CHANGELOG.md has no text under "## {version}". Rename "## Unreleased" to it, then tag again.')
    return notes


def absolute_links(markdown: str, repository: str, tag: str) -> str:
    """Return the text with absolute links, because the package index shows it without the repository."""
    markdown = _LINK.sub(rf"]({repository}/blob/{tag}/\1)", markdown)
    return _IMAGE.sub(rf'src="{repository}/raw/{tag}/\1"', markdown)


def add_project_urls(pyproject: str, repository: str, tag: str) -> str:
    """Return `pyproject.toml` with the URLs of the repository."""
    urls = {
        "Repository": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
        "Documentation": f"{repository}/blob/{tag}/docs/pages/index.md",
    }
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    return pyproject.replace("[project.urls]\n", f"[project.urls]\n{lines}")


def prepare(root: Path, tag: str, repository: str) -> str:
    """Write version, links and URLs into the files of a checkout, and return the release notes."""
    version = version_of(tag)
    notes = release_notes((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    edits = {
        "integrations/aimlapi_integrations/version.py": lambda text: re.sub(
            r'__version__ = ".*"', f'__version__ = "{version}"', text
        ),
        "CITATION.cff": lambda text: re.sub(r"^version: .*$", f"version: {version}", text, flags=re.MULTILINE),
        "README.md": lambda text: absolute_links(text, repository, tag),
        "pyproject.toml": lambda text: add_project_urls(text, repository, tag),
    }
    for name, edit in edits.items():
        path = root / name
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    return notes


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Prepare a checkout for the release of a tag.")
    parser.add_argument("tag", help="v1.2.3, or v1.2.3rc1 for a prerelease")
    parser.add_argument("--repository", required=True, help="the repository's address, https://github.com/owner/name")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    parser.add_argument("--notes", type=Path, default=Path("release-notes.md"), help="where the release notes go")
    options = parser.parse_args(arguments)
    notes = prepare(options.root, options.tag, options.repository.rstrip("/"))
    options.notes.write_text(notes + "\n", encoding="utf-8")
    sys.stdout.write(f"{options.root} is ready for {options.tag}; release notes: {options.notes}\n")


if __name__ == "__main__":
    main()
