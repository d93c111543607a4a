-- Asks the gate and leaves what it said in variables: txn.sadd_status, and txn.sadd_<field> for each field
-- below. No status: the gate is away.

local gate = "http://127.0.0.1:8089/gate/"
local passed_on = {
  "cookie", "sadd-session", "sadd-entry", "sadd-pass", "user-agent", "accept", "sec-fetch-mode",
}  -- fields of the visitor that the gate may look at
local told = {
  "x-sadd-subject", "ratelimit", "ratelimit-policy", "retry-after", "location", "set-cookie", "www-authenticate",
  "sadd-room",
}

core.register_action("sadd_gate", { "http-req" }, function(txn)
  local asked = {
    ["x-forwarded-for"] = { txn.f:src() },
    ["x-original-uri"] = { txn.f:pathq() },
    ["x-original-method"] = { txn.f:method() },
  }
  local headers = txn.http:req_get_headers()
  for _, name in ipairs(passed_on) do
    if headers[name] then asked[name] = { headers[name][0] } end
  end
  -- What is too large for the gate could make it look as if it were away.
  local size = 0
  for _, values in pairs(asked) do size = size + #values[1] end
  if size > 12000 then return txn:set_var("txn.sadd_status", 431) end
  local answer = core.httpclient():get{
    url = gate .. txn:get_var("txn.sadd_service"), headers = asked, timeout = 2000,
  }
  -- The gate always names the subject, if only as nobody. A 5xx without that is HAProxy's own: the gate is away.
  if not answer or not answer.headers then return end
  if answer.status >= 500 and not answer.headers["x-sadd-subject"] then return end
  txn:set_var("txn.sadd_status", answer.status)
  for _, name in ipairs(told) do
    if answer.headers[name] then
      txn:set_var("txn.sadd_" .. name:gsub("-", "_"), answer.headers[name][0])
    end
  end
end)
