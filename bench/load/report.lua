-- What wrk's own report leaves out. Every script of this folder begins with it; one alone is a script, too.
function done(summary, latency)
  io.write(string.format("p99.9 %d us\nlongest %d us\n", latency:percentile(99.9), latency.max))
end
