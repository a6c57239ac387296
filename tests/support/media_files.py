"""Small files to send: a PDF with text on its pages, and a PNG."""

from __future__ import annotations

PNG = b"\x89PNG\r\n\x1a\nrest"


def make_pdf(*pages: str) -> bytes:
    """Return a PDF with a page for each text. It has no cross-reference table, which readers rebuild."""
    references = b" ".join(b"%d 0 R" % (3 + 2 * place) for place in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (references, len(pages)),
    ]
    for place, text in enumerate(pages):
        lines = b" T* ".join(b"(%b) Tj" % line.encode("cp1252") for line in text.split("\n"))
        drawn = b"BT /F1 12 Tf 14 TL 72 720 Td %b ET" % lines
        font = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        box = b"/MediaBox [0 0 612 792] /Resources " + font
        objects.append(b"<< /Type /Page /Parent 2 0 R %b /Contents %d 0 R >>" % (box, 4 + 2 * place))
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn))
    numbered = (b"%d 0 obj\n%b\nendobj\n" % (number, content) for number, content in enumerate(objects, 1))
    return b"%PDF-1.4\n" + b"".join(numbered) + b"trailer << /Root 1 0 R /Size %d >>\n%%%%EOF" % (len(objects) + 1)
