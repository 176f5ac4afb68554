/** Values with which a converted configuration can be checked before the environment has its variables. */
import { parse } from "yaml";

/** By the key at which a variable stands, as a whole or in a part of a name. */
const NAMES: Readonly<Record<string, string>> = { domains: "example.com", host: "example.com" };
/** By the key at which a variable stands as a whole. */
const SAMPLES: Readonly<Record<string, string>> = {
  email: "ops@example.com",
  directory: "https://example.com/",
  ask: "https://example.com/",
};

/** @param text a configuration in YAML; a value for each variable that it cannot do without */
export function sampleEnvironment(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (value: unknown, key: string): void => {
    if (typeof value === "string") {
      for (const [whole, name = ""] of value.matchAll(/(?<!\$)\$\{([A-Za-z_]\w*)\}/g))
        found[name] = NAMES[key] ?? (whole === value ? SAMPLES[key] : undefined) ?? found[name] ?? "1";
    } else if (Array.isArray(value)) value.forEach((each) => visit(each, key));
    else if (typeof value === "object" && value !== null) Object.entries(value).forEach(([own, each]) => visit(each, own));
  };
  visit(parse(text), "");
  return found;
}

/** The same text with the agreement that only its owner can give. */
export function asAgreed(text: string): string {
  return text.replaceAll("terms_agreed: false", "terms_agreed: true");
}
