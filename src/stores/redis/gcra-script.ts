/**
 * The rule of policy/rate-limit/gcra.ts as a script that runs in Redis, so that machines which ask at the same time are counted one after the other.
 *
 * The time is that of Redis: it is one clock for all machines, and theirs may differ by seconds. Times are whole microseconds, which a double holds until the year 2255. A
 * key holds one of them, at which everything is there again, and expires then: an absent key says the same.
 */
import { scriptOf } from "./script.ts";
import type { Script } from "./script.ts";

/**
 * KEYS: the key. ARGV: microseconds for one, how many at once, how many of debt, how many are wanted, how many at least (`all`: all of them, whatever is left), and for how many
 * microseconds what was taken may be given back (0: it is not a limit with leases).
 * Returns how many were taken, and microseconds until everything is there again.
 *
 * What is given back late must not be worth more than if it had never been taken. A bucket that was full meanwhile would have gained nothing, and in general nothing above the least that was
 * missing from it meanwhile. So a key with leases also holds what was missing at least in this span of time (`least`), in the one before it (`before`), and when this one began.
 */
const TEXT = `
local interval, burst, debt, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local enough, span = tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local capacity = interval * burst
local last = now + capacity + interval * debt
local full, before, least, began = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) ?(%d*) ?(%d*) ?(%d*)$')
full = tonumber(full or 0)
if full < now then full = now end
if full > last then full = last end
local missing = full - now
if span > 0 then
  before, least, began = tonumber(before) or 0, tonumber(least) or 0, tonumber(began) or now
  if now - began >= span then
    before = now - began < 2 * span and least or missing
    least, began = missing, now
  end
  least = math.min(least, missing)
end
local taken = wanted
if enough and full + interval * taken > now + capacity then
  taken = math.floor((now + capacity - full) / interval)
  if taken < enough then taken = 0 end
end
if span > 0 and taken < 0 then
  full = full - math.min(interval * -taken, before, least)
else
  full = math.max(now, math.min(last, full + interval * taken))
end
if wanted == 0 or taken ~= 0 then
  local value = string.format('%.0f', full)
  if span > 0 then value = string.format('%.0f %.0f %.0f %.0f', full, before, least, began) end
  redis.call('SET', KEYS[1], value, 'PX', math.max(1, math.ceil((full - now) / 1000)))
end
return {taken, full - now}
`;

export const GCRA: Script = scriptOf(TEXT);
