/** Countries as their two letters (ISO 3166-1), and these as numbers, which look-ups give. */

/** A code as a number above 0; 0: the text is no code of two capital letters. */
export function countryNumber(code: string): number {
  return /^[A-Z]{2}$/.test(code) ? code.charCodeAt(0) * 256 + code.charCodeAt(1) : 0;
}

/** The code of a number of {@link countryNumber}; "" for 0. */
export function countryCode(number: number): string {
  return number === 0 ? "" : String.fromCharCode(number >>> 8, number & 255);
}

/** Why no database in use has this code of two capital letters, as far as is known; null: it is a code. */
export function codeProblem(code: string): string | null {
  if (CODES.has(code)) return null;
  const meant = MEANT[code];
  return meant === undefined ? "it is no code of ISO 3166-1" : `it is no code of ISO 3166-1: ${meant}`;
}

const MEANT: Readonly<Record<string, string>> = {
  UK: "that of the United Kingdom is GB",
  EL: "that of Greece is GR",
  EU: "the European Union is the list of its members",
  AP: "it once stood for Asia and the Pacific",
};

/** The 249 codes that ISO 3166-1 assigns, and XK, which databases use for Kosovo. */
const CODES: ReadonlySet<string> = new Set(
  (
    "XK AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD " +
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF " +
    "GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN " +
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA " +
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI " +
    "SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI " +
    "VN VU WF WS YE YT ZA ZM ZW"
  ).split(" "),
);
