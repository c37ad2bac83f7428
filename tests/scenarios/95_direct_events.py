#!/usr/bin/python3
"""The broker goes away: direct events wait in the journal and leave it in order, also after kill -9 of the host."""
import urllib.parse
from proxy import Proxy
from weft_scenario import *

LAB = {"WEFT_SERVICE_DIR": str(BUILD / "lib" / "weft" / "lab")}
QUEUE, TOPIC, JOURNAL = "lab-beats-watched", "lab-beats", "weft:journal:direct:lab-service"


def lab_modules(path):
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"-I{ROOT / 'tests/lab/proto'}", f"--python_out={path}",
                    "weft/options.proto", "lab/v1/lab.proto"], check=True)
    sys.path.insert(0, str(path))
    from lab.v1 import lab_pb2
    return lab_pb2


class Lab:
    """Sends beats 0, 1, 2, ..."""

    def __init__(self, lab_pb2, address):
        import grpc
        self.pb, self.channel, self.next = lab_pb2, grpc.insecure_channel(address), 0
        self.stub = Stub(self.channel, lab_pb2, "LabService")

    def beat(self, n):
        for _ in range(n):
            self.stub.SendBeat(self.pb.BeatRequest(source="s", number=self.next), timeout=5)
            self.next += 1


def beats_received(channel, lab_pb2, numbers):
    """Takes what has come; the numbers, each at its first time, in the order of their coming."""
    while True:
        method, _, body = channel.basic_get(QUEUE, auto_ack=True)
        if method is None:
            return numbers
        number = lab_pb2.Beat.FromString(body).number
        if number not in numbers:
            numbers.append(number)


def direct_events_come_in_order_through_an_outage_and_a_kill():
    need_servers()
    broker = urllib.parse.urlsplit(os.environ["RABBITMQ_URI"])
    with clean_broker(TOPIC, QUEUE, "lab-events", "lab-service.lab-events", "lab-service.lab-steps"), folder() as path, Redis(path) as redis, \
            contextlib.closing(pika_connection()) as connection:
        lab_pb2, channel, numbers = lab_modules(path), connection.channel(), []
        channel.exchange_declare(TOPIC, "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, TOPIC, "#")
        gate = Proxy(broker.hostname, broker.port)
        url = broker._replace(netloc=f"{broker.username}:{broker.password}@127.0.0.1:{gate.port}").geturl()
        with Weft(path, "lab", ["lab-service"], LAB | {"RABBITMQ_URI": url, "REDIS_URL": redis.url}) as weft:
            weft.start()
            lab = Lab(lab_pb2, weft.address)
            lab.beat(50)
            wait_until(lambda: len(beats_received(channel, lab_pb2, numbers)) == 50, 10, "beats arrive at once")
            expect_equal(redis.run("EXISTS", JOURNAL), 0, "the journal while the broker is there")

            gate.close()
            lab.beat(100)
            wait_until(lambda: redis.run("XLEN", JOURNAL) >= 100, 10, "beats wait in the journal")
            gate = Proxy(broker.hostname, broker.port, gate.port)
            lab.beat(20)
            wait_until(lambda: len(beats_received(channel, lab_pb2, numbers)) == 170, 20, "the journal drains")
            wait_until(lambda: redis.run("EXISTS", JOURNAL) == 0, 10, "and is empty")

            gate.close()
            lab.beat(100)
            wait_until(lambda: redis.run("XLEN", JOURNAL) >= 100, 10, "beats wait in the journal again")
            weft.kill()
            gate = Proxy(broker.hostname, broker.port, gate.port)
            weft.start()
            lab.channel.close()
            sent, lab = lab.next, Lab(lab_pb2, weft.address)
            lab.next = sent
            wait_until(lambda: len(beats_received(channel, lab_pb2, numbers)) == 270, 20, "a later process drains the journal")
            lab.beat(30)
            wait_until(lambda: len(beats_received(channel, lab_pb2, numbers)) == 300, 20, "beats arrive at once again")
            expect_equal(numbers, list(range(300)), "beats by their first arrival")
            drained = 'weft_direct_events_total{service="lab-service",result="drained"} 100'
            expect(drained in weft.http("/metrics")[1], f"/metrics tells {drained}")
            lab.channel.close()
            expect_equal(weft.stop(), 0, "exit status after SIGTERM")
            gate.close()


scenario(direct_events_come_in_order_through_an_outage_and_a_kill)
