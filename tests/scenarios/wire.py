"""Protobuf's wire format by hand, for bytes that no generated code would write."""


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def head(tag, size):
    """Of a field of wire type 2: text, bytes or a message of so many bytes."""
    return bytes([tag << 3 | 2]) + varint(size)


def text_field(tag, text):
    return head(tag, len(text)) + text.encode()


def nested(tag, depth):
    """A message in itself, `depth` times: built from the inside out, without recursion."""
    parts, size = [], 0
    for _ in range(depth):
        parts.append(head(tag, size))
        size += len(parts[-1])
    return b"".join(reversed(parts))
