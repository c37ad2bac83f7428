"""Events for the lab service, healthy and poisonous: for the scenario and the bench."""
import functools, os, pathlib, sys, uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from weft_scenario import BUILD, contextlib, pika_connection
from wire import nested, text_field, varint

ATTEMPTS = 3
GROUPS = ("LAB_EVENTS", "LAB_STEPS")
LAB = {"WEFT_SERVICE_DIR": str(BUILD / "lib" / "weft" / "lab")} | {
    f"WEFT_SERVICES_LAB_SERVICE_GROUPS_{group}_{key}": value for group in GROUPS
    for key, value in (("MAX_ATTEMPTS", str(ATTEMPTS)), ("BACKOFF_INITIAL", "100ms"), ("BACKOFF_MAX", "500ms"))}


def node_seen(name):
    return text_field(1, name)


def step_made(key, step):
    return text_field(1, key) + b"\x10" + varint(step)


@functools.lru_cache(None)
def big_body():
    return node_seen("big") + text_field(2, "x" * (17 << 20))


def poison():
    """(name, (body, properties)); CAUSES says how each ends: cause and attempts."""
    many = {f"{number:x}": True for number in range(10_000)}
    return [("truncated", (b"\x0a\x7fabc", {})), ("wrong wire type", (b"\x08\x05", {})), ("deep", (nested(3, 100_000), {})),
            ("17 MB", (big_body(), {})), ("10,000 headers", (node_seen("headers"), {"headers": many})),
            ("invalid header", (b"\x0a\x7f", {"headers": {"note": b"\xff\xfe", "cloudEvents:subject": b"k\xff"}})),
            ("handler fails", (node_seen("fail"), {})), ("handler aborts", (node_seen("abort"), {}))]


CAUSES = {"truncated": ("undecodable", 1), "wrong wire type": ("undecodable", 1), "deep": ("undecodable", 1),
          "17 MB": ("oversized", 1), "10,000 headers": ("oversized", 1), "invalid header": ("undecodable", 1),
          "handler fails": ("RETRY", ATTEMPTS), "handler aborts": ("crashed", 3)}


def publish(channel, body, type="lab.v1.NodeSeen", routing_key="node.seen", **properties):
    import pika
    event_id = properties.pop("message_id", str(uuid.uuid4()))
    channel.basic_publish("lab-events", routing_key, body, pika.BasicProperties(
        message_id=event_id, type=type, content_type="application/protobuf", delivery_mode=2, **properties))
    return event_id


def queue_depth(name):
    with contextlib.closing(pika_connection()) as connection:
        return connection.channel().queue_declare(name, passive=True).method.message_count
