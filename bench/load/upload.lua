-- POST of 1 MiB. Argument `chunked`: in chunks of 16 KiB, otherwise by Content-Length.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
local SIZE = 1048576
local CHUNK = 16384
local post

function init(args)
  local body = string.rep("0123456789abcdef", SIZE / 16)
  if args[1] == "chunked" then
    wrk.headers["Transfer-Encoding"] = "chunked"
    local chunk = string.format("%x\r\n", CHUNK) .. body:sub(1, CHUNK) .. "\r\n"
    post = wrk.format("POST") .. chunk:rep(SIZE / CHUNK) .. "0\r\n\r\n"
  else
    post = wrk.format("POST", nil, nil, body)
  end
end

function request()
  return post
end
