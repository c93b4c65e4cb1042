"""A small satellite in another language: pairs with a hub and sends it a recording.

Written from protocol/PROTOCOL.md and sotto.proto alone; needs aioquic, protobuf, spake2 and cryptography.
Usage: satellite.py HUB_HOST HUB_PORT CODE PACKETS   where PACKETS is a file of hexadecimal Opus packets, one a line.
Prints one JSON object: the hub's id and how many packets it acknowledged.
"""

import asyncio
import datetime
import hashlib
import hmac
import json
import os
import ssl
import sys
import tempfile

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from spake2 import SPAKE2_A

import sotto_pb2 as wire


def identity(folder):
    """A key and a self-signed certificate: their files, and the certificate's fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a satellite in Python")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        # rustls' parser wants version 3, which is version 3 only with an extension in it.
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sotto.local")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file = os.path.join(folder, "certificate.pem")
    key_file = os.path.join(folder, "key.pem")
    with open(certificate_file, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(key_file, "wb") as file:
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file.write(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    fingerprint = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    return certificate_file, key_file, fingerprint


def frame(message):
    body = message.SerializeToString()
    length, prefix = len(body), b""
    while length >= 0x80:
        prefix += bytes([length & 0x7F | 0x80])
        length >>= 7
    return prefix + bytes([length]) + body


async def read(reader, kind):
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    message = kind()
    message.ParseFromString(await reader.readexactly(length))
    return message


class Satellite(QuicConnectionProtocol):
    """Keeps the fingerprint of whoever is at the other end."""

    def hub_fingerprint(self):
        certificate = self._quic.tls._peer_certificate
        return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()


def dial(host, port, alpn, files):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=[alpn], verify_mode=ssl.CERT_NONE)
    configuration.load_cert_chain(*files)
    return connect(host, port, configuration=configuration, create_protocol=Satellite)


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


async def pair(host, port, code, files, fingerprint, own):
    async with dial(host, port, "sotto-pair/1", files) as connection:
        hub_fingerprint = connection.hub_fingerprint()
        password = code.replace(" ", "").encode()
        exchange = SPAKE2_A(password, idA=b"satellite " + fingerprint, idB=b"hub " + hub_fingerprint)
        start = wire.Pairing(start=wire.PairStart(version=1, pake=exchange.start(), peer=own))
        reader, writer = await connection.create_stream()
        writer.write(frame(start))
        answer = await read(reader, wire.Pairing)
        if answer.WhichOneof("message") != "answer":
            raise SystemExit(f"refused: {answer.refused.reason}")
        hub = answer.answer.peer
        key = exchange.finish(answer.answer.pake)
        parts = [b"sotto-pair/1", fingerprint, hub_fingerprint]
        for pake, peer in ((start.start.pake, own), (answer.answer.pake, hub)):
            parts += [pake] + [text.encode() for text in (peer.id, peer.name, peer.area, peer.hardware)]
        transcript = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
        confirm = {
            side: mac(mac(key, b"sotto-pair/1", b" confirmation from ", side), transcript)
            for side in (b"satellite", b"hub")
        }
        writer.write(frame(wire.Pairing(confirm=wire.PairConfirm(mac=confirm[b"satellite"]))))
        last = await read(reader, wire.Pairing)
        if not hmac.compare_digest(last.confirm.mac, confirm[b"hub"]):
            raise SystemExit("the code is wrong, or somebody sits between")
        return hub_fingerprint


async def speak(host, port, files, pinned, own, packets):
    async with dial(host, port, "sotto/1", files) as connection:
        if connection.hub_fingerprint() != pinned:
            raise SystemExit("another hub answers")
        reader, writer = await connection.create_stream()
        hello = wire.Hello(version=1, satellite=own.id, name=own.name, area=own.area, hardware=own.hardware)
        writer.write(frame(wire.ToHub(hello=hello)))
        ack = (await read(reader, wire.ToSatellite)).hello_ack
        utterance = os.urandom(16)
        _, speech = await connection.create_stream(is_unidirectional=True)
        header = wire.UtteranceHeader(
            utterance=utterance,
            push_to_talk=wire.PushToTalk(),
            level_dbfs=-20,
            codec=wire.Codec(kind=wire.CODEC_KIND_OPUS, sample_rate=16000, channels=1, frame_ms=20),
        )
        speech.write(frame(wire.Speech(header=header)))
        for sequence, opus in enumerate(packets):
            speech.write(frame(wire.Speech(packet=wire.AudioPacket(sequence=sequence, opus=opus))))
        end = wire.UtteranceEnd(reason=wire.END_REASON_RELEASED, packets=len(packets))
        speech.write(frame(wire.Speech(end=end)))
        speech.write_eof()
        received = 0
        while True:
            message = await read(reader, wire.ToSatellite)
            match message.WhichOneof("message"):
                case "ack" if message.ack.utterance == utterance:
                    received = message.ack.received
                case "outcome" if message.outcome.utterance == utterance:
                    return ack.hub, received


async def main(host, port, code, packets_file):
    with open(packets_file) as file:
        packets = [bytes.fromhex(line) for line in file.read().split()]
    with tempfile.TemporaryDirectory() as folder:
        *files, fingerprint = identity(folder)
        own = wire.Peer(id="python-1", name="Python", area="Study", hardware="aioquic")
        pinned = await pair(host, int(port), code, files, fingerprint, own)
        hub, received = await speak(host, int(port), files, pinned, own, packets)
        print(json.dumps({"hub": hub, "received": received}))


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
