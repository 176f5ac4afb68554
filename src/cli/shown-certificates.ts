/** Which certificates a listener serves, in words: for `millrace check` and `millrace explain`. */
import { isLocalName } from "../base/local-names.ts";
import type { Config } from "../config/schema/schema.ts";
import { shownFile } from "../config/problems/shown.ts";
import { dayOf } from "../certificates/pair-findings.ts";
import { wantedBy } from "../control/acme/certificate-order.ts";
import { AcmeStorage } from "../control/acme/storage.ts";
import { readPair } from "../control/certificates/read-material.ts";
import type { CertificateFiles } from "../control/certificates/read-material.ts";

type Tls = NonNullable<Config["listeners"][number]["tls"]>;

/** Most names that are shown. */
const NAMES_MAX = 5;

/** Such as `TLS for a.test, *.a.test, until 2027-01-31`. */
export function tlsInWords({ certificates, acme, internal }: Tls): string {
  const names = new Set([...certificates.flatMap((entry) => namesIn(entry)), ...(acme?.domains.flat() ?? [])]);
  const more = names.size > NAMES_MAX ? [`${names.size - NAMES_MAX} more names`] : [];
  const open = acme?.on_demand === undefined ? [] : ["names on demand"];
  const shown = [...[...names].slice(0, NAMES_MAX), ...more, ...open, ...(internal === undefined ? [] : ["local names"])];
  return `TLS for ${shown.length === 0 ? "no name" : shown.join(", ")}${untilInWords([...certificates, ...storedFiles(acme)])}`;
}

/** Such as `, until 2027-01-31`: when the certificate of these files ends, or the first of several. "": none can be read. */
export function untilInWords(files: readonly CertificateFiles[]): string {
  const ends = files.flatMap((each) => endOf(each) ?? []);
  if (ends.length === 0) return "";
  const first = dayOf(Math.min(...ends));
  return files.length === 1 ? `, until ${first}` : `, certificates end from ${first} on`;
}

type Rule = NonNullable<Tls["client_certificates"]>;

/** What a client gets and must show under a name. */
interface Shown {
  /** Which certificate it gets, in words. */
  readonly certificate: string;
  /** Null: it is asked for no certificate. */
  readonly rule: Rule | null;
}

/**
 * The lines of `explain` about the certificate for a host.
 * @param host without port; "": none is named
 * @param showsOne whether the client would show a certificate
 */
export function certificateLines(tls: Tls, host: string, showsOne: boolean): readonly string[] {
  const { certificate, rule } = shownTo(tls, host);
  return [`certificate: ${certificate}`, ...clientLine(rule, showsOne)];
}

/** What is asked of clients that name the host; null: no certificate. */
export function clientRuleFor(tls: Tls, host: string): Rule | null {
  return shownTo(tls, host).rule;
}

function shownTo(tls: Tls, host: string): Shown {
  const { certificates, acme, internal, client_certificates: all } = tls;
  const name = host.toLowerCase().replace(/\.$/, "");
  const patterns = [name, name.replace(/^[^.]+/, "*")];
  const found = patterns.map((pattern) => certificates.findIndex((entry) => namesIn(entry).includes(pattern))).find((index) => index >= 0);
  const entry = found === undefined ? undefined : certificates[found];
  if (found !== undefined && entry !== undefined)
    return { certificate: `#${found + 1}, ${shownFile(entry.cert_file)}${untilInWords([entry])}`, rule: ruleOf(entry, all) };
  const rule = all ?? null;
  if (acme?.domains.flat().some((domain) => patterns.includes(domain)) === true)
    return { certificate: `obtained over ACME${untilInWords(storedFiles(acme, patterns))}`, rule };
  if (internal !== undefined && isLocalName(name)) return { certificate: "of the local authority", rule };
  if (acme?.on_demand !== undefined) return { certificate: `obtained over ACME, if ${acme.on_demand.ask} admits the name`, rule };
  const [first] = certificates;
  if (tls.strict_sni || first === undefined) return { certificate: "none has this name, so the handshake is refused", rule: null };
  return { certificate: `none has this name, so clients get #1, ${shownFile(first.cert_file)}, and refuse it`, rule: ruleOf(first, all) };
}

function ruleOf({ client_certificates: own }: Tls["certificates"][number], all: Tls["client_certificates"]): Rule | null {
  return (own ?? all) || null;
}

function clientLine(rule: Rule | null, showsOne: boolean): readonly string[] {
  if (rule === null) return showsOne ? ["client certificate: not asked for under this name, so none is shown"] : [];
  const forwarded = rule.forward === undefined ? "" : `, forwarded as ${rule.forward}`;
  const missing = rule.mode === "required" && !showsOne ? "; without one there is no connection (--client-cert FILE shows one)" : "";
  return [`client certificate: ${rule.mode}${forwarded}${missing}`];
}

/** The files in which certificates over ACME lie once they were obtained. @param names only those for one of these; absent: all */
function storedFiles(acme: Tls["acme"], names?: readonly string[]): readonly CertificateFiles[] {
  if (acme === undefined) return [];
  const storage = new AcmeStorage(acme.storage);
  const wanted = wantedBy(acme).filter((each) => names === undefined || each.names.some((name) => names.includes(name)));
  return wanted.map(({ id }) => ({ cert_file: storage.at("certificates", `${id}.pem`) }));
}

function namesIn(entry: CertificateFiles): readonly string[] {
  const read = readPair(entry);
  return "value" in read ? read.value.names : [];
}

/** Epoch milliseconds; null: the files cannot be read. */
function endOf(files: CertificateFiles): number | null {
  const read = readPair(files);
  return "value" in read ? (read.value.certificates[0]?.validToDate.getTime() ?? null) : null;
}
