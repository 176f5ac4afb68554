/** Puts a preset of fields that tell browsers to be careful on all responses, the proxy's own answers included. */
import { connectionOptions } from "../../http/connection-options.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { ResponseChanges } from "../../http/head-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { WantedFields } from "../../http/wanted-fields.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { securityHeadersFacts } from "./facts.ts";
import { SECURITY_FIELDS } from "./presets.ts";
import type { Preset } from "./presets.ts";
import type { SecurityHeadersConfig } from "./schema.ts";

export const securityHeaders: Feature<"security_headers"> = {
  name: "security-headers",
  key: "security_headers",
  facts: securityHeadersFacts,
  compile: securityHeadersMiddleware,
};

function securityHeadersMiddleware(levels: readonly SecurityHeadersConfig[]): Middleware {
  const preset = levels.at(-1) ?? "off";
  if (preset === "off") return { name: "security-headers" };
  return preset === "strict" ? replacing(preset) : completing(preset);
}

/** All fields of the preset, in the place of the origin's. */
function replacing(preset: Preset): Middleware {
  const names = new ReplacedNames(NAMES, NAMES);
  const [plain, secure] = [linesOf(preset, false, 0), linesOf(preset, true, 0)];
  return {
    name: "security-headers",
    onResponse: ({ scheme }, response) => response.replaceLines(names, scheme === "https" ? secure : plain),
  };
}

/** The fields of the preset that the response does not have. */
function completing(preset: Preset): Middleware {
  /** The lines for each set of fields that a response has already, without and with TLS. Each is made when it is first needed. */
  const known: string[] = [];
  return {
    name: "security-headers",
    onResponse: ({ scheme }, response) => {
      const there = response.head === null ? thereInAnswer(response) : thereInHead(response.head);
      const isSecure = scheme === "https";
      response.appendLines((known[there * 2 + (isSecure ? 1 : 0)] ??= linesOf(preset, isSecure, there)));
    },
  };
}

const NAMES: readonly string[] = SECURITY_FIELDS.map(({ name }) => name.toLowerCase());
const WANTED: WantedFields = new WantedFields(NAMES);

/** The lines of the preset but for the fields whose bits are set in `there`. */
function linesOf(preset: Preset, isSecure: boolean, there: number): string {
  return SECURITY_FIELDS.map((field, index) =>
    (there & (1 << index)) !== 0 || (field.tlsOnly === true && !isSecure) ? "" : fieldLine(field.name, field[preset]),
  ).join("");
}

/** A bit for each field of the presets that the client gets from the origin. A field that Connection names is not passed on (RFC 9110 section 7.6.1). */
function thereInHead(head: ResponseHead): number {
  const there = WANTED.in(head);
  const { named } = connectionOptions(head);
  if (there === 0 || named.length === 0) return there;
  return NAMES.reduce((left, name, at) => (named.includes(name) ? left & ~(1 << at) : left), there);
}

/** A bit for each field of the presets that an answer of the proxy's own has. */
function thereInAnswer(response: ResponseChanges): number {
  return response.answered.reduce((there, [name]) => {
    const at = NAMES.indexOf(name.toLowerCase());
    return at < 0 ? there : there | (1 << at);
  }, 0);
}
