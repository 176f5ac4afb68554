const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const TIME = "([0-9]{2}):([0-9]{2}):([0-9]{2})";
/** `Sun, 06 Nov 1994 08:49:37 GMT`, which all senders must use. */
const IMF = new RegExp(`^[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ${TIME} GMT$`);
/** `Sunday, 06-Nov-94 08:49:37 GMT`, of RFC 850. */
const RFC850 = new RegExp(`^[A-Z][a-z]{5,8}, ([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2}) ${TIME} GMT$`);
/** `Sun Nov  6 08:49:37 1994`, of asctime() in C. */
const ASCTIME = new RegExp(`^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9 ][0-9]) ${TIME} ([0-9]{4})$`);

/** Epoch milliseconds of an HTTP date in one of its three forms (RFC 9110 section 5.6.7). Null: it is none. */
export function parseHttpDate(text: string): number | null {
  const imf = IMF.exec(text);
  if (imf !== null) return epochMs(imf[3], imf[2], imf[1], imf.slice(4));
  const old = RFC850.exec(text);
  // A year of two digits: which century it was is not worth guessing well, all such clients are gone.
  if (old !== null) return epochMs(`${Number(old[3]) < 70 ? "20" : "19"}${old[3] ?? ""}`, old[2], old[1], old.slice(4));
  const asctime = ASCTIME.exec(text);
  return asctime === null ? null : epochMs(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
}

function epochMs(year: string = "", month: string = "", day: string = "", time: readonly string[]): number | null {
  const position = MONTHS.indexOf(month);
  if (position < 0 || position % 3 !== 0) return null;
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  const days = Number(day);
  // A leap second is that of the next minute.
  if (days < 1 || days > 31 || hour > 23 || minute > 59 || second > 60) return null;
  return Date.UTC(Number(year), position / 3, days, hour, minute, second);
}
