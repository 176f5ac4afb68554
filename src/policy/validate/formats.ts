/**
 * The formats of strings that are checked, each in linear time. Those that are not in the list are not checked (JSON Schema 2020-12 section 7.2.3
 * of its validation part allows both).
 */

type Format = (text: string) => boolean;

/** Longer texts are in none of the formats that are checked by expressions. */
const LENGTH_MAX = 8192;

const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
const TIME = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,20})?(?:[Zz]|[+-]([0-9]{2}):([0-9]{2}))$/;
const HOST_LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/;
const UUID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;
const OCTET = /^(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$/;
const DURATION =
  /^P(?:[0-9]{1,18}W|(?=[0-9T])(?:[0-9]{1,18}Y)?(?:[0-9]{1,18}M)?(?:[0-9]{1,18}D)?(?:T(?=[0-9])(?:[0-9]{1,18}H)?(?:[0-9]{1,18}M)?(?:[0-9]{1,18}(?:\.[0-9]{1,18})?S)?)?)$/;
const URI_CHARACTERS = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]{0,99}:/;
const BASE64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;
const POINTER = /^(?:\/(?:[^/~]|~[01])*)*$/;

const FORMATS: Readonly<Record<string, Format>> = {
  date: isDate,
  "date-time": (text) => /^[0-9-]{10}[Tt ]/.test(text) && isDate(text.slice(0, 10)) && isTime(text.slice(11)),
  time: isTime,
  duration: (text) => DURATION.test(text),
  email: isEmail,
  hostname: isHostname,
  ipv4: isIpv4,
  ipv6: isIpv6,
  uuid: (text) => UUID.test(text),
  uri: (text) => SCHEME.test(text) && URI_CHARACTERS.test(text),
  "uri-reference": (text) => URI_CHARACTERS.test(text),
  "json-pointer": (text) => POINTER.test(text),
};

/** Checks of strings; null: the format is not checked. */
export function stringFormat(name: string): Format | null {
  // Texts in base64 may be as long as bodies are.
  if (name === "byte") return (text) => BASE64.test(text);
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  return format === undefined ? null : (text) => text.length <= LENGTH_MAX && format(text);
}

/** Checks of numbers; null: the format is not checked. */
export function numberFormat(name: string): ((value: number) => boolean) | null {
  if (name === "int32") return (value) => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
  if (name === "int64") return (value) => Number.isInteger(value) && value >= -(2 ** 63) && value <= 2 ** 63;
  return null;
}

function isDate(text: string): boolean {
  const [, year = "", month = "", day = ""] = DATE.exec(text) ?? [];
  return year !== "" && Number(day) >= 1 && Number(day) <= daysOf(Number(year), Number(month));
}

function daysOf(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isTime(text: string): boolean {
  const [, hours = "", minutes = "", seconds = "", offsetHours = "0", offsetMinutes = "0"] = TIME.exec(text) ?? [];
  if (hours === "" || Number(hours) > 23 || Number(minutes) > 59) return false;
  // 60 is a leap second.
  return Number(seconds) <= 60 && Number(offsetHours) <= 23 && Number(offsetMinutes) <= 59;
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  if (at < 1 || at > 64 || text.length > 254) return false;
  return (
    text
      .slice(0, at)
      .split(".")
      .every((part) => LOCAL_PART.test(part)) && isHostname(text.slice(at + 1))
  );
}

function isHostname(text: string): boolean {
  if (text.length > 253) return false;
  return text.split(".").every((label) => HOST_LABEL.test(label));
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => OCTET.test(part));
}

function isIpv6(text: string): boolean {
  if (text.length > 45 || !/^[0-9A-Fa-f:.]+$/.test(text)) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const hasIpv4 = last.includes(".");
  // An address of version 4 stands at the end only.
  if (hasIpv4 && (!isIpv4(last) || text.endsWith("::"))) return false;
  const plain = hasIpv4 ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = plain.length + (hasIpv4 ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}
