"""A license server with a certificate of the partner's own authority, over real TLS."""

import dataclasses
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from licensing.cisco import transport
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import CLIENT_ID, CLIENT_SECRET, EmulatorThread
from licensing.cisco.errors import CssmUnavailable
from licensing.cisco.transport import ServerConfig, forget_circuits


@dataclasses.dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        unencrypted = serialization.NoEncryption()
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted
        ).decode()


def issue(name: str, signer: Issued | None = None, address: str = "127.0.0.1") -> Issued:
    """An authority, or with a signer a server's certificate, for this IP address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if signer is None:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(names, critical=False).add_extension(authority, critical=False)
    return Issued(builder.sign((signer.key if signer else key), hashes.SHA256()), key)


AUTHORITY = issue("Partner's own authority")


def serving(folder: Path, address: str = "127.0.0.1") -> EmulatorThread:
    issued = issue("on-prem.example", AUTHORITY, address)
    file = folder / "server.pem"
    file.write_text(issued.pem + issued.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return EmulatorThread(tls=context)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorThread]:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    forget_circuits()
    with serving(tmp_path) as running:
        running.state.add("acme.example", "Acme")
        running.state.add("globex.example", "Globex")
        yield running


def config_of(server: EmulatorThread, **options: object) -> ServerConfig:
    config = ServerConfig(
        "on_prem",
        server.origin + "/api/v1",
        server.origin + "/backend/oauth/token",
        CLIENT_ID,
        CLIENT_SECRET,
        allowed_networks=("127.0.0.0/8",),
    )
    return dataclasses.replace(config, **options)


def accounts(config: ServerConfig) -> list[str]:
    with CssmClient(config) as client:
        return [found.name for found in client.smart_accounts()]


def test_own_authority_is_trusted_once_its_certificate_is_entered(server: EmulatorThread) -> None:
    assert accounts(config_of(server, ca_pem=AUTHORITY.pem)) == ["Acme", "Globex"]


def test_authority_that_was_entered_with_its_key_is_trusted_still(server: EmulatorThread) -> None:
    """Refused today, but not the syncs of who entered it before that."""
    assert accounts(config_of(server, ca_pem=AUTHORITY.pem + AUTHORITY.key_pem)) == ["Acme", "Globex"]


@pytest.mark.parametrize("ca_pem", ["", issue("Somebody else").pem])
def test_unknown_authority_is_not_trusted(server: EmulatorThread, ca_pem: str) -> None:
    with pytest.raises(CssmUnavailable, match="its certificate is not trusted"):
        accounts(config_of(server, ca_pem=ca_pem))


def test_certificate_of_another_address_is_not_trusted(tmp_path: Path, server: EmulatorThread) -> None:
    with serving(tmp_path, "10.0.0.1") as other, pytest.raises(CssmUnavailable, match="its certificate is not trusted"):
        accounts(config_of(other, ca_pem=AUTHORITY.pem))


@pytest.mark.parametrize("verified", [True, False])
def test_end_of_the_shown_certificate_is_noted(server: EmulatorThread, verified: bool) -> None:
    config = config_of(server, ca_pem=AUTHORITY.pem) if verified else config_of(server, verify_tls=False)
    with CssmClient(config) as client:
        assert client.transport.certificate_not_after is None
        client.smart_accounts()
        noted = client.transport.certificate_not_after

    assert noted is not None
    assert timedelta(days=29) < noted - datetime.now(UTC) <= timedelta(days=30)


def test_verification_goes_only_when_it_is_switched_off(server: EmulatorThread) -> None:
    assert accounts(config_of(server, verify_tls=False)) == ["Acme", "Globex"]
