"""Python's own HTTP client over TLS. Arguments: authority, port, port that wants a client certificate, certificate, key. Prints what it saw as JSON."""

import http.client
import json
import ssl
import sys
import urllib.request

authority, port, closed_port, certificate, key = sys.argv[1:]


def context(version=None):
    made = ssl.create_default_context(cafile=authority)
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


def kept(version):
    """Two requests on one connection, the second with a body in chunks; then a connection that resumes the session."""
    own = context(version)
    connection = http.client.HTTPSConnection("localhost", int(port), context=own, timeout=10)
    connection.request("GET", "/hello")
    first = connection.getresponse().read().decode()
    socket = connection.sock
    used = socket.version()
    connection.request("POST", "/echo", body=(b"x" * 50_000 for _ in range(20)), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    second = len(connection.getresponse().read())
    is_kept = connection.sock is socket
    session = socket.session
    connection.close()
    again = http.client.HTTPSConnection("localhost", int(port), context=own, timeout=10)
    again.sock = own.wrap_socket(again._create_connection(("localhost", int(port))), server_hostname="localhost", session=session)
    again.request("GET", "/hello")
    again.getresponse().read()
    reused = again.sock.session_reused
    again.close()
    return {"first": first, "second": second, "kept": is_kept, "version": used, "resumed": reused}


def refused(own, to):
    """The kind of error that a request ends with; None if it is answered."""
    try:
        with urllib.request.urlopen(f"https://localhost:{to}/hello", context=own, timeout=10) as answer:
            answer.read()
        return None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None)
        return type(reason if isinstance(reason, Exception) else error).__name__


known = context()
known.load_cert_chain(certificate, key)
with urllib.request.urlopen(f"https://localhost:{closed_port}/hello", context=known, timeout=10) as answer:
    with_certificate = answer.read().decode()
print(
    json.dumps(
        {
            "tls12": kept(ssl.TLSVersion.TLSv1_2),
            "tls13": kept(ssl.TLSVersion.TLSv1_3),
            "withCertificate": with_certificate,
            "withoutCertificate": refused(context(), closed_port),
            "unknownAuthority": refused(ssl.create_default_context(), port),
        }
    )
)
