-- Requests that are spread evenly over 10,000 routes: half are taken by their host, half by the first segment of their path.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
local requests = {}

function init()
  for variant = 0, 511 do
    local route = math.floor(variant * 5000 / 512)
    if variant % 2 == 0 then
      wrk.headers["Host"] = "host-" .. route .. ".bench.test"
      requests[variant + 1] = wrk.format("GET", "/catalogue/items/4711?colour=blue")
    else
      wrk.headers["Host"] = "bench.test"
      requests[variant + 1] = wrk.format("GET", "/prefix-" .. route .. "/items/4711?colour=blue")
    end
  end
end

request = in_turn(requests)
