# SPDX-License-Identifier: Apache-2.0
"""Frames and datagrams of the worker protocol."""

import array
import codecs
import json
import os
import socket
import struct

HEADER = struct.Struct("<cI")
MAX_FRAME = 0x7FFFFFFF
MAX_DATAGRAM = 65536
MAX_DESCRIPTORS = 4
CHUNK = 1 << 18


def _replacement(error):
    return b"\xef\xbf\xbd" * (error.end - error.start), error.end


# Text of Python may hold halves of surrogate pairs, UTF-8 may not.
codecs.register_error("mlserver", _replacement)


def encode(message):
    """A message as JSON in UTF-8, whatever its texts hold."""
    return json.dumps(message, allow_nan=False, ensure_ascii=False).encode(
        "utf-8", "mlserver")


class ProtocolError(Exception):
    """The other side broke the protocol or went away."""


class Channel:
    """A SEQPACKET socket of JSON datagrams with descriptors."""

    def __init__(self, fd):
        self._socket = socket.socket(fileno=fd)

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def send(self, message, descriptors=()):
        data = encode(message)
        if len(data) > MAX_DATAGRAM:
            raise ProtocolError("datagram of %d bytes is too long" % len(data))
        ancillary = []
        if descriptors:
            ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", descriptors)))
        self._socket.sendmsg([data], ancillary)

    def receive(self):
        """(message, descriptors), or (None, []) at the end."""
        descriptors = array.array("i")
        space = socket.CMSG_SPACE(MAX_DESCRIPTORS * descriptors.itemsize)
        data, ancillary, flags, _ = self._socket.recvmsg(
            MAX_DATAGRAM, space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                whole = len(payload) - len(payload) % descriptors.itemsize
                descriptors.frombytes(payload[:whole])
        found = list(descriptors)
        if not data:
            return None, found
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            for fd in found:
                os.close(fd)
            raise ProtocolError("a datagram was cut")
        try:
            return json.loads(data), found
        except ValueError as error:
            raise ProtocolError("a datagram is not JSON: %s" % error)


class Stream:
    """A stream socket of frames, to a child of httpd."""

    def __init__(self, fd):
        self._socket = socket.socket(fileno=fd)

    def close(self):
        self._socket.close()

    def send(self, kind, data=b""):
        self._socket.sendall(HEADER.pack(kind, len(data)))
        if data:
            self._socket.sendall(data)

    def send_descriptor(self, kind, fd):
        self._socket.sendmsg(
            [HEADER.pack(kind, 0)],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])

    def send_bytes(self, source):
        """Send what a file object holds as B frames."""
        while True:
            data = source.read(CHUNK)
            if not data:
                return
            self.send(b"B", data)

    def send_result(self, result):
        self.send(b"R", encode(result))

    def receive(self):
        """(kind, bytes); ProtocolError at the end."""
        kind, size = HEADER.unpack(self._exactly(HEADER.size))
        if size > MAX_FRAME:
            raise ProtocolError("a frame of %d bytes is too long" % size)
        return kind, self._exactly(size)

    def receive_request(self):
        kind, data = self.receive()
        if kind != b"Q":
            raise ProtocolError("expected a request, got frame %r" % kind)
        return data

    def receive_bytes(self, limit):
        """All D frames up to the empty one; ValueError beyond `limit`."""
        whole = bytearray()
        while True:
            kind, data = self.receive()
            if kind != b"D":
                raise ProtocolError("expected bytes, got frame %r" % kind)
            if not data:
                return bytes(whole)
            if len(whole) + len(data) > limit:
                raise ValueError("more than %d bytes" % limit)
            whole += data

    def _exactly(self, size):
        parts = bytearray()
        while len(parts) < size:
            data = self._socket.recv(min(size - len(parts), 1 << 20))
            if not data:
                raise ProtocolError("the caller went away")
            parts += data
        return bytes(parts)
