-- Requests of many clients in turn; the field X-Client tells them apart. Arguments: how many clients, and the first one's number.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
local head
local tail
local keys
local key

function init(args)
  keys = tonumber(args[1])
  key = tonumber(args[2]) % keys
  wrk.headers["X-Client"] = "@"
  head, tail = wrk.format("GET"):match("^(.*X%-Client: )@(.*)$")
end

function request()
  key = (key + 1) % keys
  return head .. key .. tail
end
