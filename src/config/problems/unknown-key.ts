/**
 * The message about an unknown key: which key was probably meant, what the key of another proxy is called here, or where the key belongs.
 */
import { nearest } from "../../base/did-you-mean.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { NOT_YET, foreignKey, isVocabulary } from "../schema/foreign-keys.ts";
import { keysAt, placeName, placesOf } from "../schema/json-schema.ts";
import type { SchemaNode } from "../schema/json-schema.ts";

/**
 * Keys that later versions will have at these places. Without this list a message would send the reader to a key of that name at another
 * place.
 */
const LATER: ReadonlySet<string> = new Set([
  "upstreams.NAME.endpoints[].max_connections",
  "upstreams.NAME.tls.cert_file",
  "upstreams.NAME.tls.key_file",
  "routes[].rate_limit.store",
]);

/**
 * @param schema of the form in which the file is
 * @param otherForm the schema of the other form
 */
export function unknownKey(path: KeyPath, schema: SchemaNode, otherForm: SchemaNode): Finding {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const known = keysAt(schema, parent);
  const finding = (message: string, meant?: string): Finding => ({
    path,
    atKey: true,
    message,
    severity: "error",
    keyIsHarmless: true,
    ...(meant !== undefined && known.includes(meant) ? { insteadOf: [...parent, meant] } : {}),
  });
  const place = placeName(schema, path);
  if (LATER.has(place)) return finding(`unknown key: ${NOT_YET}`);
  // YAML reads `idle:30s` without a space as one word without a value.
  const glued = /^([a-z_]+):./.exec(key)?.[1];
  if (glued !== undefined && known.includes(glued)) {
    return { ...finding(`unknown key: after the colon of \`${glued}\` a space is missing`, glued), keyIsHarmless: false };
  }
  // Docker compose files have anchors below such keys.
  if (parent.length === 0 && /^x[-_]/.test(key))
    return { ...finding("unknown key: an anchor has no key of its own, it stands where its value is first used"), keyIsHarmless: false };
  const near = nearest(key, known);
  // A key that is less near may be anything, a secret too. Then only the suggestion is shown.
  const isMisspelled = near !== null && (near.distance <= 2 || isVocabulary(key));
  const meant = near === null ? null : { ...finding(`unknown key; did you mean "${near.word}"?`, near.word), keyIsHarmless: isMisspelled };
  if (near?.distance === 1 && meant !== null) return meant;
  const foreign = foreignKey(key, place);
  // The foreign word has another name here. A key that has the same name here is only in a wrong place, which is handled below.
  if (foreign !== null && foreign.place !== null && leafOf(foreign.place) !== key)
    return finding(`unknown key: ${foreign.text}`, leafOf(foreign.place));
  const elsewhere = placesNamed(key, schema, place);
  if (elsewhere !== "") return finding(`unknown key here: it belongs to ${elsewhere}`);
  if (foreign !== null) return finding(`unknown key: ${foreign.text}`);
  const inOther = placesNamed(key, otherForm, place);
  if (inOther !== "") return finding(`unknown key: in the other form it is ${inOther}`);
  if (meant !== null) return meant;
  const list = known.length === 0 ? "" : `; known here: ${known.join(", ")}`;
  return { ...finding(`unknown key${list}`), keyIsHarmless: isVocabulary(key) };
}

/** The places where `key` is known, for a message: at most two, the nearest to `place` first; "" when there is none. */
function placesNamed(key: string, schema: SchemaNode, place: string): string {
  const shared = (other: string): number => {
    let length = 0;
    while (length < place.length && place[length] === other[length]) length++;
    return length;
  };
  const named = knownPlaces(schema).filter((each) => leafOf(each) === key);
  // Of a place and one further inside the same mapping, the outer one is meant.
  const isInside = (each: string, outer: string): boolean =>
    each !== outer && outer !== key && each.startsWith(outer.slice(0, -key.length));
  return named
    .filter((each) => !named.some((outer) => isInside(each, outer)))
    .sort((a, b) => shared(b) - shared(a))
    .slice(0, 2)
    .map((each) => `\`${each}\``)
    .join(" or ");
}

/** The places of all keys, each once, by schema. A file with many unknown keys asks for them with each. */
const places: WeakMap<SchemaNode, readonly string[]> = new WeakMap();

function knownPlaces(schema: SchemaNode): readonly string[] {
  let found = places.get(schema);
  // The keys of defaults are those of routes and upstreams.
  if (found === undefined) places.set(schema, (found = [...new Set(placesOf(schema))].filter((place) => !place.startsWith("defaults."))));
  return found;
}

function leafOf(place: string): string {
  return place.slice(place.lastIndexOf(".") + 1);
}
