/**
 * The rule of policy/rate-limit/gcra.ts as a script that runs in Redis, so that machines which ask at the same time are counted one after the other.
 *
 * The time is that of Redis: it is one clock for all machines, and theirs may differ by seconds. Times are whole microseconds, which a double holds until the year 2255. A
 * key holds one of them, at which everything is there again, and expires then: an absent key says the same.
 */
import { hash } from "node:crypto";

/**
 * KEYS: the key. ARGV: microseconds for one, how many at once, how many of debt, how many are wanted, how many at least (`all`: all of them, whatever is left).
 * Returns how many were taken, and microseconds until everything is there again.
 */
const TEXT = `
local interval, burst, debt, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local least = tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local capacity = interval * burst
local last = now + capacity + interval * debt
local full = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
if not (full >= now) then full = now end
if full > last then full = last end
local taken = wanted
if least and full + interval * taken > now + capacity then
  taken = math.floor((now + capacity - full) / interval)
  if taken < least then return {0, full - now} end
end
full = math.max(now, math.min(last, full + interval * taken))
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.max(1, math.ceil((full - now) / 1000)))
return {taken, full - now}
`;

export const GCRA: { readonly text: string; readonly sha1: string } = { text: TEXT, sha1: hash("sha1", TEXT) };
