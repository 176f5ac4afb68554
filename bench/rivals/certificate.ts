/** TLS of the workloads over it: one certificate, and settings that are equal for all proxies. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key in one file, as HAProxy wants them. */
  readonly both: string;
}

/** TLS 1.3's first suite, which every machine with AES instructions prefers, by its name in RFC 8446. */
export const SUITE = "TLS_AES_128_GCM_SHA256";
/** The curve of the key exchange. */
export const CURVE = "X25519";
/** The name that clients ask for. wrk names none but an address, so the certificate has that as well. */
export const NAME = "bench.test";

const TIME_LIMIT_MS = 5000;

/** Makes a self-signed certificate with an ECDSA key on P-256. */
export function makeCertificate(folder: string): CertificateFiles {
  const [certificate, key, both] = ["certificate.pem", "key.pem", "both.pem"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
  const names = ["-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME},IP:127.0.0.1`];
  execFileSync("openssl", ["req", ...kind, ...names, "-keyout", key, "-out", certificate], { stdio: "pipe" });
  writeFileSync(both, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"), { mode: 0o600 });
  return { certificate, key, both };
}

/** Does a handshake with a proxy. Null if both agreed on the settings that are to be measured; else a message that says on what instead. */
export function otherSettings(port: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    // What wrk offers, so that it gets the same.
    const socket = tls.connect({ port, host: "127.0.0.1", servername: NAME, rejectUnauthorized: false }, () => {
      const { namedCurve = "no curve" } = socket.getPeerX509Certificate()?.publicKey.asymmetricKeyDetails ?? {};
      const agreed = [socket.getProtocol(), socket.getCipher().standardName, curveOf(socket), namedCurve].join(" ");
      const wanted = ["TLSv1.3", SUITE, CURVE, "prime256v1"].join(" ");
      resolve(agreed === wanted ? null : `its clients get ${agreed} and not ${wanted}`);
      socket.destroy();
    });
    socket.once("error", reject);
    socket.setTimeout(TIME_LIMIT_MS, () => socket.destroy(new Error(`no handshake within ${TIME_LIMIT_MS / 1000} s`)));
  });
}

function curveOf(socket: tls.TLSSocket): string {
  const info = socket.getEphemeralKeyInfo();
  return (info !== null && "name" in info ? info.name : undefined) ?? "no curve";
}
