/** What only the machine knows about values of a configuration: whether the files are there, and whether this user may have the ports. */
import { parseListenAddress } from "../base/listen-address.ts";
import { mapScalars } from "./document.ts";
import type { Located } from "./document.ts";
import type { Finding, KeyPath } from "../values/finding.ts";

/** Each answers with what is wrong, or null; what is absent is not asked. */
export interface Surroundings {
  readonly certificatesProblem?: (path: string) => string | null;
  readonly portProblem?: (port: number) => string | null;
}

export function findingsOfSurroundings(root: Located, surroundings: Surroundings): Finding[] {
  const findings: Finding[] = [];
  mapScalars(root, (scalar, path) => {
    if (typeof scalar.value !== "string") return scalar;
    const certificates = isCertificateFile(path) ? surroundings.certificatesProblem?.(scalar.value) : null;
    if (certificates !== null && certificates !== undefined) findings.push({ path, message: certificates, severity: "error" });
    const port = isListenAddress(path) ? portOf(scalar.value) : 0;
    const forbidden = port === 0 ? null : surroundings.portProblem?.(port);
    // Whoever checks a file is often not who runs it.
    if (forbidden !== null && forbidden !== undefined) findings.push({ path, message: forbidden, severity: "warning" });
    return scalar;
  });
  return findings;
}

function isCertificateFile([first, , third, fourth, fifth]: KeyPath): boolean {
  return first === "upstreams" && third === "tls" && fourth === "ca_file" && fifth === undefined;
}

function isListenAddress(path: KeyPath): boolean {
  if (path.at(-1) !== "address") return false;
  return path[0] === "listeners" ? path.length === 3 : path.length === 2 && (path[0] === "server" || path[0] === "admin");
}

function portOf(address: string): number {
  const parsed = parseListenAddress(address).address;
  return parsed?.kind === "tcp" ? parsed.port : 0;
}
