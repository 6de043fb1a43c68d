"""Damage in H.264 and H.265 that decoders do not notice: bytes that no encoder writes."""

from collections.abc import Iterator

PREFIXES = (b"\0\0\0", b"\0\0\1", b"\0\0\2")
"""What emulation prevention keeps out of a NAL unit (ITU-T H.264 and H.265, 7.4.1 and 7.4.2)."""
LENGTH_SIZE = {"h264": 4, "hevc": 21}
"""Byte of the decoder configuration whose last two bits are the size of a length field, less one
(ISO/IEC 14496-15, avcC and hvcC)."""


def is_damaged(packet: bytes, codec: str, configuration: bytes | None) -> bool:
    """Whether a packet of an mp4 holds a forbidden sequence, as where a block of it was zeroed.

    Args:
        packet: of the stream; NAL units, each after its length.
        codec: FFmpeg's name; those other than LENGTH_SIZE know no such sequences.
        configuration: avcC or hvcC; a stream without it is in another format, and passes.
    """
    place = LENGTH_SIZE.get(codec, 0)
    if not place or configuration is None or len(configuration) <= place or configuration[0] != 1:
        return False
    units = _units(packet, (configuration[place] & 3) + 1)
    return any(prefix in unit for unit in units for prefix in PREFIXES)


def _units(packet: bytes, size: int) -> Iterator[bytes]:
    """The NAL units of a packet, without zeros at the end, which some muxers leave there."""
    start = 0
    while start < len(packet):
        end = start + size + int.from_bytes(packet[start : start + size], "big")
        yield packet[start + size : end].rstrip(b"\0")
        start = end
