-- The access checker of a virtual host: asks the gate whether the request may go on.

local http = require "socket.http"
local url = "http://127.0.0.1:8080/gate/moehe-secondary-results"
local away = "open"  -- while the gate is away: "open" lets everybody through, "closed" answers 503
local passed_on = {  -- fields of the visitor that the gate may look at
  "Cookie", "Sadd-Session", "Sadd-Entry", "Sadd-Pass", "User-Agent", "Accept", "Sec-Fetch-Mode",
}
local told = { "ratelimit", "ratelimit-policy", "retry-after", "location", "set-cookie", "www-authenticate", "sadd-room" }
local forged = { "X-Sadd-Subject", "X_Sadd_Subject", "X-Sadd_Subject", "X_Sadd-Subject" }

http.TIMEOUT = 0.5

function gate(r)
  local asked = {
    ["X-Forwarded-For"] = r.useragent_ip,
    ["X-Original-URI"] = r.unparsed_uri,
    ["X-Original-Method"] = r.method,
  }
  for _, name in ipairs(passed_on) do asked[name] = r.headers_in[name] end
  -- What is too large for the gate could make it look as if it were away.
  local size = 0
  for _, value in pairs(asked) do size = size + #value end
  if size > 12000 then return 431 end
  -- No visitor names the subject; nor by an underscore, which some origins take for a dash.
  for _, name in ipairs(forged) do r.headers_in[name] = nil end
  local answered, status, headers = http.request{ url = url, redirect = false, headers = asked }
  if not answered then
    if away == "open" then return apache2.OK end
    r.err_headers_out["Retry-After"] = "1"
    return 503
  end
  for _, name in ipairs(told) do
    if headers[name] then r.err_headers_out[name] = headers[name] end
  end
  if status >= 200 and status < 300 then
    r.headers_in["X-Sadd-Subject"] = headers["x-sadd-subject"]
    return apache2.OK
  end
  if status == 429 and headers["sadd-room"] then
    r.status = 429
    r.content_type = "application/problem+json"
    r:write('{"type":"https://sadd.example/problems/waiting-room","title":"There is a waiting room before this service.","status":429,"room_url":"' .. headers["sadd-room"] .. '"}')
    return apache2.DONE
  end
  if status == 302 or status == 401 or status == 429 or status == 503 then return status end
  r:err("the gate does not know this service or this proxy: " .. status)
  return 502
end
