"""A TCP proxy on loopback for scenarios: counts what passes, and can cut or silence it.

For PostgreSQL it knows each connection's application_name (from the start-up message) and counts round trips: a turn is
the client sending after the server has spoken.
"""
import selectors, socket, struct, threading


class Link:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.name, self.turns, self.client_bytes = None, 0, 0
        self.server_spoke = True

    def other(self, end):
        return self.server if end is self.client else self.client

    def note_client(self, data):
        if self.name is None:
            self.name = startup_name(data)
        if self.server_spoke:
            self.turns += 1
            self.server_spoke = False
        self.client_bytes += len(data)


def startup_name(data):
    """application_name of a PostgreSQL start-up message (protocol 3.0), else ''."""
    if len(data) < 8 or struct.unpack("!I", data[4:8])[0] != 196608:
        return None if len(data) == 8 else ""  # an SSL or GSS request comes before the start-up message
    fields = data[8:].split(b"\0")
    pairs = dict(zip(fields[0::2], fields[1::2]))
    return pairs.get(b"application_name", b"").decode()


class Proxy:
    def __init__(self, host, port, listen=0):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", listen), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.links, self.lock, self.ending, self.silent = [], threading.Lock(), False, False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._pass(key.fileobj, key.data)

    def _accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, 2)
        except OSError:
            client.close()
            return
        link = Link(client, server)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(end, selectors.EVENT_READ, link)
        with self.lock:
            self.links.append(link)

    def _pass(self, end, link):
        try:
            data = end.recv(1 << 18)
            if data and not self.silent:
                with self.lock:
                    if end is link.client:
                        link.note_client(data)
                    else:
                        link.server_spoke = True
                link.other(end).sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close(link)

    def _close(self, link):
        for end in (link.client, link.server):
            try:
                self.selector.unregister(end)
            except (KeyError, ValueError):
                pass
            end.close()

    def turns(self, name_ends):
        """Round trips of all connections whose application_name ends so."""
        with self.lock:
            return sum(link.turns for link in self.links if (link.name or "").endswith(name_ends))

    def bytes(self):
        with self.lock:
            return sum(link.client_bytes for link in self.links)

    def names(self):
        with self.lock:
            return sorted({link.name or "" for link in self.links})

    def close(self):
        self.ending = True
        self.thread.join(2)
        self.listener.close()
        for link in self.links:
            self._close(link)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
