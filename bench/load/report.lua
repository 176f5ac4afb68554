-- Adds to wrk's report what it leaves out. Every script of this folder loads this one, which can also be used alone.
-- The next of these requests, again and again: they are made beforehand, so that the load generator has no more to do than with one.
function in_turn(requests)
  local count = 0
  return function()
    count = count % #requests + 1
    return requests[count]
  end
end

function done(summary, latency)
  io.write(string.format("p99.9 %d us\nlongest %d us\n", latency:percentile(99.9), latency.max))
end
