/**
 * Adds a notice to a topic, a stream, and drops those that are older than they must be. A script, because the clock of Redis says what is old. Redis 6.2 or later.
 * KEYS: the topic. ARGV: the notice, and for how many milliseconds notices are kept.
 */
import { scriptOf } from "./script.ts";
import type { Script } from "./script.ts";

const TEXT = `
local time = redis.call('TIME')
local old = math.max(0, tonumber(time[1]) * 1000 - tonumber(ARGV[2]))
local number = redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', old), '*', 'text', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return number
`;

export const APPEND: Script = scriptOf(TEXT);
