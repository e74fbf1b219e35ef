-- What 256 connections ask for, reading and writing, in sandboxes whose tokens are the arguments.
-- One request in five is a write; each is accepted, so that every other status than 200 is a failure.

local account = "/api/v1/account/119631"
local dossier = "/dossiers/804127"
local headers, wrong, sent, first = {}, {}, 0, {}

local reads = {
  account .. "/dossiers",
  account .. "/dossiers?monitored=true&page=3",
  account .. "/dossiers?dossierReference=TEST",
  account .. dossier,
  account .. dossier .. "/documents",
  account .. "/thirdparties?pageSize=20",
  account,
  "/edge" .. account .. "/dossiers?pageSize=5",
}
local codes = { '["ATT_VIGI"]', '["ATT_VIGI","JUSTIF_IMM"]' }

local function import()
  return account .. "/dossiers", string.format(
    '{"companyIdType":"CIT001","companyIdValue":"99050000100013","dossierReference":"LOAD-%d"}', sent)
end

local function update()
  return account .. dossier, string.format('{"description":"changed %d times"}', sent)
end

local function requirements()
  return account .. dossier .. "/requirements", codes[sent % #codes + 1]
end

local writes = { import, update, import, requirements }

function setup(thread)
  table.insert(first, thread)
end

function init(tokens)
  for _, token in ipairs(tokens) do
    table.insert(headers, { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" })
  end
end

function request()
  sent = sent + 1
  local whose = headers[math.random(#headers)]
  if sent % 5 == 0 then
    local path, body = writes[sent / 5 % #writes + 1]()
    return wrk.format("POST", path, whose, body)
  end
  return wrk.format("GET", reads[math.random(#reads)], whose)
end

-- As text: tables of one thread cannot be read from another.
failures = ""

function response(status, _, body)
  if status ~= 200 and #failures < 2000 then
    failures = failures .. status .. " " .. string.sub(body, 1, 200) .. "\n"
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"requests": %d, "failed": %d, "seconds": %f, "p50": %f, "p99": %f, "max": %f}\n',
    summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
  io.stderr:write(first[1]:get("failures"))
end
