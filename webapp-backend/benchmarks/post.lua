-- wrk -s post.lua URL -- IMAGE: post an image as multipart/form-data again and again, and print
-- what came of it as one line of JSON, latencies in milliseconds.
local boundary = "boundary-of-the-benchmark"
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local image = file:read("*a")
  file:close()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
  wrk.body = "--" .. boundary
    .. '\r\nContent-Disposition: form-data; name="file"; filename="portrait.jpg"'
    .. "\r\nContent-Type: image/jpeg\r\n\r\n" .. image .. "\r\n--" .. boundary .. "--\r\n"
  good, busy, bad = 0, 0, 0
end

function response(status, headers)
  if status == 200 then
    good = good + 1
  elseif status == 503 and headers["Retry-After"] then
    busy = busy + 1
  else
    bad = bad + 1
  end
end

function done(summary, latency)
  local counts = {good = 0, busy = 0, bad = 0}
  for _, thread in ipairs(threads) do
    for name, count in pairs(counts) do
      counts[name] = count + thread:get(name)
    end
  end
  local errors = summary.errors
  counts.bad = counts.bad + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"seconds": %.6f, "good": %d, "busy": %d, "bad": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f}\n',
    summary.duration / 1e6, counts.good, counts.busy, counts.bad,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
