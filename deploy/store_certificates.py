"""Mutual TLS between the object store's own servers: their gRPC ports answer nobody without our certificate.

The authority is made with its one certificate, and its key is never written: nobody can issue another. A new pair is
made at each start, so none has to be renewed.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy import private_file

LIFETIME = timedelta(days=3650)
# The store's components that have a section of their own in security.toml. `client` is for all that they dial.
COMPONENTS = ("master", "volume", "filer", "s3", "admin", "worker", "mq", "msg_broker", "msg_agent", "client")


def create(directory: Path) -> None:
    """Write the authority, the certificate with its key, and the `security.toml` that names them."""
    directory.mkdir(mode=0o700, exist_ok=True)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("wanLLMDB store authority", authority_key.public_key(), authority_key, is_authority=True)
    certificate = _certificate("wanLLMDB store", key.public_key(), authority_key, is_authority=False)
    paths = {name: directory / name for name in ("authority.crt", "store.crt", "store.key")}
    private_file.write(paths["authority.crt"], _pem(authority))
    private_file.write(paths["store.crt"], _pem(certificate))
    private_file.write(
        paths["store.key"], key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    )
    # A JSON string is a TOML string.
    names = {name: json.dumps(str(path)) for name, path in paths.items()}
    sections = [f"[grpc]\nca = {names['authority.crt']}\n"]
    sections += [f"[grpc.{name}]\ncert = {names['store.crt']}\nkey = {names['store.key']}\n" for name in COMPONENTS]
    private_file.write(directory / "security.toml", "\n".join(sections))


def _certificate(
    name: str, public_key: ec.EllipticCurvePublicKey, authority_key: ec.EllipticCurvePrivateKey, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("wanLLMDB store authority"))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
