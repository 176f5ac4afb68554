-- Requests that differ from one to the next: in item, referring page and trace.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
local requests = {}

function init()
  for item = 1, 512 do
    wrk.headers["Referer"] = "http://bench.test/catalogue/items?page=" .. item
    wrk.headers["Traceparent"] = string.format("00-%032x-%016x-01", item * 7919, item * 104729)
    requests[item] = wrk.format("GET", "/catalogue/items/" .. item .. "?colour=blue")
  end
end

request = in_turn(requests)
