"""Why a file cannot be read: one line for people, from the file's first bytes."""

from __future__ import annotations

from pathlib import Path

# Magic numbers: PNG, JPEG, GIF (a GIF film is read as a video), BMP, TIFF twice, and WebP below.
PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
# Matroska and WebM, Ogg, Flash, MPEG program streams (DVDs), Windows Media.
VIDEOS = (b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"\x00\x00\x01\xba", b"0&\xb2u\x8ef\xcf\x11")


def picture_kind(head: bytes) -> str | None:
    """The name of the picture format that these first bytes belong to."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for magic, name in PICTURES.items() if head.startswith(magic)), None)


def is_video(head: bytes) -> bool:
    """Whether these first bytes look like a video."""
    return head[4:8] == b"ftyp" or head[8:12] == b"AVI " or head.startswith(VIDEOS)


def is_transport_stream(head: bytes) -> bool:
    """Whether these first bytes (400 or more) look like MPEG-TS, plain or with time stamps."""
    return any(head[start::step][:2] == b"GG" for start, step in ((0, 188), (4, 192)))


def is_unfinished_avi(head: bytes, size: int) -> bool:
    """Whether an AVI of so many bytes says that it has more frames than fit, as one does that was
    written to its end nowhere. decord ends the process on such a file.

    Its stream header tells the length at byte 32 (AVISTREAMHEADER); a frame takes 8 bytes or more.
    """
    start = head.find(b"vids")
    length = int.from_bytes(head[start + 32 : start + 36], "little")
    return head[8:12] == b"AVI " and start >= 0 and length > size // 8


def first_bytes(path: Path) -> bytes:
    """Up to 512 bytes; none if the file cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError:
        return b""


def explain_missing(path: Path) -> str | None:
    """What is wrong before any byte was read, or None."""
    if path.is_dir():
        return f"{path} is a folder; expected a file"
    if not path.exists():
        return f"{path}: no such file; check the name and the folder"
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return f"{path} cannot be opened: {error.strerror}; check its permissions"
    return f"{path} is empty (0 bytes); copy or download it again" if empty else None


def explain_unreadable(path: Path) -> str:
    """One line on why this is not a readable video, and what to do."""
    missing = explain_missing(path)
    if missing:
        return missing
    head = first_bytes(path)
    picture = picture_kind(head)
    if picture:
        return (
            f"{path} is a {picture} picture, not a video; the driving motion needs a video "
            "(a picture can be the reference)"
        )
    if _is_text(head):
        return f"{path} holds text, not a video; check that this is the file you mean"
    if is_video(head) or is_transport_stream(head):
        return (
            f"{path} cannot be read: the video is cut off or damaged, or has no picture track; "
            "copy or download it again, or re-encode it: "
            f"ffmpeg -i {path.name} -c:v libx264 {path.stem}_fixed.mp4"
        )
    return f"{path} is not a video that can be read; expected mp4, mov, mkv, webm, avi or gif"


def explain_picture(path: Path) -> str:
    """One line on why this is not a readable picture, and what to do."""
    missing = explain_missing(path)
    if missing:
        return missing
    head = first_bytes(path)
    if is_video(head) or is_transport_stream(head):
        return f"{path} is a video, not a picture; save one of its frames as PNG and use that"
    if _is_text(head):
        return f"{path} holds text, not a picture; check that this is the file you mean"
    if picture_kind(head) or head[:3] == b"GIF":
        return f"{path}: the picture is cut off or damaged; copy or download it again"
    return f"{path} is not a picture that can be read; expected PNG, JPEG, WebP, BMP, GIF or TIFF"


def _is_text(head: bytes) -> bool:
    return all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in head)
