-- Runs inside wrk. Arguments after `--`: METHOD BODY_BYTES THINK_MS. Prints the summary as one line of
-- JSON that bench/wrk.ts reads; latencies are microseconds.

function init(args)
  wrk.method = args[1] or "GET"
  local body_bytes = tonumber(args[2] or "0")
  if body_bytes > 0 then
    wrk.body = string.rep("x", body_bytes)
  end
  local think_ms = tonumber(args[3] or "0")
  if think_ms > 0 then
    -- wrk waits so many milliseconds before each request of a connection.
    delay = function() return math.random(0, think_ms) end
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nsummary {"requests":%d,"durationUs":%d,"bytes":%d,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d},'
      .. '"p50Us":%d,"p99Us":%d,"maxUs":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99), latency.max))
end
