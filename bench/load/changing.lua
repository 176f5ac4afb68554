-- Requests of which no two in a row are alike: another item, another referring page, another trace. The texts are made beforehand, so
-- that the load generator has no more to do than without them.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
local requests = {}
local count = 0

function init()
  for item = 1, 512 do
    wrk.headers["Referer"] = "http://bench.test/catalogue/items?page=" .. item
    wrk.headers["Traceparent"] = string.format("00-%032x-%016x-01", item * 7919, item * 104729)
    requests[item] = wrk.format("GET", "/catalogue/items/" .. item .. "?colour=blue")
  end
end

function request()
  count = count % 512 + 1
  return requests[count]
end
