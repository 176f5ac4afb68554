/**
 * Counts in a window of time, as a script that runs in Redis: a key for each window, which holds how many were taken and is forgotten some time after its end.
 */
import { scriptOf } from "./script.ts";
import type { Script } from "./script.ts";

/**
 * KEYS: the key. ARGV: how many there are, how many are wanted, whether they are taken whatever is left (`all`), and for how many milliseconds the count is kept.
 * Returns how many were taken, and how many are taken then.
 */
const TEXT = `
local max, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if ARGV[3] ~= 'all' and count + wanted > max then return {0, count} end
count = math.max(0, math.min(count + wanted, 1e15))
if count == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f', count), 'PX', ARGV[4])
end
return {wanted, count}
`;

export const WINDOW: Script = scriptOf(TEXT);

/** How long a count is kept after its window, as the machine that asks sees it: the clock of another one may be behind. */
export const KEPT_AFTER_MS = 60_000;
